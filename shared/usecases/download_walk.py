"""Go through what a selection takes of a restore point, without a run and with nothing in the catalogue.

Depth first, a wave of directories at a time and of a wide directory a piece at a time, so that memory depends neither on how much is
selected nor on how wide a directory is.
"""

from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from shared.core.hashing import ShareHasher
from shared.core.paths import below, outermost
from shared.core.selection import Selector
from shared.errors import IntegrityError, NotFound
from shared.model.manifest import SavedEntry
from shared.model.member import Member, member_of
from shared.model.node import ROOT_ID
from shared.model.restore import Selection
from shared.model.share import Share
from shared.ports.catalogue import Catalogue
from shared.ports.vault import Vault
from shared.usecases.find_saved import find_saved
from shared.usecases.read_manifests import Page, Piece, read_directories_at, read_pieces_at

WAVE_DIRECTORIES: Final = 64
WAVE_PAGES: Final = 128
"""Pages in memory at once, and those of the next wave: at 64 entries of 2 KB each some 16 MB."""

Tell = Callable[[str, str], None]
"""Told a path and the reason why something there is not, or not all, in the archive."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where the content of a share is."""

    share: Share
    catalogue: Catalogue
    vault: Vault
    hasher: ShareHasher


@dataclass(frozen=True, slots=True)
class SelectedFile:
    """A file to hand out."""

    saved: SavedEntry
    path: str
    """From the share's root."""

    @property
    def member(self) -> Member:
        """What an archive says of it."""
        return member_of(self.path, self.saved.entry, self.saved.posix)


@dataclass(slots=True)
class Wave:
    """Neighbours. Directories come before what is in them."""

    directories: list[Member] = field(default_factory=list)
    files: list[SelectedFile] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Place:
    """A directory to go through, from one of its pages on."""

    node_id: int
    path: str
    next_page: int = 0


class Walk:
    """What a selection takes: call :meth:`begin`, then go through :meth:`waves`, once."""

    def __init__(self, source: Source, run_no: int, selection: Selection) -> None:
        self._source = source
        self._run_no = run_no
        self._selection = selection
        self._selector = Selector(selection) if selection.by_file else None
        self._stack: list[_Place] = []
        self._first = Wave()

    async def begin(self) -> None:
        """Find where to begin. Raises ``NotFound`` if a path or a restore point is not there."""
        share_id = self._source.share.share_id
        await self._source.catalogue.restore_point(share_id, self._run_no)
        if self._selection.compared_with is not None:
            await self._source.catalogue.restore_point(share_id, self._selection.compared_with)
        seen: set[int] = set()
        for path in outermost(self._selection.paths) or [""]:
            at, parent_id = "", ROOT_ID
            chain = await find_saved(self._source, self._run_no, path)
            for saved in chain:
                if not saved.entry.is_directory:
                    later = (await self._later([_Place(parent_id, at)])).get(parent_id)
                    self._first.files += self._chosen(at, [saved], later)
                    break
                at, parent_id = below(at, saved.entry.name), saved.node_id
                if self._selector is None and parent_id not in seen:
                    seen.add(parent_id)
                    self._first.directories.append(member_of(at, saved.entry, saved.posix))
            else:
                self._stack.append(_Place(parent_id, at))
        self._stack.reverse()

    async def waves(self, tell: Tell) -> AsyncGenerator[Wave, None]:
        """Everything that is selected; ``tell`` hears of directories that cannot be read."""
        yield self._first
        stack = self._stack
        while stack:
            places = [stack.pop() for _ in range(min(WAVE_DIRECTORIES, len(stack)))]
            pieces = await self._read(places, tell)
            later = await self._later([place for place in places if place.node_id in pieces])
            wave, found = Wave(), list[_Place]()
            for place in places:
                piece = pieces.get(place.node_id)
                if piece is None:  # no room for it
                    found.append(place)
                    continue
                entries = [saved for page in piece.records for saved in page.entries]
                wave.files += self._chosen(
                    place.path, [s for s in entries if not s.entry.is_directory], later.get(place.node_id)
                )
                for saved in self._entered(place, [s for s in entries if s.entry.is_directory]):
                    path = below(place.path, saved.entry.name)
                    found.append(_Place(saved.node_id, path))
                    if self._selector is None:
                        wave.directories.append(member_of(path, saved.entry, saved.posix))
                if piece.following:
                    found.append(replace(place, next_page=piece.following))
            stack.extend(reversed(found))
            yield wave

    def _chosen(
        self, directory: str, files: Sequence[SavedEntry], later: Sequence[SavedEntry] | None
    ) -> Iterable[SelectedFile]:
        chosen = files if self._selector is None else self._selector.files(directory, files, later)
        return [SelectedFile(saved, below(directory, saved.entry.name)) for saved in chosen]

    def _entered(self, place: _Place, directories: Sequence[SavedEntry]) -> Iterable[SavedEntry]:
        if self._selector is None:
            return directories
        entered = self._selector.enters(place.path, [saved.entry.name for saved in directories])
        return [saved for saved in directories if saved.entry.name in entered]

    async def _read(self, places: Sequence[_Place], tell: Tell) -> Mapping[int, Piece]:
        """Pages of those directories for which there is room."""
        lost: dict[Page, str] = {}
        try:
            pieces = await self._pieces(places, lost)
        except (IntegrityError, NotFound):
            pieces = {}
            for place in places:
                try:
                    pieces |= await self._pieces([place], lost)
                except (IntegrityError, NotFound) as error:
                    pieces[place.node_id] = Piece((), 0)
                    lost[place.node_id, 0] = str(error)
        known = {place.node_id: place for place in places}
        for (node_id, page_no), reason in lost.items():
            what = "some of the names" if page_no else "what is"
            tell(known[node_id].path, f"{what} in this directory cannot be read: {reason}")
        damaged = {node_id for node_id, _ in lost}
        for place in places:
            piece = pieces.get(place.node_id)
            if piece is not None and not piece.records and place.node_id not in damaged:
                tell(place.path, "the backup could not list this directory")
        return pieces

    async def _pieces(self, places: Sequence[_Place], lost: dict[Page, str]) -> dict[int, Piece]:
        starts = {place.node_id: place.next_page for place in places}
        return await read_pieces_at(self._source, starts, self._run_no, WAVE_PAGES, lost)

    async def _later(self, places: Sequence[_Place]) -> Mapping[int, Sequence[SavedEntry]]:
        """What the other restore point has in these directories; nothing of one that was deleted by then."""
        other = self._selection.compared_with
        if other is None:
            return {}
        ids = [place.node_id for place in places]
        pages = await read_directories_at(self._source, ids, other)
        gone = await self._source.catalogue.deleted_runs(self._source.share.share_id, ids)
        return {
            node_id: []
            if gone.get(node_id, other + 1) <= other
            else [saved for page in pages.get(node_id, ()) for saved in page.entries]
            for node_id in ids
        }
