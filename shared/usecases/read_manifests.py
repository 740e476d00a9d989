"""Read manifest records, neighbours in one request."""

import asyncio
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from shared.core.history import next_hop
from shared.core.ranges import Span, coalesce
from shared.errors import IntegrityError, NotFound
from shared.formats import manifest
from shared.model.manifest import ManifestRef, PageRecord
from shared.model.objects import segment_name
from shared.model.share import Share
from shared.ports.catalogue import Catalogue
from shared.ports.vault import Vault
from shared.usecases.together import together

GAP_BYTES: Final = 64 * 1024
"""Bytes worth reading for nothing to save a request: about what a request costs in time at 100 MiB/s."""

READ_BYTES_MAX: Final = 8 * 1024 * 1024
"""Most bytes asked for at once."""

READS_AT_ONCE: Final = 8

Page = tuple[int, int]
"""``(directory_id, page_no)``."""


class Saved(Protocol):
    """Where the manifests of a share are."""

    @property
    def share(self) -> Share:
        """The share."""
        ...

    @property
    def catalogue(self) -> Catalogue:
        """Knows the newest manifest of each page."""
        ...

    @property
    def vault(self) -> Vault:
        """Has them."""
        ...


async def read_records(vault: Vault, share_id: int, refs: Iterable[ManifestRef]) -> dict[ManifestRef, PageRecord]:
    """Read the records of ``refs``. Raises ``IntegrityError`` or ``NotFound`` for damaged or lost segments."""
    records: dict[ManifestRef, PageRecord] = {}
    for run_no, batch_no, span in spans_of(refs):
        data = await vault.get(segment_name(share_id, run_no, batch_no), span.offset, span.length)
        for ref in span.items:
            start = ref.offset - span.offset
            records[ref] = manifest.decode(data[start : start + ref.length])
    return records


def spans_of(refs: Iterable[ManifestRef]) -> Iterator[tuple[int, int, Span[ManifestRef]]]:
    """The requests that reading ``refs`` takes: ``run_no`` and ``batch_no`` of a segment, and what to ask of it."""
    by_segment: defaultdict[tuple[int, int], set[ManifestRef]] = defaultdict(set)
    for ref in refs:
        by_segment[ref.run_no, ref.batch_no].add(ref)
    for (run_no, batch_no), wanted in by_segment.items():
        ranges = ((ref.offset, ref.length, ref) for ref in wanted)
        for span in coalesce(ranges, gap=GAP_BYTES, length_max=READ_BYTES_MAX):
            yield run_no, batch_no, span


async def read_each(
    vault: Vault, share_id: int, refs: Iterable[ManifestRef]
) -> dict[ManifestRef, PageRecord | IntegrityError | NotFound]:
    """The records of ``refs``, or what is wrong with each that cannot be read: it was read a second time, by itself."""
    by_segment: defaultdict[tuple[int, int], set[ManifestRef]] = defaultdict(set)
    for ref in refs:
        by_segment[ref.run_no, ref.batch_no].add(ref)
    found: dict[ManifestRef, PageRecord | IntegrityError | NotFound] = {}
    gate = asyncio.Semaphore(READS_AT_ONCE)

    async def read(name: str, span: Span[ManifestRef]) -> None:
        try:
            async with gate:
                data = await vault.get(name, span.offset, span.length)
        except (IntegrityError, NotFound) as error:
            if len(span.items) == 1 or isinstance(error, NotFound):
                found.update(dict.fromkeys(span.items, error))
                return
            for ref in span.items:
                await read(name, Span(ref.offset, ref.length, (ref,)))
            return
        for ref in span.items:
            start = ref.offset - span.offset
            try:
                found[ref] = manifest.decode(data[start : start + ref.length])
            except IntegrityError as error:
                found[ref] = error
                if len(span.items) > 1:
                    await read(name, Span(ref.offset, ref.length, (ref,)))

    await together(
        read(segment_name(share_id, run_no, batch_no), span)
        for (run_no, batch_no), wanted in by_segment.items()
        for span in coalesce(((r.offset, r.length, r) for r in wanted), gap=GAP_BYTES, length_max=READ_BYTES_MAX)
    )
    return found


