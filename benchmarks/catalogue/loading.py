"""Synthetic trees as rows of the catalogue."""

from collections.abc import Iterable, Iterator

from benchmarks.catalogue.trees import Directory
from shared.model.manifest import ManifestRef
from shared.model.node import PAGE_ENTRIES_MAX, directory_id
from shared.model.page import FileRow, Page

BATCH_DIRECTORIES = 500  # whose manifests are in one segment
RECORD_BYTES, ENTRY_BYTES = 200, 230  # of a manifest, and of each file in it


def file_id(counter: int) -> int:
    """Return the FileId of the ``counter``-th node that was created: as the service does, the lowest bits come first."""
    low = int(f"{counter & 0xFFFF:016b}"[::-1], 2)
    return 1 << 63 | low << 47 | 1 << 46 | counter >> 16


def rows(directories: Iterable[Directory]) -> Iterator[Page]:
    """Yield the rows a first backup would have written for these directories; pieces of one directory must be adjacent."""
    created = 0
    batch_no, offset = 1, 0
    number = page_no = slot = 0
    for directory in directories:
        if directory.number != number:
            number, page_no, slot = directory.number, 0, 1
            if number % BATCH_DIRECTORIES == 0:
                batch_no, offset = batch_no + 1, 0
        files = list(
            map(
                FileRow,
                directory.files.names,
                range(slot, slot + len(directory.files.names)),
                directory.files.sizes.tolist(),
                directory.files.mtimes.tolist(),
                directory.files.hashes.tolist(),
            )
        )
        slot += len(files)
        created += 1 + len(files)
        for start in range(0, max(1, len(files)), PAGE_ENTRIES_MAX):
            part = tuple(files[start : start + PAGE_ENTRIES_MAX])
            length = RECORD_BYTES + ENTRY_BYTES * len(part)
            manifest = ManifestRef(1, batch_no, offset, length)
            offset += length
            many = len(directory.files.names) > PAGE_ENTRIES_MAX or page_no > 0
            yield Page(
                directory_id=directory_id(number),
                page_no=page_no,
                name=part[0].name if page_no else directory.name,
                parent_id=directory_id(directory.parent_no) if directory.parent_no and not page_no else None,
                file_id=None if page_no or not directory.parent_no else file_id(created),
                mtime=0 if page_no else directory.mtime,
                fingerprint=None if page_no else (created * 0x9E37_79B9_7F4A_7C15) & (1 << 64) - 1,
                page_fingerprint=(created * 0xC2B2_AE3D_27D4_EB4F + page_no) & (1 << 64) - 1 if many else None,
                manifest=manifest,
                next_slot=1 if page_no else directory.file_count + 1,
                files=part,
            )
            page_no += 1
