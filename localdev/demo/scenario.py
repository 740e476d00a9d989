"""The demo from beginning to end: fill, back up, change, back up again, restore both, compare, check the numbers."""

import asyncio
import json
import multiprocessing
import os
import signal
import urllib.request
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

from localdev.demo import checks
from localdev.demo.account import Account
from localdev.demo.api import Api, ProtectedShare, Run
from localdev.demo.catalogue import catalogue_bytes
from localdev.demo.change import change, rename_only
from localdev.demo.checks import Backup, Check
from localdev.demo.compare import Difference, compare
from localdev.demo.content import MIB
from localdev.demo.fill import fill
from localdev.demo.library_tree import library_tree
from localdev.demo.made_up import CROWD_FILES, LARGE_BYTES, made_up
from localdev.demo.plan import Plan
from localdev.demo.progress import Bar, Steps
from localdev.demo.reading import Reading, read_share
from localdev.launcher.settings import FILES_CREDENTIAL
from localdev.launcher.stack import Stack

SOURCE = "demo"
LIBRARY = "python"
FULL_CAP = 10_000
"""Library files in the whole demo; the issue's numbers are about a share of at least this size."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BackedUp:
    """A backup, and the state of the share that it saved."""

    run: Run
    service_requests: int
    state: str
    """The demo's own share snapshot."""

    @property
    def counted(self) -> Backup:
        """What the checks need to know of it."""
        return Backup(counters=self.run.counters, service_requests=self.service_requests)


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """A restore, and how its result differs from what was saved."""

    restore_point: int
    share: str
    run: Run
    differences: tuple[Difference, ...]


@dataclass(slots=True)
class Outcome:
    """What came of the demo; complete once ``play`` has returned."""

    files: int = 0
    directories: int = 0
    size_bytes: int = 0
    backups: list[BackedUp] = field(default_factory=list)
    """The two that are restored."""
    after_rename: BackedUp | None = None
    """A third, before which nothing was done but rename the directory above the crowd."""
    restores: list[Restored] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)
    catalogue_first_bytes: int = 0
    catalogue_bytes: int = 0
    catalogue_files: int = 0

    @property
    def holds(self) -> bool:
        """Whether both restores are exact and every promise was kept."""
        exact = len(self.restores) == 2 and not any(restored.differences for restored in self.restores)
        return exact and all(check.holds for check in self.checks)


def play(stack: Stack, steps: Steps, *, cap: int) -> Outcome:
    """Play the demo on a running stack.

    :param cap: library files to write; below ``FULL_CAP`` everything is smaller, and promises about large shares are
        not checked.
    :raises ApiError: a run failed, or saved or restored less than everything.
    """
    return _Demo(stack, steps, cap).play()


