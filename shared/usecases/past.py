"""The share as a restore point shows it: what is in a directory, in windows of names, and what a path leads to.

The catalogue says which pages a directory has ever had and where the newest record of each lies; the records say the rest. A
directory is looked at without reading all of its pages: page 0's record names the pages in the order of names, and from there on
only those are read that a window needs. A cursor names the page it is in, so going on costs no search. To search for a name, the
least names that the catalogue knows of pages are the first guess: they mostly are what they were.
"""

from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from shared.core import history
from shared.errors import IntegrityError, InvalidInput, NotFound
from shared.formats import point
from shared.model.manifest import ManifestRef, PageRecord, SavedEntry
from shared.model.node import ROOT_ID, SLOT_MAX
from shared.model.objects import point_name
from shared.model.page import PageHead
from shared.model.point import PointRecord
from shared.ports.catalogue import Catalogue
from shared.ports.vault import Vault
from shared.usecases.index_cache import IndexCache
from shared.usecases.read_manifests import Page, read_records, spans_of
from shared.usecases.together import together

WINDOW_READS: Final = 12
"""Requests to the vault for one window of a directory; whoever wants more names than fit them asks again."""
CHAIN_READS: Final = 6
"""What one page may take of :data:`WINDOW_READS`: the worst case among 1,024 records."""
WINDOW_PAGES: Final = 64
"""Pages read at once: with 64 entries each, 400 KB of records and 15 MB when decoded."""
TYPICAL_ENTRIES: Final = 40
"""Entries of a page, of 64 at most: so many pages are read for a window as it probably takes, and more only then."""
PEEKED_PAGES: Final = 64
"""Rows of the catalogue in one question about a directory: nearly all have fewer, and three questions find a name among a quarter of a million."""
PEEKED_AHEAD: Final = 13
"""And for a window some more than it takes: of most directories that is all, and of a wide one it costs little."""
READS_AT_ONCE: Final = 16
"""Segments read from at once."""
KEPT_RECORDS: Final = 256
"""Records remembered, so that neighbouring restore points do not read them again: 50 MB if all of them were full."""


@dataclass(frozen=True, slots=True)
class Window:
    """Some neighbouring entries of a directory."""

    entries: tuple[SavedEntry, ...]
    """In code point order of name."""
    following: str
    """Cursor to go on from; empty when there are no more."""


@dataclass(frozen=True, slots=True)
class Place:
    """What a path leads to."""

    path: str
    """From the root, as the share spells it."""
    node_id: int
    directory_id: int
    """Of the directory that holds it; the root's is its own."""
    saved: SavedEntry | None
    """None: the root, which no directory has an entry of."""

    @property
    def is_directory(self) -> bool:
        """Whether it is one."""
        return self.saved is None or self.saved.entry.is_directory


@dataclass(frozen=True, slots=True)
class DirectoryThen:
    """A directory at a restore point, before anything but page 0 is read."""

    directory_id: int
    run_no: int
    first: PageRecord
    """Of page 0."""
    order: tuple[tuple[Page, ManifestRef], ...]
    """Its pages in the order of names, each with its newest record of all."""
    lowers: tuple[str, ...]
    """Of each, the least name that belonged to it when the catalogue last wrote it: now, as a rule then too."""


@dataclass(slots=True)
class _Peek:
    """The same of which only those pages are known that were asked about: a directory of a million files has 16,000, and a window needs eight."""

    directory_id: int
    run_no: int
    page_nos: Sequence[int]
    """In the order of names."""
    known: dict[int, tuple[ManifestRef, str]]
    """The newest record and the least name of each page that was asked about."""

    def learn(self, heads: Mapping[int, PageHead]) -> None:
        """Remember what the catalogue said."""
        self.known |= {no: (head.manifest, head.lower) for no, head in heads.items() if head.manifest is not None}


