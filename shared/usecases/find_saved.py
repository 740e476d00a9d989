"""Find what lies at a path of a restore point."""

from collections.abc import Iterable
from typing import Final

from shared.errors import IntegrityError, InvalidInput, NotFound
from shared.model.manifest import ManifestRef, SavedEntry
from shared.model.node import ROOT_ID
from shared.usecases.read_manifests import Page, Saved, read_pieces_at, read_records_at

_PIECE_PAGES: Final = 64


async def find_saved(source: Saved, run_no: int, path: str, begin: tuple[str, int] = ("", ROOT_ID)) -> list[SavedEntry]:
    """The nodes on the way to what lies at ``path``, itself last; nothing for an empty path. Case counts only to tell names apart.

    :param begin: the directory from which the path leads: its own path, and its node id.
    :raises NotFound: there is no such node.
    :raises InvalidInput: a node on the way is a file.
    """
    chain: list[SavedEntry] = []
    at, node_id = begin
    for component in [c for c in path.split("/") if c]:
        if chain and not chain[-1].entry.is_directory:
            raise InvalidInput(f"{'/' + at!r} is a file; there is nothing below it", field="path")
        saved = await _child(source, node_id, component, run_no)
        if saved is None:
            raise NotFound(f"restore point {run_no} has no {'/' + (at + '/' + component).strip('/')!r}")
        chain.append(saved)
        at, node_id = f"{at}/{saved.entry.name}".strip("/"), saved.node_id
    return chain


async def _child(source: Saved, directory_id: int, name: str, run_no: int) -> SavedEntry | None:
    """Exactly that name if there is one: NFS shares tell case apart, and SMB shares "ss" from the sharp s."""
    return await _exactly(source, directory_id, name, run_no) or await _folded(source, directory_id, name, run_no)


async def _exactly(source: Saved, directory_id: int, name: str, run_no: int) -> SavedEntry | None:
    """A few pages are read, however many a directory has: their names are in order."""
    heads = await source.catalogue.page_manifests(source.share.share_id, [directory_id])
    first = await _names(source, heads, (directory_id, 0), run_no)
    if first is None:
        return None
    entries, page_nos = first
    low, high = 0, len(page_nos)
    while True:
        for saved in entries:
            if saved.entry.name == name:
                return saved
        middle = (low + high) // 2
        if low >= high:
            return None
        found = await _names(source, heads, (directory_id, page_nos[middle]), run_no)
        if found is None:
            raise IntegrityError(f"page {page_nos[middle]} of directory {directory_id} is gone from the vault")
        entries = found[0]
        if not entries:  # nothing to tell where to go on
            return None
        if name < entries[0].entry.name:
            high = middle
        else:
            low = middle + 1


async def _names(
    source: Saved, heads: dict[Page, ManifestRef], page: Page, run_no: int
) -> tuple[tuple[SavedEntry, ...], tuple[int, ...]] | None:
    if page not in heads:
        return None
    records = await read_records_at(source.vault, source.share.share_id, {page: heads[page]}, run_no)
    record = records.get(page)
    return (record.entries, record.page_nos) if record is not None else None


async def _folded(source: Saved, directory_id: int, name: str, run_no: int) -> SavedEntry | None:
    folded = name.casefold()
    start = 0
    while True:
        piece = (await read_pieces_at(source, {directory_id: start}, run_no, _PIECE_PAGES))[directory_id]
        names = {saved.entry.name: saved for page in piece.records for saved in page.entries}
        if name in names:
            return names[name]
        for found in names:
            if found.casefold() == folded:
                return names[found]
        start = piece.following
        if not start:
            return None


def outermost(paths: Iterable[str]) -> list[str]:
    """Paths without those that are in others."""
    kept: list[str] = []
    for path in sorted({path.strip("/") for path in paths}, key=lambda path: path.split("/")):
        if not kept or not is_within(path, kept[-1]):
            kept.append(path)
    return kept


def is_within(path: str, directory: str) -> bool:
    """Whether ``path`` is ``directory`` or below it, whatever the case."""
    folded = directory.casefold()
    return not directory or path.casefold() == folded or path.casefold().startswith(folded + "/")
