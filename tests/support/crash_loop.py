"""Workers killed with -9 at seeded moments of one backup after the other, and a checker that looks after every kill.

A moment is a number of requests that the share has seen since the kill before, and some milliseconds more, in which the worker
may be anywhere: at the share, at the vault, in a transaction. The same seed changes the share in the same way, kills after the
same numbers of requests and chooses the same victims; what the workers have come to by then is as far as the machine lets them.

Between kills the share changes, so that the next run has something of everything to do. The run does not see it: it reads its
share snapshot, and that is what its restore point must be equal to.
"""

import asyncio
import random
import time
from dataclasses import dataclass, field

from azure.storage.fileshare import ContentSettings

from shared.model.run import Driver, RunState
from tests.support import source
from tests.support.checker import Checker
from tests.support.checker.catalogued import GIVEN_UP, WORK
from tests.support.crew import crew
from tests.support.share_tree import put

LEASE_S = 1.0
LIMITS = {
    "lease_s": LEASE_S,
    "activity_s": 5.0,
    "batch_s": 5.0,
    "batch_files": 100,
    "batch_directories": 30,
    "claim_directories": 4,
    "wave_directories": 8,
    "page_entries": 16,
    "wide_entries": 60,
    "piece_entries": 40,
    "span_bytes": 4 << 20,
    "poll_s": 0.05,
}
POLL_S = 0.005
STUCK_S = 4 * LEASE_S
"""Without a request for this long, everything is claimed by the dead, and it is as good a moment as any."""
SLOWEST_RUN_S = 240.0
BUSY_SHARE = 0.8
LATENCY = {"metadata_ms": 10, "data_ms": 10, "jitter_ms": 10}
"""Of the share, so that most moments are in the middle of something."""


@dataclass
class Report:
    """What happened."""

    seed: int
    kills: int = 0
    runs: list[str] = field(default_factory=list)
    torn: int = 0
    """Batches of the dead that others took over."""

    def progress(self):
        return f"seed {self.seed}: run {self.runs[-1]}, {self.kills} kills, {self.torn} torn batches"

    def __str__(self):
        return f"seed {self.seed}: {self.kills} kills, {self.torn} torn batches, {len(self.runs)} runs ({', '.join(self.runs)})"


class Owner:
    """Somebody who works on a share at random, on nodes that are there."""

    def __init__(self, share, rng):
        self._share, self._rng, self._made = share, rng, 0

    def change(self, control):
        """A few changes of every kind: a part of the files, then directories made, moved and deleted."""
        control.ask(
            "POST", f"/shares/{self._share.share_name}/mutate", {"percent": 2, "seed": self._rng.randrange(1 << 30)}
        )
        self._known = self._walk()
        for _ in range(3):
            self._rng.choice((self._make, self._move, self._delete, self._grow))()

    def _some(self):
        """A directory that is there, or the root."""
        for path in self._rng.sample(self._known, min(10, len(self._known))):
            if self._share.get_directory_client(path).exists():
                return path
        return ""

    def _walk(self):
        found, todo = [], [""]
        while todo and len(found) < 100:
            path = todo.pop(self._rng.randrange(len(todo)))
            for item in self._share.get_directory_client(path or None).list_directories_and_files():
                if item.is_directory:
                    child = f"{path}/{item.name}" if path else item.name
                    found.append(child)
                    todo.append(child)
        return found

    def _fresh(self, parent=""):
        self._made += 1
        name = f"made {self._made}"
        return f"{parent}/{name}" if parent else name

    def _make(self):
        path = self._fresh(self._rng.choice(["", self._some()]))
        for n in range(self._rng.randrange(1, 12)):
            put(self._share, f"{path}/{n}.bin", self._rng.randbytes(self._rng.choice((0, 10, 3000))))

    def _grow(self):
        """A directory with several pages, or one too large for a wave, changes at both ends."""
        for n in range(self._rng.randrange(20, 90)):
            put(self._share, f"wide/{n:03}.txt", b"%d" % self._rng.randrange(1000))
        put(self._share, "large/file.bin", self._rng.randbytes(64) + bytes(9 << 20))

    def _move(self):
        moved, parent = self._some(), self._rng.choice(["", self._some()])
        if f"{parent}/".startswith(f"{moved}/"):
            parent = ""
        if moved:
            self._share.get_directory_client(moved).rename_directory(self._fresh(parent))

    def _delete(self):
        path = self._some()
        if path:
            self._remove(path)

    def _remove(self, path):
        directory = self._share.get_directory_client(path)
        for item in list(directory.list_directories_and_files()):
            child = f"{path}/{item.name}"
            if item.is_directory:
                self._remove(child)
            else:
                file = self._share.get_file_client(child)
                file.set_http_headers(ContentSettings(), file_attributes="none")  # read-only ones cannot be deleted
                file.delete_file()
        directory.delete_directory()


