"""Restore directories of one run until the time budget is used: claim, read manifests, write, commit, and claim again.

Two passes over the same frontier. The first makes directories and writes their files; the second gives the directories their
times, attributes and permissions, after everything below them is there. Before that it makes the hard links in them, on NFS
shares. Every write may be repeated with the same effect, so
a crash before a batch's transaction only means that the batch is done again; after it nothing is.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from shared.core.advice import advice
from shared.errors import IntegrityError, NotFound, Rejected
from shared.model.manifest import PageRecord, SavedEntry
from shared.model.tickets import Receipt, RunTicket
from shared.model.work import RestoreClaim, RestoreCommit, RestoreItem
from shared.ports import JournalLine
from shared.usecases.lease import lease_kept
from shared.usecases.map_permission import PermissionMap
from shared.usecases.open_restore import new_properties, properties_of
from shared.usecases.patience import patiently
from shared.usecases.pull_work import pull_work
from shared.usecases.read_manifests import read_directories_at
from shared.usecases.restore_files import FileRestorer
from shared.usecases.restore_links import FileToRestore, make_links
from shared.usecases.scope import RunScope
from shared.usecases.together import together


async def restore_directories(ticket: RunTicket, scope: RunScope) -> Receipt:
    """Work on the run until it is done or the time is up. Trouble with single nodes is in the journal, not here."""
    permissions = PermissionMap(scope)
    return await pull_work(ticket, scope, lambda ticket, scope: _one_batch(ticket, scope, permissions))


async def _one_batch(ticket: RunTicket, scope: RunScope, permissions: PermissionMap) -> bool:
    """Claim and finish one batch; False when there is none to claim now."""
    limits = scope.limits
    claim = await scope.catalogue.claim_restore(
        ticket.run_id, ticket.worker, limit=limits.claim_directories, lease_s=limits.lease_s
    )
    if claim is None:
        return False
    async with lease_kept(scope, claim.batch_no):
        await _Batch(scope, claim, permissions).run()
    return True


class _Batch:
    def __init__(self, scope: RunScope, claim: RestoreClaim, permissions: PermissionMap) -> None:
        assert scope.writer is not None
        assert scope.run.order is not None
        self._scope = scope
        self._writer = scope.writer
        self._run_no = scope.run.order.restore_point
        self._claim = claim
        self._commit = RestoreCommit(run_id=claim.run_id, batch_no=claim.batch_no)
        self._damaged: set[int] = set()
        self._permissions = permissions
        self._files = FileRestorer(scope, self._permissions, self._commit.counters)

    async def run(self) -> None:
        if self._claim.finishing:
            await self._finish_directories()
        else:
            await self._walk()
        journal = self._files.journal
        for key, reason in self._permissions.lost.items():
            self._commit.counters.errors += 1
            told = f"{key}: {reason}"
            hint = advice("permission_lost", told)
            now = self._scope.clock.now()
            journal.append(JournalLine(at=now, kind="permission_lost", path="", reason=told, hint=hint))
        if journal:
            await self._scope.journal.write(self._scope.run.key, self._claim.batch_no, journal)
        self._commit.counters.add(self._scope.take_requests())
        await self._scope.catalogue.commit_restore(self._commit)
        self._permissions.told()

    # ------------------------------------------------------------------------------------------------------- first pass

    async def _walk(self) -> None:
        limits, clock = self._scope.limits, self._scope.clock
        counters = self._commit.counters
        started = clock.monotonic()
        claimed = {item.node_id for item in self._claim.items}
        stack = list(reversed(self._claim.items))
        planned_bytes = 0
        while stack and not self._scope.stop:
            if counters.directories and (
                counters.directories >= limits.batch_directories
                or planned_bytes >= limits.batch_bytes
                or clock.monotonic() - started >= limits.batch_s
            ):
                break
            wave = [stack.pop() for _ in range(min(limits.wave_directories, len(stack)))]
            found, files = await self._read_wave(wave)
            following = await self._make_directories(found)
            await self._files.restore(files)
            planned_bytes += sum(file.saved.entry.size_bytes for file in files)
            # What was found in a directory that is cut off stays found: it is made and filled once, whoever comes across it.
            cut_off = [item for item in wave if item.node_id in self._files.cut_off]
            counters.directories += len(wave) - len(cut_off)
            self._commit.filled += [item for item in wave if item.node_id not in claimed | self._files.cut_off]
            stack.extend(reversed([*cut_off, *following]))
        self._scope.stop.check()
        left = {item.node_id for item in stack}
        self._commit.returned = sorted(claimed & left)
        self._commit.done = sorted(claimed - left)
        self._commit.found = [item for item in stack if item.node_id not in claimed]

    async def _read_wave(
        self, wave: Sequence[RestoreItem]
    ) -> tuple[list[tuple[RestoreItem, SavedEntry]], list[FileToRestore]]:
        pages = await self._read_pages(wave)
        there = await self._names_there(wave)
        directories: list[tuple[RestoreItem, SavedEntry]] = []
        files: list[FileToRestore] = []
        for item in wave:
            if item.node_id in self._damaged:
                continue
            if item.node_id not in pages:
                self._complain("not_saved", item, "the backup could not list this directory; it is restored empty")
                continue
            for page in pages[item.node_id]:
                for saved in page.entries:
                    path = f"{item.path}/{saved.entry.name}" if item.path else saved.entry.name
                    if saved.entry.is_directory:
                        properties = properties_of(saved.entry, saved.posix)
                        child = RestoreItem(node_id=saved.node_id, path=path, properties=properties)
                        directories.append((child, saved))
                    else:
                        replaces = saved.entry.name in there.get(item.node_id, ())
                        files.append(FileToRestore(saved, path, item.node_id, replaces))
        return directories, files

    async def _names_there(self, wave: Sequence[RestoreItem]) -> dict[int, set[str]]:
        """What directories of an NFS share hold already, by node id; not of those that this run has made."""
        looked = [item for item in wave if "posix" in item.properties and "fresh" not in item.properties]
        gate = asyncio.Semaphore(self._scope.limits.concurrent_reads)

        async def look(item: RestoreItem) -> set[str]:
            async with gate:
                return await patiently(lambda: self._writer.names(item.path))

        found = await together(look(item) for item in looked)
        return {item.node_id: names for item, names in zip(looked, found, strict=True)}

    async def _read_pages(self, wave: Sequence[RestoreItem]) -> dict[int, list[PageRecord]]:
        """Pages of every directory; damage costs only the directories whose manifests are in it."""
        try:
            return await read_directories_at(self._scope, [item.node_id for item in wave], self._run_no)
        except (IntegrityError, NotFound):
            pages: dict[int, list[PageRecord]] = {}
            for item in wave:
                try:
                    pages |= await read_directories_at(self._scope, [item.node_id], self._run_no)
                except (IntegrityError, NotFound) as error:
                    self._damaged.add(item.node_id)
                    self._complain("damaged", item, f"what is in this directory cannot be read: {error}")
            return pages

    async def _make_directories(self, directories: Sequence[tuple[RestoreItem, SavedEntry]]) -> list[RestoreItem]:
        """Make them, and return those that are there to be filled."""
        gate = asyncio.Semaphore(self._scope.limits.concurrent_reads)

        async def make(item: RestoreItem, saved: SavedEntry) -> RestoreItem | None:
            async with gate:
                try:
                    made = await patiently(lambda: self._writer.create_directory(item.path, saved.metadata))
                except Rejected as error:
                    self._complain("not_restored", item, f"neither it nor anything below it: {error}")
                    return None
            if made and saved.posix is not None:
                return replace(item, properties=item.properties | {"fresh": True})
            return item

        return [item for item in await together(make(item, saved) for item, saved in directories) if item is not None]

    # ------------------------------------------------------------------------------------------------------ second pass

    async def _finish_directories(self) -> None:
        await self._make_links()
        gate = asyncio.Semaphore(self._scope.limits.concurrent_reads)

        async def finish(item: RestoreItem) -> None:
            async with gate:
                try:
                    key = await self._permissions.target_key(str(item.properties.get("permission_key", "")))
                    wanted = new_properties(item.properties, key)
                    await patiently(lambda: self._writer.set_directory_properties(item.path, wanted))
                except Rejected as error:
                    self._complain("not_restored", item, f"its times and attributes could not be set: {error}")

        await together(finish(item) for item in self._claim.items)
        self._commit.done = [item.node_id for item in self._claim.items]

    async def _make_links(self) -> None:
        """Make the hard links in the claimed directories."""
        directories = [item.node_id for item in self._claim.items if "posix" in item.properties]
        if not directories:
            return
        made, failed = await make_links(self._scope, directories)
        self._commit.counters.files += len(made)
        for link, reason in failed:
            self._complain("not_restored", RestoreItem(node_id=link.node_id, path=link.path), reason)

    def _complain(self, kind: str, item: RestoreItem, reason: str) -> None:
        self._commit.counters.errors += 1
        self._files.journal.append(
            JournalLine(
                at=self._scope.clock.now(),
                kind=kind,
                path=item.path,
                node_id=item.node_id,
                reason=reason,
                hint=advice(kind, reason),
            )
        )
