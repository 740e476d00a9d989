"""Walk down from claimed directories: list, compare, and save what changed, in one batch.

The walk is depth-first in *waves*: some dozens of directories are listed at once, then compared with the catalogue in a few
queries. A changed directory with very many entries is not compared here, where it would hold up the wave and its batch: it
is left in the frontier, and its listing is kept for :mod:`shared.usecases.wide_directory` to go on with at once.
"""

from dataclasses import dataclass
from typing import Final

from shared.errors import IntegrityError, Rejected
from shared.model import ticks
from shared.model.page import DirectoryHead, DirectoryPages
from shared.model.work import Claim, FoundDirectory
from shared.usecases.batch import Batch
from shared.usecases.changed_directory import Changed, Visit, compare
from shared.usecases.list_directory import Listing, list_directory
from shared.usecases.patience import patiently
from shared.usecases.scope import RunScope
from shared.usecases.together import together

WIDE_MAX: Final = 4
"""Wide directories whose listings are kept; further ones of a wave are listed again. Each is up to 8 MiB of memory."""


@dataclass(frozen=True, slots=True)
class Wide:
    """A directory that differs and is too large for a wave, with its listing open."""

    visit: Visit
    listing: Listing


class Walk:
    """One walk. Call :meth:`run`; then :attr:`batch` is what it came to and :attr:`wide` what it leaves. Close it."""

    def __init__(self, scope: RunScope, claim: Claim, batch: Batch | None = None) -> None:
        """``batch`` takes in what the walk finds: one that saves it, unless another is given."""
        assert scope.reader is not None
        self._scope = scope
        self._reader = scope.reader
        self._claim = claim
        self._rules = scope.rules
        self._open: list[Listing] = []
        self.batch = batch or Batch(scope, claim)
        self.wide: list[Wide] = []

    async def run(self) -> None:
        """Walk until the claimed subtrees or the budget are used up."""
        limits, clock, batch = self._scope.limits, self._scope.clock, self.batch
        started = clock.monotonic()
        stack = [Visit(d.head, d.path, d.mtime, is_new=False, claimed=True) for d in reversed(self._claim.directories)]
        deferred: list[Visit] = []
        counters = batch.commit.counters
        # While the frontier is empty other workers wait for something to claim: hand over early what this walk has found.
        spread = limits.spread_directories if not self._claim.frontier_left else limits.batch_directories
        while stack and not deferred and not self._scope.stop:
            if counters.directories and (
                counters.directories >= limits.batch_directories
                or (counters.directories >= spread and len(stack) >= limits.claim_directories)
                or counters.changed_files >= limits.batch_files
                or batch.saver.content_bytes >= limits.batch_bytes
                or clock.monotonic() - started >= limits.batch_s
            ):
                break
            wave = [stack.pop() for _ in range(min(limits.wave_directories, len(stack)))]
            stack.extend(reversed(await self._wave(wave, deferred)))
        self._scope.stop.check()
        left = [*stack, *deferred]
        ids = {visit.head.node_id for visit in left} | set(batch.waiting)
        commit = batch.commit
        commit.returned = [visit.head.node_id for visit in left if visit.claimed]
        commit.done = [d.head.node_id for d in self._claim.directories if d.head.node_id not in ids]
        commit.waiting = sorted(batch.waiting)
        commit.found = [
            FoundDirectory(node_id=visit.head.node_id, mtime=visit.mtime)
            for visit in (*left, *batch.waiting.values())
            if not visit.claimed
        ]

    def close(self) -> None:
        """Give back the listings, those of wide directories included."""
        for found in self._open:
            found.close()
        self._open.clear()

    async def _wave(self, wave: list[Visit], deferred: list[Visit]) -> list[Visit]:
        """Visit some directories; returns their subdirectories, to be visited next. Wide ones join ``deferred``."""
        catalogue, share_id = self._scope.catalogue, self._scope.share.share_id
        listings = await together(self._list(visit) for visit in wave)
        listed: list[tuple[Visit, Listing]] = []
        for visit, found in zip(wave, listings, strict=True):
            if found is None:
                continue
            if _is_unchanged(visit, found) or found.entry_count <= self._scope.limits.wide_entries:
                listed.append((visit, found))
                continue
            deferred.append(visit)
            if len(self.wide) < WIDE_MAX:
                self.wide.append(Wide(visit, found))
        if self._scope.stop:  # what was listed in vain is little
            deferred.extend(visit for visit, _ in listed)
            listed = []
        known = [v.head.node_id for v, _ in listed if not v.is_new]
        children = await catalogue.child_heads(share_id, known) if known else {}
        following: list[Visit] = []
        differing: list[tuple[Visit, Listing]] = []
        for visit, found in listed:
            if _is_unchanged(visit, found):
                self.batch.count(found)
                following += [
                    Visit(child, visit.child_path(child.name), child.mtime, is_new=False, claimed=False)
                    for child in children[visit.head.node_id]
                ]
            else:
                differing.append((visit, found))
        if differing:
            following += await self._compare(differing, children, deferred)
        kept = [wide.listing for wide in self.wide]
        for found in self._open:
            if found not in kept:
                found.close()
        self._open = kept
        return following

    async def _list(self, visit: Visit) -> Listing | None:
        try:
            if visit.path == "":  # no listing shows the root's own time
                root = await patiently(lambda: self._reader.directory_properties(""))
                visit.mtime = ticks.to_unix(root.written)
            large = self._scope.share.settings.large_file_bytes
            within = self._rules.within(visit.path)
            found = await patiently(lambda: list_directory(self._reader, visit.path, large, within))
        except Rejected as error:
            if visit.path == "":
                raise  # without the root there is no backup
            self.batch.not_listed(visit.path, error, visit.head.node_id)
            return None
        self._open.append(found)
        return found

    async def _compare(
        self,
        differing: list[tuple[Visit, Listing]],
        children: dict[int, list[DirectoryHead]],
        deferred: list[Visit],
    ) -> list[Visit]:
        scope = self._scope
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
                self.batch.not_listed(visit.path, error, visit.head.node_id)
        following = await self.batch.save([c for c, _ in changed], children)
        for c, found in changed:
            if c.cut_off:  # what is below it is found again with it
                deferred.append(c.visit)
                following = [visit for visit in following if visit.head.parent_id != c.node_id]
            elif c.node_id not in self.batch.waiting:
                self.batch.count(found)
        return following


def _is_unchanged(visit: Visit, found: Listing) -> bool:
    return visit.head.fingerprint == found.fingerprint and visit.mtime == visit.head.mtime
