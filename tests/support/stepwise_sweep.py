"""A sweep that goes on only when it is told to, stage by stage, also within what is one piece of work."""

from enum import IntEnum

from shared.core.rounds import RoundState
from shared.model.objects import chunk_name
from shared.model.sweep import SweepKind, SweepOrder
from shared.model.tickets import RunTicket
from shared.usecases.runs import open_run
from shared.usecases.sweep_chunks import settle
from shared.usecases.sweep_pieces import _one_piece


class Stage(IntEnum):
    """How far it is."""

    QUEUED = 0
    MARKED = 1
    CONDEMNED = 2
    BARRIER = 3
    RESCUED = 4
    DOOMED = 5
    """Some chunks are being deleted, and are there."""
    DELETED = 6
    """They are gone, and the catalogue does not know it."""
    SETTLED = 7
    ENDED = 8


_BEFORE = {
    Stage.MARKED: SweepKind.CONDEMN,
    Stage.CONDEMNED: SweepKind.BARRIER,
    Stage.BARRIER: SweepKind.RESCUE,
    Stage.RESCUED: SweepKind.DELETE,
}


class StepwiseSweep:
    """Of a world's share."""

    def __init__(self, files):
        self.files, self.stage, self.run = files, Stage.QUEUED, None
        self._batch, self._doomed = None, []

    async def advance(self, stage):
        """Take it to a stage; nothing if it is there."""
        while self.stage < stage:
            await self._step(Stage(self.stage + 1))
            self.stage = Stage(self.stage + 1)

    async def _step(self, stage):
        files = self.files
        if self.run is None:
            self.run = await files.queue_retention(SweepOrder(by="test", margin_s=0))
            async with files.app.run_scope(self.run.run_id) as scope:
                receipt = await open_run(RunTicket(run_id=self.run.run_id, epoch=self.run.epoch), scope)
                assert receipt.error == "", receipt
        if stage in _BEFORE:
            await self._work_up_to(_BEFORE[stage])
            return
        if stage is Stage.ENDED:
            self.run = await files.drive_on(self.run, RoundState(self.run.run_id, 1, epoch=self.run.epoch))
            return
        async with files.app.run_scope(self.run.run_id) as scope:
            share_id = files.share.share_id
            if stage is Stage.DOOMED:
                claim = await scope.sweeps.claim_sweep(self.run.run_id, "by hand", most_pages=1, lease_s=300)
                assert claim.item.kind is SweepKind.DELETE
                self._batch = claim.batch_no
                self._doomed = await scope.sweeps.doom(self.run.run_id, self._batch, share_id, 0, 16, 100)
            elif stage is Stage.DELETED:
                self._outcome = [
                    await scope.vault.delete(chunk_name(share_id, chunk.digest), chunk.etag) for chunk in self._doomed
                ]
            else:
                await settle(scope, self._doomed, self._outcome)
                await scope.catalogue.give_back(self.run.run_id, self._batch)

    async def _work_up_to(self, kind):
        ticket = RunTicket(run_id=self.run.run_id, worker="sweeper", epoch=self.run.epoch)
        while await self._next_kind() < kind:
            async with self.files.app.run_scope(self.run.run_id) as scope:
                assert await _one_piece(ticket, scope)

    async def _next_kind(self):
        async with self.files.app.transaction() as conn:
            query = "SELECT coalesce(min(kind), 99) FROM sweep_item WHERE run_id = %s"
            row = await (await conn.execute(query, [self.run.run_id])).fetchone()
        return row[0]

    @property
    def doomed(self):
        """Digests of what was about to be deleted."""
        return {chunk.digest for chunk in self._doomed}