@dataclass(slots=True)
class Past:
    """Looks at one share's past. Remembers what it read, so make one for each question.

    Every method raises ``IntegrityError`` for a record that is damaged or lost: what needs it cannot be told, all else can.
    """

    catalogue: Catalogue
    vault: Vault
    share_id: int
    reads: int = 0
    """Requests for records so far."""
    indexes: IndexCache = field(default_factory=IndexCache)
    """What is remembered between questions."""
    _known: dict[ManifestRef, PageRecord] = field(default_factory=dict)

    async def children(self, directory_id: int, run_no: int, *, after: str = "", begin: str = "", limit: int) -> Window:
        """Up to ``limit`` entries of a directory as restore point ``run_no`` shows it, from a cursor on.

        :param begin: without a cursor, from this name on: it takes some requests to find the page.

        Takes at most :data:`WINDOW_READS` requests (more only of pages with more than 1,024 records, or with many of a release before
        docs/adr/0010), and for that it may stop
        short of ``limit``, though never before it has an entry.

        :raises NotFound: the restore point does not show the directory.
        :raises InvalidInput: ``after`` is no cursor of this directory at this restore point.
        """
        reads_max = self.reads + WINDOW_READS
        there = await self._peek(directory_id, run_no, _probably(after, limit))
        if there is None:
            raise _not_shown(directory_id, run_no)
        page_nos = there.page_nos
        at, after_name = _from_cursor(after, page_nos)
        if begin and not after:
            at = await self._page_from(there, begin)
            reads_max = self.reads + WINDOW_READS
        entries: list[SavedEntry] = []
        while at < len(page_nos):
            wanted = await self._refs(there, page_nos[at : at + _pages_of(limit)])
            found = await self.records_at(wanted, run_no, reads_max=reads_max)
            for page in wanted:
                if page not in found:
                    break
                for saved in found[page].entries:
                    if saved.entry.name <= after_name or saved.entry.name < begin:
                        continue
                    if len(entries) == limit:
                        return Window(tuple(entries), _cursor(page[1], after_name))
                    entries.append(saved)
                    after_name = saved.entry.name
                at += 1
            if at < len(page_nos) and entries and self.reads + CHAIN_READS > reads_max:
                return Window(tuple(entries), _cursor(page_nos[at], after_name))
        return Window(tuple(entries), "")

    async def resolve(self, path: str, run_no: int) -> Place:
        """What restore point ``run_no`` has at ``path``: names with ``/`` between them. Raises as :meth:`way` does."""
        way = await self.way(path, run_no)
        spelled = "/".join(saved.entry.name for saved in way)
        above = [ROOT_ID, *(saved.node_id for saved in way)]
        return Place(spelled, above[-1], above[-2] if way else ROOT_ID, way[-1] if way else None)

    async def way(self, path: str, run_no: int, *, below: int = ROOT_ID, told: str = "") -> list[SavedEntry]:
        """The nodes on the way to ``path``, from a directory down; ``told`` is what to call that directory.

        Exactly that name counts if there is one, else one that differs in case only: NFS shares tell case apart, and SMB shares "ss"
        from the sharp s.

        :raises NotFound: there is nothing, or a directory on the way could not be listed. ``field`` is ``path``.
        :raises InvalidInput: a file is on the way.
        """
        way: list[SavedEntry] = []
        for name in [c for c in path.split("/") if c]:
            gone_through = "/".join(["", *(c for c in told.split("/") if c), *(saved.entry.name for saved in way)])
            if way and not way[-1].entry.is_directory:
                raise InvalidInput(f"{gone_through!r} is a file; there is nothing below it", field="path")
            saved = await self.find_in(way[-1].node_id if way else below, run_no, name)
            if saved is None:
                raise NotFound(f"restore point {run_no} has no {f'{gone_through}/{name}'!r}", field="path")
            way.append(saved)
        return way

    async def find(self, then: DirectoryThen, name: str) -> SavedEntry | None:
        """The entry of that name, or else the first whose name differs in case only.

        The first takes the page of a guess and rarely a second; only the other looks through all pages.
        """
        found = await self.find_exactly(then, name)
        if found is not None:
            return found
        folded = name.casefold()
        async for record in self.pages(then):
            for saved in record.entries:
                if saved.entry.name.casefold() == folded:
                    return saved
        return None

    async def find_node(self, then: DirectoryThen, node_id: int, name: str = "") -> SavedEntry | None:
        """The entry of a node, which probably is called ``name``; if not, all pages are looked through."""
        found = await self.find_exactly(then, name) if name else None
        if found is not None and found.node_id == node_id:
            return found
        async for record in self.pages(then):
            for saved in record.entries:
                if saved.node_id == node_id:
                    return saved
        return None

    async def find_in(self, directory_id: int, run_no: int, name: str) -> SavedEntry | None:
        """The same in a directory that nothing is known of; None also if it was not there or was never read."""
        found = await self.find_exactly_in(directory_id, run_no, name)
        then = await self.look(directory_id, run_no) if found is None else None
        return await self.find(then, name) if then is not None else found

    async def find_exactly_in(self, directory_id: int, run_no: int, name: str) -> SavedEntry | None:
        """The same of exactly that name."""
        there = await self._peek(directory_id, run_no)
        return await self._find_exactly(there, name) if there is not None else None

    async def find_node_in(self, directory_id: int, run_no: int, node_id: int, name: str) -> SavedEntry | None:
        """The entry of a node as :meth:`find_node` finds it, in a directory that nothing is known of."""
        there = await self._peek(directory_id, run_no)
        found = await self._find_exactly(there, name) if there is not None and name else None
        if (found is not None and found.node_id == node_id) or there is None:
            return found
        return await self.find_node(await self.directory(directory_id, run_no), node_id)

    async def find_exactly(self, then: DirectoryThen, name: str) -> SavedEntry | None:
        """The entry of exactly that name."""
        known = {page[1]: (ref, lower) for (page, ref), lower in zip(then.order, then.lowers, strict=True)}
        return await self._find_exactly(_Peek(then.directory_id, then.run_no, tuple(known), known), name)

    async def _find_exactly(self, there: "_Peek", name: str) -> SavedEntry | None:
        at = await self._page_from(there, name)
        if at == len(there.page_nos):
            return None
        refs = await self._refs(there, there.page_nos[at : at + 1])
        [record] = (await self.records_at(refs, there.run_no)).values()
        return next((saved for saved in record.entries if saved.entry.name == name), None)

    async def _page_from(self, there: "_Peek", name: str) -> int:
        """The index of the first page that has this name or a later one; that beyond the last if none has. It was read."""
        order = list(range(len(there.page_nos)))
        low, high = 0, len(order) - 1
        at = await self._guess(there, name)
        neighbour = True
        while low <= high:
            refs = await self._refs(there, [there.page_nos[order[at]]])
            [record] = (await self.records_at(refs, there.run_no)).values()
            entries = record.entries
            if not entries:
                del order[at]
                high -= 1
            elif name < entries[0].entry.name:
                high = at - 1
                at = high if neighbour else (low + high) // 2
                neighbour = False
                continue
            elif name > entries[-1].entry.name:
                low = at + 1
                at = low if neighbour else (low + high) // 2
                neighbour = False
                continue
            else:
                return order[at]
            at = (low + high) // 2
        return order[low] if low < len(order) else len(there.page_nos)

    async def _guess(self, there: "_Peek", name: str) -> int:
        """The last page whose least name is not after this one, as the catalogue knows them now. One question halves as often as seven."""
        low, high = 0, len(there.page_nos)
        while high - low > 1:
            step = -(-(high - low) // PEEKED_PAGES)
            probes = range(low + step, high, step)
            await self._refs(there, [there.page_nos[at] for at in probes])
            low = max((at for at in probes if there.known[there.page_nos[at]][1] <= name), default=low)
            high = min(low + step, high)
        return low

    async def _peek(
        self, directory_id: int, run_no: int, page_nos: Sequence[int] = range(PEEKED_PAGES)
    ) -> "_Peek | None":
        """A directory as far as one question tells, of page 0 and some more; None of one that was not there or was never read."""
        heads = await self.catalogue.some_heads(self.share_id, directory_id, page_nos)
        first = heads.get(0)
        if first is None or first.manifest is None or (first.deleted_run is not None and first.deleted_run <= run_no):
            return None
        record = (await self.records_at({(directory_id, 0): first.manifest}, run_no)).get((directory_id, 0))
        if record is None:
            return None
        there = _Peek(directory_id, run_no, record.page_nos, {})
        there.learn(heads)
        return there

    async def _refs(self, there: "_Peek", page_nos: Sequence[int]) -> dict[Page, ManifestRef]:
        """The newest records of some of its pages."""
        missing = [page_no for page_no in page_nos if page_no not in there.known]
        if missing:
            there.learn(await self.catalogue.some_heads(self.share_id, there.directory_id, missing))
        for page_no in missing:
            if page_no not in there.known:
                raise _unknown_page(there.directory_id, page_no, there.run_no)
        return {(there.directory_id, page_no): there.known[page_no][0] for page_no in page_nos}

    async def pages(self, then: DirectoryThen, skipped: Set[Page] = frozenset()) -> AsyncIterator[PageRecord]:
        """The records of a directory's pages, in the order of names, a few dozen in memory at a time."""
        pages = ((page, ref) for page, ref in then.order if page not in skipped)
        while some := dict(islice(pages, WINDOW_PAGES)):
            found = await self.records_at(some, then.run_no)
            for page in some:
                yield found[page]

    async def newest_run(self, then: DirectoryThen) -> int:
        """The newest run, up to its own, of which a directory has a record. Only pages that changed later are read."""
        newest = max((ref.run_no for _, ref in then.order if ref.run_no <= then.run_no), default=0)
        changed = iter([(page, ref) for page, ref in then.order if ref.run_no > then.run_no])
        while some := dict(islice(changed, WINDOW_PAGES)):
            found = await self.records_at(some, then.run_no)
            newest = max([newest, *(record.run_no for record in found.values())])
        return newest

    async def directory(self, directory_id: int, run_no: int) -> DirectoryThen:
        """A directory that restore point ``run_no`` shows. Raises ``NotFound``."""
        then = await self.look(directory_id, run_no)
        if then is None:
            raise _not_shown(directory_id, run_no)
        return then

    async def look(self, directory_id: int, run_no: int) -> DirectoryThen | None:
        """The same; None of a directory that was not there or was never read."""
        return (await self.look_at_many([directory_id], run_no)).get(directory_id)

    async def look_at_many(self, directory_ids: Sequence[int], run_no: int) -> dict[int, DirectoryThen]:
        """The same of several directories, those that there are."""
        known = await self.catalogue.page_heads(self.share_id, directory_ids)
        heads: dict[int, dict[int, PageHead]] = {}
        firsts: dict[Page, ManifestRef] = {}
        for directory_id, found in known.items():
            heads[directory_id] = {head.page_no: head for head in found.heads}
            first = heads[directory_id].get(0)
            if first is None or first.manifest is None:
                continue  # no such directory, or one that was found and not read
            if first.deleted_run is None or first.deleted_run > run_no:
                firsts[directory_id, 0] = first.manifest
        return {
            directory_id: _then(record, heads[directory_id], run_no)
            for (directory_id, _), record in (await self.records_at(firsts, run_no)).items()
        }

    async def records_at(
        self, heads: Mapping[Page, ManifestRef], run_no: int, *, reads_max: int | None = None
    ) -> dict[Page, PageRecord]:
        """The records of pages as ``run_no`` saw them; pages that were not there then are left out.

        :param heads: the newest record of each page.
        :param reads_max: what :attr:`reads` may come to. Pages from the end of ``heads`` are left out for it; the first never is.
        """
        found: dict[Page, PageRecord] = {}
        wanted = dict(heads)
        first = next(iter(wanted), None)
        steps = 0
        while wanted:
            if reads_max is not None:
                kept_free = max(CHAIN_READS - 1 - steps, 0) if first in wanted else 0
                room = reads_max - self.reads - kept_free
                while len(wanted) > (first in wanted) and self._reads_of(wanted.values()) > room:
                    wanted.popitem()
            try:
                records = await self.read(wanted.values())
            except IntegrityError as error:
                directories = {directory_id for directory_id, _ in wanted}
                if len(directories) > 1:
                    raise
                raise IntegrityError(
                    f"what was in directory {directories.pop()} at restore point {run_no} cannot be read: {error}"
                ) from error
            following: dict[Page, ManifestRef] = {}
            for page, ref in wanted.items():
                record = records[ref]
                if record.run_no <= run_no:
                    found[page] = record
                elif (hop := history.next_hop(record, run_no)) is not None:
                    following[page] = hop
                elif page[1]:  # page 0 may be younger than that; the others it has named
                    raise IntegrityError(
                        f"page {page[1]} of directory {page[0]} has no record of run {run_no} or before"
                    )
            wanted = following
            steps += 1
        return found

    async def read(self, refs: Iterable[ManifestRef]) -> dict[ManifestRef, PageRecord]:
        """The records at these places."""
        wanted = set(refs)
        found = {ref: record for ref in wanted if (record := self._remembered(ref)) is not None}
        read = await self.read_once(wanted - found.keys())
        for ref, record in read.items():
            self.indexes.put_first(self.share_id, ref, record)
        if len(self._known) + len(read) > KEPT_RECORDS:
            self._known.clear()
        self._known |= read
        return found | read

    def _remembered(self, ref: ManifestRef) -> PageRecord | None:
        return self._known.get(ref) or self.indexes.first(self.share_id, ref)

    async def read_once(self, refs: Collection[ManifestRef]) -> dict[ManifestRef, PageRecord]:
        """The same without remembering any, for whoever goes through many."""
        self.reads += sum(1 for _ in spans_of(refs))
        segments: dict[tuple[int, int], list[ManifestRef]] = {}
        for ref in refs:
            segments.setdefault((ref.run_no, ref.batch_no), []).append(ref)
        wanted = list(segments.values())
        found: dict[ManifestRef, PageRecord] = {}
        try:
            for start in range(0, len(wanted), READS_AT_ONCE):
                some = wanted[start : start + READS_AT_ONCE]
                for records in await together(read_records(self.vault, self.share_id, one) for one in some):
                    found |= records
        except NotFound as error:
            raise IntegrityError(f"what the vault should have is not there: {error}") from error
        return found

    def _reads_of(self, refs: Iterable[ManifestRef]) -> int:
        return sum(1 for _ in spans_of(ref for ref in refs if self._remembered(ref) is None))

    async def point(self, run_no: int) -> PointRecord:
        """The commit record of a restore point."""
        try:
            return point.decode(await self.vault.get(point_name(self.share_id, run_no)))
        except NotFound as error:
            raise IntegrityError(f"restore point {run_no} has lost its record in the vault: {error}") from error


def _then(first: PageRecord, heads: Mapping[int, PageHead], run_no: int) -> DirectoryThen:
    order: list[tuple[Page, ManifestRef]] = []
    for page_no in first.page_nos:
        head = heads.get(page_no)
        if head is None or head.manifest is None:
            raise _unknown_page(first.directory_id, page_no, first.run_no)
        order.append(((first.directory_id, page_no), head.manifest))
    lowers = tuple(heads[page_no].lower for page_no in first.page_nos)
    return DirectoryThen(first.directory_id, run_no, first, tuple(order), lowers)


def _not_shown(directory_id: int, run_no: int) -> NotFound:
    return NotFound(
        f"restore point {run_no} does not show what is in directory {directory_id}: it was not there, or could not be listed",
        field="node_id",
    )


def _unknown_page(directory_id: int, page_no: int, run_no: int) -> IntegrityError:
    return IntegrityError(
        f"directory {directory_id} had a page {page_no} at run {run_no} that the catalogue does not know"
    )


def _probably(cursor: str, limit: int) -> Sequence[int]:
    """Pages that a window probably needs, before it is known how they follow one another: the first ones are those of a small directory."""
    page_no = cursor.partition("/")[0]
    if page_no.isascii() and page_no.isdigit() and PEEKED_PAGES <= int(page_no) <= SLOT_MAX:
        return (0, int(page_no))
    return range(min(PEEKED_PAGES, _pages_of(limit) + PEEKED_AHEAD))


def _pages_of(limit: int) -> int:
    return min(WINDOW_PAGES, limit // TYPICAL_ENTRIES + 1)


def _cursor(page_no: int, after_name: str) -> str:
    return f"{page_no}/{after_name}"


def _from_cursor(cursor: str, page_nos: Sequence[int]) -> tuple[int, str]:
    """Where in the order of pages to begin, and after which name."""
    if not cursor:
        return 0, ""
    number, slash, name = cursor.partition("/")
    try:
        if slash and number.isascii() and number.isdigit():
            return page_nos.index(int(number)), name
    except ValueError:
        pass  # said below
    raise InvalidInput(
        f"after is {cursor!r}; expected what an earlier answer about this directory and restore point gave as next",
        field="after",
    )
