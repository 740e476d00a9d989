"""Look for runs and take turns on them until told to go."""

import asyncio
from contextlib import suppress
from typing import Final

from shared.adapters.system import jitter
from shared.db import runs
from shared.errors import BackupError, NotFound
from shared.model.run import ACTIVE, Driver, Run, RunState
from shared.model.tickets import Stop
from shared.wiring import App
from worker.events import log
from worker.turn import Turns
from worker.upkeep import keep_up

BUSY_REST_S: Final = 1.0
"""Before looking again when others hold all there is to do, or when there is one run to wait for: a few queries by key. Half of
it or more, so that workers come one by one."""

IDLE_REST_S: Final = 5.0
"""Before looking again when there is no run: one query on an index that is empty then."""


class Worker:
    """One worker. :meth:`serve` returns when it has no more to do or was told to :meth:`leave`."""

    def __init__(self, app: App, name: str, *, only: int | None = None, until_idle: bool = False) -> None:
        """Nothing happens before :meth:`serve`.

        :param only: id of the one run to work on; until it has ended, if it is paused until it was resumed and has ended.
        :param until_idle: return when no run has anything to do for this worker.
        """
        self._app = app
        self._only = only
        self._until_idle = until_idle
        self._turns = Turns(app, name)
        self._told = asyncio.Event()
        self._was_there = False
        """Whether there was such a run as the only one to work on."""
        self._came_round_at = app.clock.monotonic()
        self._sees_runs = False

    @property
    def quiet_s(self) -> float:
        """How many seconds ago it last began a step, or looked for one and found none."""
        return self._app.clock.monotonic() - self._came_round_at

    @property
    def is_ready(self) -> bool:
        """Whether the catalogue answered when it last looked for work, and it was not told to leave."""
        return self._sees_runs and not self._told.is_set()

    def leave(self) -> None:
        """Have it finish the batch in hand, give back the rest, and return."""
        self._app.leaving.ask(Stop.LEAVING)
        self._told.set()

    async def serve(self) -> None:
        """Work. Raises ``NotFound`` when there is no such run as the only one it is to work on."""
        stays = self._only is None and not self._until_idle
        beside = asyncio.create_task(keep_up(self._app)) if stays else None
        try:
            await self._serve()
        finally:
            if beside is not None:
                beside.cancel()
                with suppress(asyncio.CancelledError):
                    await beside

    async def _serve(self) -> None:
        while not self._told.is_set():
            self._came_round()
            try:
                found = await self._runs()
            except NotFound:
                raise
            except BackupError as error:
                self._sees_runs = False
                log.warning("catalogue_unavailable", extra={"error": str(error)})
                await self._rest(IDLE_REST_S)
                continue
            self._sees_runs = True
            if found is None or (self._until_idle and not found):
                return
            self._turns.forget_all_but(found)
            worked = False
            for run in found:
                if not self._told.is_set():
                    self._came_round()
                    worked |= await self._turns.take(run)
            if not worked:
                await self._rest(BUSY_REST_S if found or self._only is not None else IDLE_REST_S)

    def _came_round(self) -> None:
        self._came_round_at = self._app.clock.monotonic()

    async def _runs(self) -> list[Run] | None:
        """Runs that may have something to do for this worker, the oldest first; None when its only one has ended."""
        await self._app.admit(Driver.WORKERS, wait=False)
        async with self._app.transaction() as conn:
            if self._only is None:
                found = await runs.at_work(conn)
            else:
                try:
                    found = [await runs.get(conn, self._only)]
                except NotFound:
                    if not self._was_there:
                        raise
                    return None  # a purge that is done: there is no run
                self._was_there = True
                if found[0].state not in ACTIVE:
                    return None
        return [run for run in found if _is_for_workers(run)]

    async def _rest(self, seconds: float) -> None:
        """Wait for half of ``seconds`` to all of them, or until told to leave."""
        try:
            async with asyncio.timeout(seconds / 2 + jitter(seconds / 2)):
                await self._told.wait()
        except TimeoutError:
            return


def _is_for_workers(run: Run) -> bool:
    """Anybody may help with a run that is open; opening and closing is the driver's."""
    if run.state is RunState.QUEUED and run.admitted_at is None:
        return False
    if run.driver is Driver.WORKERS:
        return run.state is not RunState.PAUSED
    return run.state is RunState.RUNNING and run.seeded