async def read_records_at(
    vault: Vault, share_id: int, heads: Mapping[Page, ManifestRef], run_no: int
) -> dict[Page, PageRecord]:
    """The records of pages as ``run_no`` saw them: the newest not newer than it.

    :param heads: the newest record of each page. A page that did not exist then is left out of the result.
    """
    found: dict[Page, PageRecord] = {}
    wanted = dict(heads)
    while wanted:
        records = await read_records(vault, share_id, wanted.values())
        following: dict[Page, ManifestRef] = {}
        for page, ref in wanted.items():
            record = records[ref]
            if record.run_no <= run_no:
                found[page] = record
            elif (hop := next_hop(record, run_no)) is not None:
                following[page] = hop
        wanted = following
    return found


def _head(heads: Mapping[Page, ManifestRef], directory_id: int, page_no: int) -> ManifestRef:
    """The newest record of a page. A catalogue that was rebuilt from a damaged vault may not have it."""
    try:
        return heads[directory_id, page_no]
    except KeyError:
        raise IntegrityError(f"no record of page {page_no} of directory {directory_id} is left") from None


async def read_directories_at(scope: Saved, directory_ids: Sequence[int], run_no: int) -> dict[int, list[PageRecord]]:
    """Every page of some directories as ``run_no`` saw them, in name order.

    A directory that did not exist then, or was never read, is left out.

    :raises IntegrityError: or ``NotFound``, what one of them needs is damaged or lost.
    """
    pieces = await read_pieces_at(scope, dict.fromkeys(directory_ids, 0), run_no)
    return {directory_id: list(piece.records) for directory_id, piece in pieces.items() if piece.records}


@dataclass(frozen=True, slots=True)
class Piece:
    """Neighbouring pages of a directory."""

    records: tuple[PageRecord, ...]
    """In name order."""
    following: int
    """Which page comes after them, counted from 0 in name order; 0: they are the last."""


async def read_pieces_at(
    scope: Saved,
    starts: Mapping[int, int],
    run_no: int,
    pages_max: int = sys.maxsize,
    lost: dict[Page, str] | None = None,
) -> dict[int, Piece]:
    """Pages of some directories as ``run_no`` saw them, up to ``pages_max`` of all directories together, and at least one.

    A directory that did not exist then, or was never read, has no pages. Those for which there was no room are left out.

    :param starts: which page of each to begin with, counted from 0 in name order.
    :param lost: gets pages that cannot be read, with the reason; they are then missing from the pieces. Without it, damage is raised,
        as it is for a directory's page 0, without which nothing is known of it.
    """
    share_id = scope.share.share_id
    heads = await scope.catalogue.page_manifests(share_id, list(starts))
    first = {page: ref for page, ref in heads.items() if page[1] == 0}
    records = await read_records_at(scope.vault, share_id, first, run_no)
    chosen: dict[int, tuple[tuple[int, ...], int]] = {}
    room = pages_max
    for directory_id, start in starts.items():
        head = records.get((directory_id, 0))
        page_nos = head.page_nos[start:] if head is not None else ()
        taken = page_nos[: max(room, 0 if chosen else 1)]
        if page_nos and not taken:
            continue
        chosen[directory_id] = taken, start + len(taken) if len(taken) < len(page_nos) else 0
        room -= len(taken)
    later = {
        (directory_id, page_no): _head(heads, directory_id, page_no)
        for directory_id, (page_nos, _) in chosen.items()
        for page_no in page_nos
        if page_no
    }
    if later:
        records |= await _read_rest(scope.vault, share_id, later, run_no, lost)
    return {
        directory_id: Piece(
            tuple(records[directory_id, page_no] for page_no in page_nos if (directory_id, page_no) in records),
            following,
        )
        for directory_id, (page_nos, following) in chosen.items()
    }


async def _read_rest(
    vault: Vault, share_id: int, heads: Mapping[Page, ManifestRef], run_no: int, lost: dict[Page, str] | None
) -> dict[Page, PageRecord]:
    try:
        return await read_records_at(vault, share_id, heads, run_no)
    except (IntegrityError, NotFound) as error:
        if lost is None:
            raise
        if len(heads) == 1:
            lost |= dict.fromkeys(heads, str(error))
            return {}
    found: dict[Page, PageRecord] = {}
    for page, ref in heads.items():
        found |= await _read_rest(vault, share_id, {page: ref}, run_no, lost)
    return found
