"""One row of the catalogue: a page of a directory, its files packed."""

from dataclasses import dataclass

from shared.model.manifest import ManifestRef


@dataclass(frozen=True, slots=True)
class FileRow:
    """One file as the catalogue knows it."""

    name: str
    slot: int
    size_bytes: int
    mtime: int
    """Unix seconds of LastWriteTime."""
    hash: int
    """xorhash: QuickXorHash folded to 64 bits, unsigned."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One row of table ``page``. Page 0 is also the directory's own row."""

    directory_id: int
    page_no: int = 0
    name: str
    """Page 0: the directory's name, empty for the root. Later pages: the least name that belongs to the page."""
    parent_id: int | None = None
    """Page 0: node id of the parent; None for the root and for later pages."""
    file_id: int | None = None
    """Page 0: Azure's FileId of the directory (unsigned 64 bits)."""
    mtime: int = 0
    """Page 0: Unix seconds of the directory's LastWriteTime."""
    fingerprint: int | None = None
    """Page 0: XXH3-64 of the directory's whole listing, None until everything the listing names is safe. Later pages: None."""
    page_fingerprint: int | None = None
    """XXH3-64 of this page's own entries. None: compare entry by entry."""
    manifest: ManifestRef | None = None
    """Newest record of this page; None until the first."""
    next_slot: int = 1
    """Page 0: the lowest slot the directory has never given out."""
    deleted_run: int | None = None
    """Run that found the directory gone (page 0) or that dissolved the page; its history stays reachable."""
    files: tuple[FileRow, ...] = ()
    """In code point order of name. Empty on a deleted page."""


@dataclass(frozen=True, slots=True)
class PageHead:
    """What a comparison needs of a page: all of its row but the files."""

    page_no: int
    lower: str
    """The least name that belongs to the page; empty for page 0."""
    page_fingerprint: int | None
    manifest: ManifestRef | None
    deleted_run: int | None


@dataclass(frozen=True, slots=True)
class DirectoryPages:
    """The pages of one directory without the files of any but the first."""

    first: Page | None
    """Page 0 whole; None of a directory that has no row."""
    heads: tuple[PageHead, ...] = ()
    """Of all pages in order of number, page 0 and dissolved ones included."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectoryHead:
    """The part of page 0 that a walk needs of a directory it may be able to skip."""

    node_id: int
    parent_id: int | None
    name: str
    file_id: int
    mtime: int
    fingerprint: int | None
