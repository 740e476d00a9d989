"""Walk down from claimed directories: list, compare, and save what changed, batch after batch.

The walk is depth-first, some dozens of directories wide: they are listed ahead (:mod:`shared.usecases.list_ahead`), and what is back
meanwhile is compared with the catalogue in a few queries. A batch ends by its budget and the walk goes on in the next one, which
keeps the directories that are under way, so that the share has no pause between them; all others that were found and not
reached go to the frontier with the commit, and when there is nothing left to list the walk claims more. So several workers
have the same share of the work from the first handful of directories to the last. Who has nothing says so in the catalogue, and a
walk that has more than it can list at once ends its batch early then.

A changed directory with very many entries is not compared here, where it would hold up its batch: the walk ends, and hands it over with
its listing to :mod:`shared.usecases.wide_directory`, which goes on with it in the batch that keeps it. Of several the others are in the
frontier for whoever comes first.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from shared.errors import IntegrityError, Rejected
from shared.model import ticks
from shared.model.page import DirectoryHead, DirectoryPages
from shared.model.work import Claim, ClaimedDirectory, FoundDirectory, Kept
from shared.ports.share_reader import NodeProperties
from shared.usecases.batch import Batch
from shared.usecases.changed_directory import Changed, Visit, compare
from shared.usecases.lease import lease_kept
from shared.usecases.list_ahead import ListAhead, Listed
from shared.usecases.list_directory import Listing, list_directory
from shared.usecases.make_durable import make_durable
from shared.usecases.patience import patiently
from shared.usecases.scope import RunScope
from shared.usecases.together import together

WIDE_MAX: Final = 4
"""Wide directories whose listings are kept; further ones are listed again. Each is up to 8 MiB of memory."""

ASK_S: Final = 0.05
"""How often to ask whether another worker waits, or whether it has left something to claim. By who has much more than can be listed
at once, or nearly nothing."""

MakeBatch = Callable[[RunScope, Claim], Batch]
"""Makes what takes in the finds of one batch."""


@dataclass(frozen=True, slots=True)
class Wide:
    """A directory that differs and is too large for a batch with others, with its listing open."""

    visit: Visit
    listing: Listing
    claim: Claim | None = None
    """By which it is ours; none of one that is in the frontier."""


class Walk:
    """One walk. Call :meth:`run`; then all is durable, and :attr:`wide` is what it leaves. Close it."""

    def __init__(self, scope: RunScope, claim: Claim, make_batch: MakeBatch = Batch) -> None:
        """``make_batch`` makes batches that save what the walk finds, unless others are given."""
        assert scope.reader is not None
        self._scope = scope
        self._reader = scope.reader
        self._rules = scope.rules
        self._make_batch = make_batch
        self._claim = claim
        self._batch = make_batch(scope, claim)
        self._held: set[int] = set()
        """What the batch has claimed."""
        self._stack: list[Visit] = []
        self._ahead = ListAhead(self._list, self._stack, scope.limits.wave_directories)
        self._deferred: list[Visit] = []
        """What is to go back to the frontier: what was cut off, and wide directories beyond :data:`WIDE_MAX`."""
        self._began_at = scope.clock.monotonic()
        self._asked_at = self._found_none_at = -math.inf
        self.wide: list[Wide] = []
        self._push(claim.directories)

    async def run(self) -> None:
        """Walk until the claimed subtrees or the time are used up, or a wide directory is met. Raises ``Fenced``."""
        while await self._finish_batch():
            pass

    async def close(self) -> None:
        """Give back the listings, those of wide directories included."""
        await self._ahead.close()
        for wide in self.wide:
            wide.listing.close()
        # The walk and what lists for it know each other: what the last batch found, ten megabytes, would wait for the garbage collector.
        del self._batch

    # ----------------------------------------------------------------------------------------------------------- batches

    async def _finish_batch(self) -> bool:
        """Fill and commit the batch; whether the walk goes on in the next one."""
        async with lease_kept(self._scope, self._claim.batch_no):
            kept = await make_durable(self._scope, self._batch, self._fill)
        if kept is None:
            return False
        if self.wide:
            self.wide[0] = self._handed_over(self.wide[0], kept)
            return False
        self._held = set(kept.node_ids)
        for visit in (*self._stack, *self._ahead.visits()):
            visit.claimed = visit.head.node_id in self._held
            visit.is_new = False
        self._claim = replace(self._claim, batch_no=kept.batch_no, directories=())
        self._batch = self._make_batch(self._scope, self._claim)
        return True

    def _handed_over(self, wide: Wide, kept: Kept) -> Wide:
        if wide.visit.head.node_id not in kept.node_ids:
            return wide  # found a second time, and somebody has it
        visit = wide.visit
        directory = ClaimedDirectory(head=visit.head, path=visit.path, mtime=visit.mtime)
        return replace(wide, claim=replace(self._claim, batch_no=kept.batch_no, directories=(directory,)))

    async def _fill(self) -> None:
        """Walk until the batch is full, and say in its commit what becomes of every directory."""
        scope = self._scope
        while not self._is_to_end() and not scope.stop and not await self._is_full():
            await self._claim_more()
            with scope.telemetry.span("list"):
                group = await self._ahead.take(scope.limits.batch_files)
            if not group:
                break
            with scope.telemetry.span("save", directories=len(group)):
                self._stack.extend(reversed(await self._take_in(group)))
        goes_on = self._goes_on()
        # Some to begin with during the commit.
        most = min(len(self._stack) // 4, scope.limits.wave_directories // 2) if goes_on else 0
        left = self._stack[: len(self._stack) - most]
        del self._stack[: len(left)]
        kept: list[Visit] = []
        if goes_on:
            kept = [*self._stack, *self._ahead.visits()]
        else:
            while not scope.stop and (group := await self._ahead.take(scope.limits.batch_files)):
                left += await self._take_in(group)
            left += self._ahead.visits()  # if it stops: what was listed in vain is little
            await self._ahead.close()
        scope.stop.check()
        wide = [wide.visit for wide in self.wide]
        if not scope.stop:
            kept += wide[:1]
            del wide[:1]
        self._conclude(left + wide + self._deferred, kept)

    def _conclude(self, left: list[Visit], kept: list[Visit]) -> None:
        commit, waiting = self._batch.commit, self._batch.waiting
        commit.kept = [visit.head.node_id for visit in kept]
        commit.returned = [visit.head.node_id for visit in left if visit.claimed]
        commit.waiting = sorted(waiting)
        commit.done = sorted(self._held - {*commit.kept, *commit.returned, *waiting})
        commit.found = [
            FoundDirectory(node_id=visit.head.node_id, mtime=visit.mtime)
            for visit in (*left, *kept, *waiting.values())
            if not visit.claimed
        ]

    def _goes_on(self) -> bool:
        """Whether another batch follows. Not after large files were found: they are to be read soon, since directories wait."""
        scope = self._scope
        return (
            scope.clock.monotonic() - self._began_at < scope.limits.batch_s
            and not scope.stop
            and not self._is_to_end()
            and not self._batch.waiting
        )

    def _is_to_end(self) -> bool:
        """Whether something was met that is not for this walk."""
        return bool(self.wide or self._deferred)

    async def _is_full(self) -> bool:
        limits, counters, now = self._scope.limits, self._batch.commit.counters, self._scope.clock.monotonic()
        if not counters.directories:
            return False
        if (
            counters.directories >= limits.batch_directories
            or counters.changed_files >= limits.batch_files
            or self._batch.saver.content_bytes + self._batch.saver.copied_bytes >= limits.batch_bytes
            or now - self._began_at >= limits.batch_s
        ):
            return True
        self._ahead.start()
        if len(self._stack) < limits.claim_directories or now - self._asked_at < ASK_S:
            return False
        self._asked_at = now
        with self._ahead.paused():  # so that there is something to hand over
            if not await self._scope.catalogue.take_want(self._claim.run_id):
                return False
        self._found_none_at = now + limits.poll_s  # not to take back at once what others have not seen yet
        return True

    async def _claim_more(self) -> None:
        """Go on with what others have found, when there is little left under way."""
        limits, now = self._scope.limits, self._scope.clock.monotonic()
        if (
            self._stack
            or self._ahead.under_way
            > max(limits.wave_directories - limits.claim_directories, limits.wave_directories // 2)
            or now - self._found_none_at < ASK_S
            or not self._goes_on()
        ):
            return
        found = await self._scope.catalogue.claim_more(
            self._claim.run_id,
            self._claim.batch_no,
            self._held,
            limit=limits.claim_directories,
            part=limits.claim_part,
        )
        if not found:
            self._found_none_at = now
        self._push(found)

    def _push(self, claimed: tuple[ClaimedDirectory, ...]) -> None:
        self._held |= {d.head.node_id for d in claimed}
        self._stack.extend(Visit(d.head, d.path, d.mtime, is_new=False, claimed=True) for d in reversed(claimed))

    # ------------------------------------------------------------------------------------------------------- directories

    async def _list(self, visit: Visit) -> Listed:
        try:
            found = await self._listing(visit)
        except Rejected as error:
            if visit.path == "":
                raise  # without the root there is no backup
            return Listed(visit, error)
        differs = visit.head.fingerprint != found.fingerprint or visit.head.mtime != visit.mtime
        if not differs:
            found.close()
        return Listed(visit, found, differs)

    async def _listing(self, visit: Visit) -> Listing:
        large, within = self._scope.share.settings.large_file_bytes, self._rules.within(visit.path)
        listing = patiently(lambda: list_directory(self._reader, visit.path, large, within))
        if visit.path:
            return await listing
        properties = patiently(lambda: self._reader.directory_properties(""))
        root, found = await together((properties, listing))  # no listing shows the root's own time
        assert isinstance(root, NodeProperties)
        assert isinstance(found, Listing)
        visit.mtime = ticks.to_unix(root.written)
        return found

    async def _take_in(self, group: list[Listed]) -> list[Visit]:
        """Visit what was listed; returns the subdirectories, to be visited next."""
        kept = len(self.wide)
        try:
            return await self._visit(group)
        finally:
            left_open = [wide.listing for wide in self.wide[kept:]]
            for listed in group:
                if isinstance(listed.found, Listing) and listed.found not in left_open:
                    listed.found.close()

    async def _visit(self, group: list[Listed]) -> list[Visit]:
        if self._scope.stop:
            self._deferred += [listed.visit for listed in group]
            return []
        unchanged: list[tuple[Visit, Listing]] = []
        differing: list[tuple[Visit, Listing]] = []
        for listed in group:
            visit, found = listed.visit, listed.found
            if not isinstance(found, Listing):
                self._batch.not_listed(visit.path, found, visit.head.node_id)
            elif not listed.differs:
                unchanged.append((visit, found))
            elif found.entry_count <= self._scope.limits.wide_entries:
                differing.append((visit, found))
            elif len(self.wide) < WIDE_MAX:
                self.wide.append(Wide(visit, found))
            else:
                self._deferred.append(visit)
        known = [v.head.node_id for v, _ in (*unchanged, *differing) if not v.is_new]
        children = await self._scope.catalogue.child_heads(self._scope.share.share_id, known) if known else {}
        following: list[Visit] = []
        for visit, found in unchanged:
            self._batch.count(found)
            following += [
                Visit(child, visit.child_path(child.name), child.mtime, is_new=False, claimed=False)
                for child in children[visit.head.node_id]
            ]
        if differing:
            following += await self._compare(differing, children)
        return following

    async def _compare(
        self, differing: list[tuple[Visit, Listing]], children: dict[int, list[DirectoryHead]]
    ) -> list[Visit]:
        scope, batch = self._scope, self._batch
        known = [v.head.node_id for v, _ in differing if not v.is_new]
        pages = await scope.catalogue.page_heads(scope.share.share_id, known) if known else {}
        changed: list[tuple[Changed, Listing]] = []
        for visit, found in differing:
            before = pages.get(visit.head.node_id, DirectoryPages(None))
            try:
                changed.append((compare(visit, found, before, scope.limits.page_entries), found))
            except IntegrityError as error:
                if visit.path == "":
                    raise
                batch.not_listed(visit.path, error, visit.head.node_id)
        following = await batch.save([c for c, _ in changed], children)
        for c, found in changed:
            if c.cut_off:  # what is below it is found again with it
                self._deferred.append(c.visit)
                following = [visit for visit in following if visit.head.parent_id != c.node_id]
            elif c.node_id not in batch.waiting:
                batch.count(found)
        return following
