"""Search a share by the names of its nodes: among what the catalogue holds, or among all that ever was.

Both go through the directories in the order of their node ids and stop when they have enough or have looked for long enough; the
cursor says where to go on, so a search over a billion files is many short answers and none that never comes.

The latest tree is in the catalogue, names and all. What older restore points held is in the manifests alone, and nothing but reading them
all finds a file that was there for one night. They are read by directory, each with all its history: only that shows which restore
points a version is in. Neighbouring directories lie side by side in the segment of the batch that saved them first, so this takes
far fewer requests than there are records.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from shared.core.history import next_hops
from shared.core.name_pattern import NamePattern
from shared.core.stretches import Kept, Shown, shown
from shared.errors import IntegrityError, InvalidInput
from shared.model.found import FoundNode, SearchPlace
from shared.model.manifest import ManifestRef, PageRecord
from shared.model.node import SLOT_MAX
from shared.model.page import DirectoryPages
from shared.ports.system import Clock
from shared.usecases.past import Past
from shared.usecases.read_manifests import Page

SEARCH_S: Final = 3.0
"""After this long an answer is given with what was found, be it nothing; a slice of the search that has begun is finished first."""
SLICE_PAGES: Final = 1_000
"""Rows of the catalogue that one statement unpacks: some 10,000 names, or 64,000 where directories are large, 20 to 150 ms."""
HURRY_S: Final = 0.008
HURRY_PAGES: Final = 64
"""The same where somebody looks on, and every part is shown as it is found: 64 rows are up to 4,000 names, 10 ms."""
SLICE_DIRECTORIES: Final = 64
"""Directories whose histories are read together, if they are short."""
SLICE_RECORDS: Final = 1_000
"""Records of them together, unless the first alone has more."""
CHUNK_PAGES: Final = 16
"""Pages of one directory whose histories are looked at together: 1,000 entries. Of a larger directory, a version that went from a page
of one chunk to one of another when its page was split is told twice, with the restore points before and after."""


@dataclass(frozen=True, slots=True)
class FoundVersion:
    """A state of a node whose name matches."""

    path: str
    """Its name below where its directory is now, or where that was last."""
    directory_id: int
    shown: Shown


@dataclass(frozen=True, slots=True)
class Versions:
    """Part of the answer to a search over all versions."""

    found: tuple[FoundVersion, ...]
    following: str
    """What to ask ``after`` to go on; empty if that was all."""
    unreadable: tuple[int, ...]
    """Directories of which records are damaged or lost: what only they tell is missing."""


async def search_latest(
    past: Past, clock: Clock, pattern: NamePattern, *, after: str = "", limit: int, hurry: bool = False
) -> tuple[list[tuple[FoundNode, str]], str]:
    """Live nodes with matching names, and their paths, in the order of directories; and what to ask ``after`` to go on.

    The tree is that of the newest restore point, and of what a run in progress or one that failed has saved since.

    :param hurry: answer at once with what there is by then, be it nothing.
    """
    at: SearchPlace | None = SearchPlace(*_numbers(after, 3))
    until = clock.monotonic() + (HURRY_S if hurry else SEARCH_S)
    found: list[tuple[FoundNode, str]] = []
    while at is not None and len(found) < limit:
        some, at = await past.catalogue.nodes_matching(
            past.share_id,
            pattern.sql,
            after=at,
            limit=limit - len(found),
            pages=HURRY_PAGES if hurry else SLICE_PAGES,
        )
        found += some
        if clock.monotonic() >= until:
            break
    return found, "" if at is None else f"{at.begin}.{at.last}.{at.told}"


async def search_versions(past: Past, clock: Clock, pattern: NamePattern, *, after: str = "", limit: int) -> Versions:
    """States of nodes with matching names that any restore point shows: also of deleted ones, and under old names.

    In the order of directories, in each in that of first restore points. A directory in which there is damage is told as far as it can be read.
    """
    directory_id, chunk_no, skip = _numbers(after, 3)
    until = clock.monotonic() + SEARCH_S
    points = await past.catalogue.restore_point_numbers(past.share_id)
    found: list[FoundVersion] = []
    unreadable: set[int] = set()
    begin = directory_id - 1 if directory_id else 0
    while True:
        ids = await past.catalogue.directories_after(past.share_id, begin, SLICE_DIRECTORIES)
        if not ids:
            return Versions(tuple(found), "", tuple(sorted(unreadable)))
        known = await past.catalogue.page_heads(past.share_id, ids)
        chunks = [chunk for node_id in ids for chunk in _chunks(node_id, known[node_id])]
        chunks = [chunk for chunk in chunks if (chunk.directory_id, chunk.number) >= (directory_id, chunk_no)]
        read = await _read(past, chunks, points, pattern, unreadable)
        paths = await past.catalogue.paths_of(past.share_id, [chunk.directory_id for chunk in chunks[: len(read)]])
        for chunk, histories in zip(chunks, read, strict=False):
            told = shown(histories, points, deleted_run=chunk.deleted_run)
            if (chunk.directory_id, chunk.number) == (directory_id, chunk_no):
                told = told[skip:]
            else:
                skip = 0
            room = limit - len(found)
            path = paths[chunk.directory_id]
            found += [
                FoundVersion(
                    f"{path}/{one.saved.entry.name}" if path else one.saved.entry.name, chunk.directory_id, one
                )
                for one in told[:room]
            ]
            if len(told) > room:
                cursor = f"{chunk.directory_id}.{chunk.number}.{skip + room}"
                return Versions(tuple(found), cursor, tuple(sorted(unreadable)))
        if len(read) < len(chunks):
            directory_id, chunk_no, skip = chunks[len(read)].directory_id, chunks[len(read)].number, 0
        else:
            directory_id, chunk_no, skip = (ids[-1] | SLOT_MAX) + 1, 0, 0
        begin = directory_id - 1
        if clock.monotonic() >= until:
            return Versions(tuple(found), f"{directory_id}.{chunk_no}.{skip}", tuple(sorted(unreadable)))


@dataclass(frozen=True, slots=True)
class _Chunk:
    """Some pages of a directory."""

    directory_id: int
    number: int
    heads: dict[Page, ManifestRef]
    """Page 0 is among them."""
    deleted_run: int | None
    """Run that deleted the directory."""


def _chunks(directory_id: int, known: DirectoryPages) -> Iterator[_Chunk]:
    heads = {(directory_id, head.page_no): head.manifest for head in known.heads if head.manifest is not None}
    first = heads.pop((directory_id, 0), None)
    if first is None:
        return
    deleted_run = next(head.deleted_run for head in known.heads if head.page_no == 0)
    # Page 0 is read for every chunk and told of in the first.
    others = list(heads.items())
    for number, start in enumerate(range(0, max(len(others), 1), CHUNK_PAGES)):
        some = dict(others[start : start + CHUNK_PAGES])
        yield _Chunk(directory_id, number, {(directory_id, 0): first} | some, deleted_run)


async def _read(
    past: Past, chunks: Sequence[_Chunk], points: Sequence[int], pattern: NamePattern, unreadable: set[int]
) -> list[dict[int, list[Kept]]]:
    """The histories of the first of ``chunks``: as many as come to :data:`SLICE_RECORDS`, but at least of one.

    Of each page the records that restore points show, and those on the way to them: the others may have been swept.
    """
    firsts = await _records(past, {ref: page for chunk in chunks for page, ref in chunk.heads.items()}, unreadable)
    taken: list[_Chunk] = []
    records = 0
    for chunk in chunks:
        records += sum(firsts[ref].depth + 1 for ref in chunk.heads.values() if ref in firsts)
        if taken and records > SLICE_RECORDS:
            break
        taken.append(chunk)
    found: list[dict[int, list[Kept]]] = [{} for _ in taken]
    owners = {page: at for at, chunk in enumerate(taken) for page in chunk.heads if page[1] or chunk.number == 0}
    zeros = [(at, chunk) for at, chunk in enumerate(taken) if chunk.number]
    wanted = {ref: page for chunk in taken for page, ref in chunk.heads.items()}
    sought = dict.fromkeys(wanted, points)
    met = set[ManifestRef]()
    kept: dict[Page, list[Kept]] = {}
    # From the newest record along the ways that all restore points take.
    while wanted:
        following: dict[ManifestRef, Page] = {}
        ahead: dict[ManifestRef, Sequence[int]] = {}
        records_read = await _records(past, wanted, unreadable, firsts)
        for ref, page in wanted.items():
            record = records_read.get(ref)
            if record is None:  # what the one before it holds does not count from here on
                kept.setdefault(page, []).append(Kept(ref.run_no, -1, (), ()))
                continue
            if ref not in met:  # ways can meet again
                entries = tuple(saved for saved in record.entries if pattern.matches(saved.entry.name))
                kept.setdefault(page, []).append(Kept(record.run_no, record.depth, entries, record.page_nos))
                met.add(ref)
            older = [point for point in sought[ref] if point < record.run_no]
            for hop, through in next_hops(record, older).items():
                following[hop] = page
                ahead[hop] = [*ahead.get(hop, ()), *through]
        firsts, wanted, sought = {}, following, ahead
    for page, records_of_page in kept.items():
        if page in owners:
            found[owners[page]][page[1]] = records_of_page
    for at, chunk in zeros:
        named = kept.get((chunk.directory_id, 0), [])
        found[at][0] = [Kept(one.run_no, one.depth, (), one.page_nos) for one in named]
    return found


async def _records(
    past: Past,
    wanted: dict[ManifestRef, Page],
    unreadable: set[int],
    known: dict[ManifestRef, PageRecord] | None = None,
) -> dict[ManifestRef, PageRecord]:
    """The records at these places; what is damaged is noted and left out."""
    found = {ref: known[ref] for ref in wanted if ref in known} if known else {}
    missing = [ref for ref in wanted if ref not in found]
    try:
        return found | await past.read_once(missing)
    except IntegrityError:
        for ref in missing:
            try:
                found |= await past.read_once([ref])
            except IntegrityError:
                unreadable.add(wanted[ref][0])
        return found


def _numbers(cursor: str, count: int) -> tuple[int, ...]:
    """The numbers of a cursor; zeros for none."""
    if not cursor:
        return (0,) * count
    parts = cursor.split(".")
    if len(parts) != count or not all(part.isascii() and part.isdigit() and len(part) <= 19 for part in parts):
        raise InvalidInput(f"after is {cursor!r}; expected what an earlier answer gave as next", field="after")
    return tuple(map(int, parts))
