"""Read manifest records, neighbours in one request."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from shared.core.history import next_hop
from shared.core.ranges import coalesce
from shared.errors import IntegrityError
from shared.formats import manifest
from shared.model.manifest import ManifestRef, PageRecord
from shared.model.objects import segment_name
from shared.ports import Vault
from shared.usecases.scope import RunScope

GAP_BYTES: Final = 64 * 1024
"""Bytes worth reading for nothing to save a request: about what a request costs in time at 100 MiB/s."""

READ_BYTES_MAX: Final = 8 * 1024 * 1024
"""Most bytes asked for at once."""

Page = tuple[int, int]
"""``(directory_id, page_no)``."""


async def read_records(vault: Vault, share_id: int, refs: Iterable[ManifestRef]) -> dict[ManifestRef, PageRecord]:
    """Read the records of ``refs``. Raises ``IntegrityError`` or ``NotFound`` for damaged or lost segments."""
    by_segment: defaultdict[tuple[int, int], set[ManifestRef]] = defaultdict(set)
    for ref in refs:
        by_segment[ref.run_no, ref.batch_no].add(ref)
    records: dict[ManifestRef, PageRecord] = {}
    for (run_no, batch_no), wanted in by_segment.items():
        name = segment_name(share_id, run_no, batch_no)
        ranges = coalesce(((r.offset, r.length, r) for r in wanted), gap=GAP_BYTES, length_max=READ_BYTES_MAX)
        for span in ranges:
            data = await vault.get(name, span.offset, span.length)
            for ref in span.items:
                start = ref.offset - span.offset
                records[ref] = manifest.decode(data[start : start + ref.length])
    return records


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


async def read_directories_at(
    scope: RunScope, directory_ids: Sequence[int], run_no: int
) -> dict[int, list[PageRecord]]:
    """Every page of some directories as ``run_no`` saw them, in name order.

    A directory that did not exist then, or was never read, is left out.

    :raises IntegrityError: or ``NotFound``, what one of them needs is damaged or lost.
    """
    share_id = scope.share.share_id
    heads = await scope.catalogue.page_manifests(share_id, directory_ids)
    first = {page: ref for page, ref in heads.items() if page[1] == 0}
    records = await read_records_at(scope.vault, share_id, first, run_no)
    later = {
        (directory_id, page_no): _head(heads, directory_id, page_no)
        for (directory_id, _), record in records.items()
        for page_no in record.page_nos
        if page_no
    }
    if later:
        records |= await read_records_at(scope.vault, share_id, later, run_no)
    return {
        directory_id: [records[directory_id, page_no] for page_no in record.page_nos]
        for (directory_id, first_no), record in records.items()
        if first_no == 0
    }