class CrashLoop:
    """Backs up one share of a world again and again, killing workers, until there were ``kills`` of them."""

    def __init__(self, files, logs, *, seed, kills, workers, first_span, first_kills, span, give_up=0.15, at_end=0.15):
        """
        :param span: at most so many requests from kill to kill; ``first_span`` in the first run, which has
            up to ``first_kills``.
        :param give_up: how many of the runs end in failure, by order.
        :param at_end: how many of the moments are when all directories are done, and kill all workers at once.
        """
        self._files, self._logs, self._kills, self._size = files, logs, kills, workers
        self._first_span, self._first_kills = first_span, first_kills
        self._span, self._give_up, self._at_end = span, give_up, at_end
        self._rng = random.Random(seed)
        self._owner = Owner(files.client(), self._rng)
        self._source = source.Source()
        settings = files.app.settings
        self._checker = Checker(settings.postgres_url, settings.vault_connection, files.share.share_id)
        self.report = Report(seed)

    async def run(self, *, seconds):
        """Raises ``AssertionError`` as soon as anything is wrong, or when there were not enough kills in time."""
        deadline = time.monotonic() + seconds
        self._slow_down()
        with crew(self._files.app, self._logs, LIMITS, size=self._size) as workers:
            while self.report.kills < self._kills:
                assert time.monotonic() < deadline, f"{self.report}: not done after {seconds} s"
                await self._round(workers)
            await self._finish(workers, *await self._begin())
        return self.report

    async def _round(self, workers):
        """One backup with as many kills as fit in, then perhaps its end by order."""
        run, before = await self._begin()
        last = self._rng.random() < self._give_up and self.report.runs
        span = self._span if self.report.runs else self._first_span
        for _ in range(self._rng.randrange(2, 7) if self.report.runs else self._first_kills):
            at_end = self._rng.random() < self._at_end
            if self.report.kills >= self._kills or not await self._moment(run, span, at_end=at_end):
                break
            # The others stop where they are: else a small backup would be over by the time that the checker has looked.
            workers.freeze()
            for _ in range(self._size if at_end else 1):
                workers.kill(await self._victim(run, workers))
                self.report.kills += 1
            await self._look(f"after kill {self.report.kills}")
            if (await self._files.reload(run)).share_snapshot:  # the share was as ``before`` shows it
                await asyncio.to_thread(self._change)
            while len(workers.workers) < self._size:
                workers.hire()
            workers.thaw()
        if last:
            await self._end_it(run)
        await self._finish(workers, run, before, may_fail=last)

    def _slow_down(self):
        self._files.control.limit(self._files.share.share_name, **LATENCY)

    def _change(self):
        self._files.control.unlimit()
        self._owner.change(self._files.control)
        self._slow_down()

    async def _begin(self):
        """Queue a backup; returns it, and a share snapshot of ours that shows what it is going to read."""
        before = (await asyncio.to_thread(self._files.client().create_snapshot))["snapshot"]
        return await self._files.queue_backup(Driver.WORKERS), before

    async def _moment(self, run, span, *, at_end):
        """Wait for the next one; False if the run ended before."""
        wanted = self._requests() + self._rng.randrange(1, span)
        extra_s = self._rng.random() ** 2 * 0.3
        if at_end:
            wanted, extra_s = 1 << 62, self._rng.random() * 0.1
        seen, since = -1, time.monotonic()
        while (now := self._requests()) < wanted:
            if at_end and await self._nothing_left(run):
                break
            if now != seen:
                seen, since = now, time.monotonic()
            elif time.monotonic() - since > STUCK_S:
                break
            if (await self._files.reload(run)).finished_at is not None:
                return False
            await asyncio.sleep(POLL_S)
        await asyncio.sleep(extra_s)
        return (await self._files.reload(run)).finished_at is None

    async def _victim(self, run, workers):
        """Mostly one that holds a batch: there is something to tear."""
        async with self._files.app.transaction() as conn:
            query = b"SELECT worker FROM batch WHERE run_id = %s AND state = 0 AND lease_until > now()"
            holders = {name for (name,) in await (await conn.execute(query, [run.run_id])).fetchall()}
        numbers = range(len(workers.workers))
        busy = [n for n in numbers if workers.workers[n].name in holders]
        return self._rng.choice(busy if busy and self._rng.random() < BUSY_SHARE else numbers)

    async def _nothing_left(self, run):
        async with self._files.app.transaction() as conn:
            query = b"SELECT seeded AND NOT EXISTS (SELECT FROM frontier WHERE run_id = run.run_id) FROM run WHERE run_id = %s"
            return (await (await conn.execute(query, [run.run_id])).fetchone())[0]

    def _requests(self):
        return self._files.control.counters(self._files.share.share_name)["total"]["requests"]

    async def _end_it(self, run):
        """Fail the run, as an operator would who has seen enough, whatever its workers are doing."""
        state = await self._files.reload(run)
        if state.finished_at is None:
            await self._files.app.catalogue.abandon_run(run.run_id, "given up by the test")

    async def _finish(self, workers, run, before, *, may_fail=False):
        """Wait until the run has ended; it must have succeeded, and its restore point be what the share was."""
        deadline = time.monotonic() + SLOWEST_RUN_S
        while (now := await self._files.reload(run)).finished_at is None:
            assert workers.ended() == []
            assert time.monotonic() < deadline, f"{self.report}: run {run.run_no} does not end: {now}"
            await asyncio.sleep(0.05)
        self.report.runs.append(f"{run.run_no} {now.state}")
        print(self.report.progress(), flush=True)
        if now.state is RunState.FAILED and may_fail:
            await self._look("after a failed run", full=False)
            return
        assert now.state is RunState.SUCCEEDED, (now, await self._files.journal(run))
        await self._look(f"after run {run.run_no}", full=True)
        self._files.control.unlimit()
        share = self._files.client(snapshot=before)
        expected = await asyncio.to_thread(self._source.read, share)
        found = await asyncio.to_thread(source.of_point, self._checker, run.run_no)
        assert source.differences(expected, found) == [], f"{self.report}: restore point {run.run_no} is not the share"
        await asyncio.to_thread(share.delete_share)
        self._slow_down()

    async def _look(self, when, *, full=False):
        problems = await asyncio.to_thread(self._checker.check, full=full)
        batches = self._checker.catalogued.batches.values()
        self.report.torn = sum(batch.state == GIVEN_UP and batch.kind in WORK for batch in batches)
        assert not problems, f"{self.report}, {when}: {len(problems)} problems, such as {problems[:20]}"
