"""Worker processes of restores killed with -9 at random moments: what they leave is finished by others, and the target is what was saved.

One restore after the other: into an empty share, over what was changed there since, as a mirror of a target with more in it, undone. The short
form is in the test suite, with the same seed each time; ``make torture`` runs the long one, whose seed AFB_SEED sets.
"""

import asyncio
import os
import random
import secrets
import time
from dataclasses import replace

import pytest

from shared.model.restore import Conflicts
from shared.model.run import Driver, RunState
from tests.support import source
from tests.support.crash_loop import LATENCY, LIMITS, POLL_S, SLOWEST_RUN_S, STUCK_S, Owner
from tests.support.crew import crew
from tests.support.share_tree import service
from tests.support.world import world


class RestoreLoop:
    """Restores of one restore point until ``kills`` workers were killed."""

    def __init__(self, files, logs, *, seed, kills, workers, span):
        self._files, self._logs, self._kills, self._size, self._span = files, logs, kills, workers, span
        self._rng = random.Random(seed)
        self._source = source.Source()
        self._permissions: dict[str, str] = {}
        self.kills = 0
        self.runs: list[str] = []

    async def run(self, *, seconds):
        """Raises ``AssertionError`` when a target is not what it has to be, or when there were not enough kills in time."""
        deadline = time.monotonic() + seconds
        point = await self._files.backup()
        expected = await self._read(self._files.share.share_name)
        with crew(self._files.app, self._logs, LIMITS, size=self._size) as workers:
            while self.kills < self._kills:
                assert time.monotonic() < deadline, f"{self}: not done after {seconds} s"
                await self._round(workers, point, expected)

    async def _round(self, workers, point, expected):
        name = f"target-{secrets.token_hex(4)}"
        await self._restore(workers, point, name)
        assert self._differences(expected, await self._read(name)) == [], f"{self}: {name} is not what was saved"
        await asyncio.to_thread(Owner(self._files.client(name), self._rng).change, self._files.control)
        before = await self._read(name)
        more = len(before.keys() - expected.keys())
        mirror = {"conflicts": Conflicts.MIRROR, "delete_at_most": 2 * more + len(before)}  # a torn batch counts twice
        run = await self._restore(workers, point, name, **mirror)
        assert self._differences(expected, await self._read(name)) == [], f"{self}: {name} is not a mirror"
        undo = {"undoes": run.run_no, "undo_snapshot": run.share_snapshot, "create_share": False}
        await self._restore(workers, point, name, **mirror, **undo)
        assert self._differences(before, await self._read(name)) == [], f"{self}: {name} is not what it was before"
        service(self._files.emulator).delete_share(name, delete_snapshots="include")

    async def _restore(self, workers, point, name, **order):
        """One restore with as many kills as fit in."""
        run = await self._files.queue_restore(point.run_no, name, driver=Driver.WORKERS, **order)
        self._files.control.limit(name, **LATENCY)
        began = time.monotonic()
        for _ in range(self._rng.randrange(2, 9)):
            if self.kills >= self._kills or not await self._moment(run, name):
                break
            workers.freeze()
            workers.kill(self._rng.randrange(len(workers.workers)))
            self.kills += 1
            workers.hire()
            workers.thaw()
        while (now := await self._files.reload(run)).finished_at is None:
            assert workers.ended() == []
            assert time.monotonic() - began < SLOWEST_RUN_S, f"{self}: run {run.run_no} does not end: {now}"
            await asyncio.sleep(0.05)
        self._files.control.unlimit()
        self.runs.append(
            f"{run.run_no} {order.get('conflicts', 'into nothing')}{' undone' if 'undoes' in order else ''}"
        )
        print(self, flush=True)
        assert now.state is RunState.SUCCEEDED, (self, now, await self._files.journal(run))
        return now

    async def _moment(self, run, name):
        """Wait for the next one; False if the run ended before."""
        wanted = self._requests(name) + self._rng.randrange(1, self._span)
        seen, since = -1, time.monotonic()
        while (now := self._requests(name)) < wanted:
            if now != seen:
                seen, since = now, time.monotonic()
            elif time.monotonic() - since > STUCK_S:
                break
            if (await self._files.reload(run)).finished_at is not None:
                return False
            await asyncio.sleep(POLL_S)
        await asyncio.sleep(self._rng.random() ** 2 * 0.3)
        return (await self._files.reload(run)).finished_at is None

    def _requests(self, name):
        return self._files.control.counters(name)["total"]["requests"]

    async def _read(self, name):
        return await asyncio.to_thread(self._source.read, self._files.client(name))

    def _differences(self, expected, found):
        """But for FileIds, which nobody can set; and permissions by what they say: one that was set has another key than when inherited."""
        return source.differences(self._comparable(expected), self._comparable(found))

    def _comparable(self, tree):
        return {
            path: replace(node, file_id=0, permission_key=self._sddl(node.permission_key))
            for path, node in tree.items()
        }

    def _sddl(self, key):
        if key not in self._permissions:
            text = self._files.client().get_permission_for_share(key)
            self._permissions[key] = text if "S:" in text else f"{text}S:NO_ACCESS_CONTROL"
        return self._permissions[key]

    def __str__(self):
        return f"{self.kills} kills, {len(self.runs)} restores, the last {self.runs[-1] if self.runs else '-'}"


async def restore_loop(postgres_url, azurite, files_emulator, logs, *, files, seconds, seed, **options):
    small = {"bundle_file_max_bytes": 64 * 1024, "large_file_bytes": 5 << 20}
    async with world(postgres_url, azurite, files_emulator, **small) as made:
        name = made.share.share_name
        made.client().delete_share()
        shape = {"profile": "office", "files": files, "seed": seed, "median_bytes": 3000, "sigma": 1.5, "large": 0.0}
        made.control.ask("POST", f"/shares/{name}/synthetic", {**shape, "max_bytes": 1 << 20, "depth": 5, "tail": 0})
        loop = RestoreLoop(made, logs, seed=seed, **options)
        await loop.run(seconds=seconds)
        return loop


@pytest.mark.timeout(400)
async def test_workers_of_restores_killed_at_a_few_moments(postgres_url, azurite, files_emulator, tmp_path):
    loop = await restore_loop(
        postgres_url, azurite, files_emulator, tmp_path, files=250, kills=8, workers=3, span=60, seed=3, seconds=300
    )
    assert loop.kills >= 8
    assert len(loop.runs) >= 3


@pytest.mark.torture
@pytest.mark.timeout(3600)
async def test_workers_of_restores_killed_at_a_hundred_moments(postgres_url, azurite, files_emulator, tmp_path):
    seed = int(os.environ.get("AFB_SEED") or secrets.randbelow(1 << 30))
    kills, files = int(os.environ.get("AFB_KILLS", "100")), int(os.environ.get("AFB_FILES", "5000"))
    print(f"AFB_SEED={seed}", flush=True)
    loop = await restore_loop(
        postgres_url, azurite, files_emulator, tmp_path,
        files=files, kills=kills, workers=4, span=900, seed=seed, seconds=3000,
    )  # fmt: skip
    assert loop.kills >= kills
