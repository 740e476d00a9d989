"""After any sequence of backups, prunes, sweeps, crashes and rebuilds every kept restore point restores exactly."""

import random
import secrets

import pytest

from shared.core.rounds import RoundState
from shared.model.retention import PruneOrder
from shared.model.run import RunState
from shared.model.sweep import SweepOrder
from tests.faults.test_backup_and_restore import finish
from tests.integration.test_any_change import Owner
from tests.integration.test_sweep import SMALL
from tests.support.checker import Checker
from tests.support.faults import Killed, Tripwire, When
from tests.support.rebuilding import all_rows, lose, rebuild, unlike
from tests.support.share_tree import differences, put, read_tree
from tests.support.world import world


class History:
    """What happens to a share, at random."""

    def __init__(self, files, seed):
        self.files, self.rng = files, random.Random(seed)
        self.owner, self.points, self.told = Owner(files.client(), seed), {}, []
        self.contents = [self.rng.randbytes(30_000) for _ in range(4)]

    async def step(self):
        what = self.rng.choice(
            [
                self.backup,
                self.backup,
                self.backup,
                self.backup_killed,
                self.prune,
                self.sweep,
                self.sweep_killed,
                self.rebuild,
            ]
        )
        self.told.append(what.__name__)
        await what()

    def change(self):
        self.owner.work()
        # The same contents come back again and again: chunks that are found by their names.
        put(self.files.client(), f"chunked{self.rng.randrange(2)}.bin", self.rng.choice(self.contents))
        if self.rng.random() < 0.3:
            put(self.files.client(), "large.bin", self.rng.choice(self.contents) * 150)

    async def backup(self):
        self.change()
        run = await self.files.backup()
        assert run.state is RunState.SUCCEEDED, await self.files.journal(run)
        self.points[run.run_no] = read_tree(self.files.client())

    async def backup_killed(self):
        """A worker dies in the middle, and the run is given up; what it saved is there, or not."""
        self.change()
        await self.killed(await self.files.queue_backup())

    async def killed(self, run):
        wire = Tripwire(self.rng.randrange(1, 40), self.rng.choice(list(When)), Killed)
        state = RoundState(run.run_id, 1)
        self.files.wrap = wire.wrap
        try:
            while state.phase != "ended":
                state = await self.files.step(run, state)
        except Killed:
            pass
        finally:
            self.files.wrap = lambda scope: scope
        ended = await self.files.reload(run)
        if ended.finished_at is None:
            await self.files.app.catalogue.abandon_run(run.run_id, "killed")
        elif ended.kind == "backup":
            self.points[run.run_no] = read_tree(self.files.client())

    async def prune(self):
        older = sorted(self.points)[:-1]
        if not older:
            return
        going = self.rng.sample(older, self.rng.randrange(1, len(older) + 1))
        wire = Tripwire(self.rng.randrange(1, 20), self.rng.choice(list(When)), Killed)
        run = await finish(self.files, await self.files.queue_retention(PruneOrder(by="test", run_nos=going)), wire)
        assert run.report["expired_count"] == len(going), run.report
        for run_no in going:
            del self.points[run_no]

    async def sweep(self):
        run = await self.files.sweep()
        assert run.state is RunState.SUCCEEDED, run.error

    async def sweep_killed(self):
        await self.killed(await self.files.queue_retention(SweepOrder(by="test", margin_s=0)))

    async def rebuild(self):
        if not self.points:
            return
        lost = all_rows(self.files.app.settings.postgres_url)["restore_point"]
        lose(self.files)
        run = await rebuild(self.files)
        assert (run.state, run.report["lost"]) == (RunState.SUCCEEDED, []), run.report
        assert all_rows(self.files.app.settings.postgres_url)["restore_point"] == lost, unlike

    async def whole(self):
        verify = await self.files.verify(all_points=True)
        assert verify.report["damaged_objects"] == 0, (self.told, verify.report, await self.files.journal(verify))
        settings = self.files.app.settings
        checker = Checker(settings.postgres_url, settings.vault_connection, self.files.share.share_id)
        assert checker.check(full=True) == [], self.told


@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("seed", "steps"),
    [
        (1, 14),
        pytest.param(2, 14, marks=pytest.mark.torture),
        *(pytest.param(seed, 40, marks=pytest.mark.torture) for seed in range(10, 30)),
    ],
)
async def test_every_kept_restore_point_restores_exactly(postgres_url, azurite, files_emulator, seed, steps):
    async with world(postgres_url, azurite, files_emulator, **SMALL) as files:
        history = History(files, seed)
        await history.backup()
        for _ in range(steps):
            await history.step()
        await history.backup()
        await history.whole()
        for run_no, tree in history.points.items():
            target = f"restored-{secrets.token_hex(4)}"
            restore = await files.restore(run_no, target)
            assert restore.state is RunState.SUCCEEDED, (history.told, await files.journal(restore))
            assert differences(tree, read_tree(files.client(target))) == [], (history.told, run_no)
