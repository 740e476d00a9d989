"""What must be true after trouble: the checker finds nothing, and a later run makes a restore point equal to the share."""

import asyncio

from shared.core.rounds import BARREN_MAX, Phase, RoundState
from shared.model.run import RunState
from shared.model.tickets import RunTicket
from shared.usecases.runs import close_run, open_run, work_on
from tests.support import source
from tests.support.checker import Checker


class Aftermath:
    """Keeps an eye on one world from before the trouble on."""

    def __init__(self, files):
        self._files = files
        self._source = source.Source()
        settings = files.app.settings
        self._checker = Checker(settings.postgres_url, settings.vault_connection, files.share.share_id)

    async def sound(self):
        """Nothing is wrong, whatever has happened."""
        assert await asyncio.to_thread(self._checker.check, full=True) == []

    async def equal(self, run):
        """The run succeeded, and its restore point is the share as it is now."""
        assert run.state is RunState.SUCCEEDED, (run, await self._files.journal(run))
        await self.sound()
        expected = await asyncio.to_thread(self._source.read, self._files.client())
        assert source.differences(expected, source.of_point(self._checker, run.run_no)) == []

    async def mended(self):
        """A later run is as if nothing had been; returns it."""
        run = await self._files.backup()
        await self.equal(run)
        return run


async def to_the_end(files, run, *, pause_s=0.1):
    """Drive a run as an orchestration does, but with short pauses, however often it comes to nothing; returns it as it ends."""
    state = RoundState(run.run_id, 1, epoch=run.epoch)
    while state.phase is not Phase.ENDED:
        usecase = {Phase.OPENING: open_run, Phase.WORKING: work_on, Phase.CLOSING: close_run}[state.phase]
        error = state.error if state.phase is Phase.CLOSING else ""
        ticket = RunTicket(run_id=run.run_id, worker="worker-0", error=error, epoch=state.epoch)
        perform = files.app.close if state.phase is Phase.CLOSING else files.app.perform
        state = state.after([await perform(ticket, usecase)])
        if (await files.reload(run)).finished_at is not None:
            break  # it has ended, even if the journal could not be told
        assert not (state.phase is Phase.CLOSING and state.barren >= BARREN_MAX), f"it cannot be closed: {state}"
        if state.barren:
            await asyncio.sleep(pause_s)
    return await files.reload(run)


async def when(condition, seconds=60.0):
    """Wait until ``condition()`` holds."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - the condition is the emulator's
            await asyncio.sleep(0.01)
