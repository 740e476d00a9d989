"""One turn of a worker on one run: open it, do a share of its work, or close it.

What is to be done is read from the run's row, which all workers see. What this worker remembers of a run is how often in a row
it came to nothing, for which it has the orchestrators' rule (:class:`shared.core.rounds.RoundState`): a step that failed is
tried again after a pause that grows, and after ten of them the run is given up. A batch committed by anybody in the meantime
is progress; that there is nothing to claim while others hold batches is neither.
"""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import wraps

from shared.core.rounds import Phase, RoundState, pause_s
from shared.db import batches
from shared.db.batches import BatchKind
from shared.errors import BackupError
from shared.model.run import Driver, Run, RunState
from shared.model.tickets import Receipt, RunTicket, Stop
from shared.usecases.lease import lease_kept
from shared.usecases.runs import close_run, open_run, work_on
from shared.usecases.scope import RunScope
from shared.wiring import App
from worker.events import log

WORK = (BatchKind.DIRECTORIES, BatchKind.SPAN, BatchKind.RESTORE, BatchKind.VERIFY, BatchKind.REBUILD, BatchKind.SWEEP)


@dataclass(slots=True)
class _Memory:
    """What this worker remembers of a run."""

    state: RoundState
    batches: int = 0
    """Batches that anybody had committed when this worker last came to nothing."""
    not_before: float = 0.0
    """On the clock: when a step that failed is tried again."""


class Turns:
    """The turns of one worker, whose name is ``worker``."""

    def __init__(self, app: App, worker: str) -> None:
        self._app = app
        self._worker = worker
        self._memory: dict[int, _Memory] = {}

    def forget_all_but(self, runs: list[Run]) -> None:
        """Forget what is no longer at work."""
        known = {run.run_id for run in runs}
        self._memory = {run_id: memory for run_id, memory in self._memory.items() if run_id in known}

    async def take(self, run: Run) -> bool:
        """Take a turn on ``run``, whose row was read a moment ago; False if there was nothing to do for this worker now."""
        memory = self._memory.get(run.run_id)
        if memory is None or memory.state.epoch != run.epoch:
            memory = self._memory[run.run_id] = _Memory(RoundState(run.run_id, 1, epoch=run.epoch))
        if self._app.clock.monotonic() < memory.not_before:
            return False
        state = replace(memory.state, phase=_phase(run, memory.state))
        try:
            receipt = await (self._work(run, memory) if state.phase is Phase.WORKING else self._control(run, state))
        except Exception as error:  # a bug: a step without a result, as it is to an orchestrator
            log.exception("step_broke", extra=_of(run, phase=state.phase))
            receipt = Receipt(left=-1, error=f"{type(error).__name__}: {error}")
        if receipt is None:
            return False
        if receipt.error:
            log.warning("step_failed", extra=_of(run, phase=state.phase, error=receipt.error, barren=state.barren + 1))
        after = state if receipt.stop is Stop.LEAVING else state.after([receipt])
        if after.phase is Phase.CLOSING and run.driver is not Driver.WORKERS:
            after = replace(state, barren=after.barren or state.barren + 1)  # its orchestration sees to that
            if not receipt.error:
                return False
        if after.phase is not state.phase:
            log.info("phase", extra=_of(run, phase=after.phase, error=after.error))
        memory.state = after
        memory.not_before = self._app.clock.monotonic() + pause_s(after.barren)
        if after.phase is Phase.CLOSING and state.phase is Phase.WORKING:
            return await self.take(run)
        return True

    async def _work(self, run: Run, memory: _Memory) -> Receipt | None:
        """Do a share of the work; None if others hold all that is left."""
        receipt = await self._app.perform(self._ticket(run), work_on)
        if receipt.batches or receipt.stop is not Stop.NO:
            if receipt.batches:
                log.info("worked", extra=_of(run, batches=receipt.batches, left=receipt.left))
            return receipt
        if receipt.left == 0:
            return receipt
        with suppress(BackupError):
            async with self._app.transaction() as conn:
                if not receipt.error and await batches.held(conn, run.run_id, WORK):
                    return None
                before, memory.batches = memory.batches, await batches.done(conn, run.run_id)
                receipt = replace(receipt, batches=max(0, memory.batches - before))
        return receipt

    async def _control(self, run: Run, state: RoundState) -> Receipt | None:
        """Open or close the run; None while another worker has the right to."""
        ticket = replace(self._ticket(run), error=state.error if state.phase is Phase.CLOSING else "")
        lease_s = self._app.limits.lease_s
        try:
            batch_no = await self._app.catalogue.claim_control(run.run_id, self._worker, lease_s=lease_s)
        except BackupError as error:
            return Receipt(left=-1, error=f"{type(error).__name__}: {error}")
        if batch_no is None:
            return None
        try:
            if state.phase is Phase.OPENING:
                return await self._app.perform(ticket, _holding(batch_no, open_run))
            return await self._app.close(ticket, _holding(batch_no, close_run))
        finally:
            with suppress(BackupError):
                await self._app.catalogue.give_back(run.run_id, batch_no)

    def _ticket(self, run: Run) -> RunTicket:
        return RunTicket(run_id=run.run_id, worker=self._worker, epoch=run.epoch)


def _phase(run: Run, remembered: RoundState) -> Phase:
    """What is to be done: what the run's row says, unless this worker found all of it done, or has decided to give it up."""
    if run.state is RunState.CANCELLING or remembered.phase is Phase.CLOSING:
        return Phase.CLOSING
    return Phase.WORKING if run.state is RunState.RUNNING and run.seeded else Phase.OPENING


def _holding(
    batch_no: int, step: Callable[[RunTicket, RunScope], Awaitable[Receipt]]
) -> Callable[[RunTicket, RunScope], Awaitable[Receipt]]:
    """``step`` with the right to it renewed."""

    @wraps(step)
    async def held(ticket: RunTicket, scope: RunScope) -> Receipt:
        async with lease_kept(scope, batch_no):
            return await step(ticket, scope)

    return held


def _of(run: Run, **fields: object) -> dict[str, object]:
    return {"run_id": run.run_id, "tenant_id": run.tenant_id, "share_id": run.share_id, "run_no": run.run_no, **fields}