class _Demo:
    def __init__(self, stack: Stack, steps: Steps, cap: int) -> None:
        self._stack, self._steps, self._cap = stack, steps, cap
        self._account = Account(url=stack.files.url, name=stack.files.account, key=stack.files.key)
        self._outcome = Outcome()

    @property
    def _full(self) -> bool:
        return self._cap >= FULL_CAP

    def play(self) -> Outcome:
        plan = self._fill()
        share = self._protect()
        self._outcome.backups.append(self._backup(share, "first backup"))
        self._outcome.catalogue_first_bytes = catalogue_bytes(self._stack.postgres_url)
        self._change(plan)
        self._outcome.backups.append(self._backup(share, "second backup"))
        self._outcome.catalogue_bytes = catalogue_bytes(self._stack.postgres_url)
        rename_only(self._account, SOURCE)
        self._outcome.after_rename = self._backup(share, "backup after renaming a directory")
        with _workers() as executor:
            states = self._read_states(executor)
            for backup, state in zip(self._outcome.backups, states, strict=True):
                self._restore(share, backup.run.number, state, executor)
        self._check(*states)
        self._forget_states()
        self._look_after(share)
        return self._outcome

    def _say(self, line: str) -> None:
        self._steps.console.print(f"          {line}", highlight=False, markup=False, soft_wrap=True)

    def _fill(self) -> Plan:
        with self._steps.step("look for files to back up"):
            share = self._cap / FULL_CAP
            crowd = CROWD_FILES if self._full else round(CROWD_FILES * share)
            large_bytes = LARGE_BYTES if self._full else 80 * MIB
            plan = Plan.joined([made_up(crowd=crowd, large_bytes=large_bytes), library_tree(LIBRARY, cap=self._cap)])
            with self._account.share(SOURCE) as client:
                client.create_share()
        with self._steps.step("fill the share", len(plan.files)) as bar:
            asyncio.run(fill(self._account, SOURCE, plan, bar.add))
        self._outcome.files = len(plan.files)
        self._outcome.directories = len({directory.path for directory in plan.directories} | {""})
        self._outcome.size_bytes = plan.size_bytes
        self._say(f"{len(plan.files):,} files, {len(plan.directories):,} directories, {plan.size_bytes / MIB:,.0f} MiB")
        return plan

    def _protect(self) -> ProtectedShare:
        api = Api(self._stack.host_url, self._stack.host_key)
        with self._steps.step("create tenant and share through the API"):
            return api.create_share(
                api.create_tenant("Demo"),
                name="Demo share",
                account_url=self._stack.files_url,
                share_name=SOURCE,
                credential=FILES_CREDENTIAL,
            )

    def _backup(self, share: ProtectedShare, step: str) -> BackedUp:
        with self._account.share(SOURCE) as client:
            state = str(client.create_snapshot(metadata={"taken_by": "demo"})["snapshot"])
        before = self._service_requests()
        with self._steps.step(step, self._outcome.files) as bar:
            run = share.backup(lambda run: _show(bar, run))
        requests = self._service_requests() - before
        counted = run.counters
        self._say(
            f"restore point {run.number}: {counted['changed_files']:,} of {counted['files']:,} files read, "
            f"{counted['files_requests']:,} Files requests, {counted['vault_writes']:,} vault writes "
            f"({counted['vault_chunk_writes']:,} of them chunks)"
        )
        return BackedUp(run=run, service_requests=requests, state=state)

    def _service_requests(self) -> int:
        """Ask the emulator how many requests it has served."""
        with urllib.request.urlopen(f"{self._stack.files.control_url}/counters", timeout=10) as answer:  # noqa: S310
            return int(json.load(answer)["total"]["requests"])

    def _change(self, plan: Plan) -> None:
        library = sorted(file.path for file in plan.files if file.path.startswith(f"{LIBRARY}/"))
        with self._steps.step("change the share"):
            lines = change(self._account, SOURCE, library)
        for line in lines:
            self._say(line)

    def _read_states(self, executor: Executor) -> list[Reading]:
        first, second = (backup.state for backup in self._outcome.backups)
        with self._steps.step("read what was backed up first", self._outcome.files) as bar:
            before = read_share(self._account, SOURCE, snapshot=first, executor=executor, progress=bar.add)
        with self._steps.step("read what was backed up second", self._outcome.files) as bar:
            after = read_share(
                self._account, SOURCE, snapshot=second, executor=executor, known=before.contents, progress=bar.add
            )
        return [before, after]

    def _restore(self, share: ProtectedShare, point: int, state: Reading, executor: Executor) -> None:
        name = f"{SOURCE}-restored-{point}"
        files = sum(node.kind == "file" for node in state.nodes.values())
        with self._steps.step(f"restore point {point} to a new share", files) as bar:
            run = share.restore(point, name, lambda run: _show(bar, run))
        with self._steps.step(f"read the share restored from {point}", files) as bar:
            found = read_share(self._account, name, executor=executor, progress=bar.add)
        differences = tuple(compare(state, found))
        self._outcome.restores.append(Restored(restore_point=point, share=name, run=run, differences=differences))
        self._say(f"{len(state.nodes):,} files and directories compared, {len(differences):,} differences")

    def _look_after(self, share: ProtectedShare) -> None:
        with self._steps.step("verify every saved byte", self._outcome.files) as bar:
            share.verify(lambda run: _show(bar, run))
        with self._steps.step("schedule a backup every night, and choose what is kept"):
            share.look_after()

    def _check(self, before: Reading, after: Reading) -> None:
        first, second = (backup.counted for backup in self._outcome.backups)
        self._outcome.catalogue_files = sum(node.kind == "file" for node in after.nodes.values())
        found = [*checks.check_backup(first, before), *checks.check_backup(second, after)]
        if self._full:
            found += checks.check_first(first)
        found += checks.check_second(second, checks.touched(before, after), after)
        if self._outcome.after_rename is not None:
            found += checks.check_rename(self._outcome.after_rename.counted)
        self._outcome.checks = found

    def _forget_states(self) -> None:
        """Delete the demo's own share snapshots."""
        taken = [*self._outcome.backups, *([self._outcome.after_rename] if self._outcome.after_rename else [])]
        for backup in taken:
            with self._account.share(SOURCE, backup.state) as client:
                client.delete_share()


def _show(bar: Bar, run: Run) -> None:
    bar.show(run.counters["files"], run.counters["bytes"])


@contextmanager
def _workers() -> Iterator[Executor]:
    """Give processes to read in.  Ctrl-C is for this process, which then ends them."""
    with ProcessPoolExecutor(
        max(2, min(4, os.cpu_count() or 2)),
        mp_context=multiprocessing.get_context("spawn"),
        initializer=signal.signal,
        initargs=(signal.SIGINT, signal.SIG_IGN),
    ) as executor:
        yield executor
