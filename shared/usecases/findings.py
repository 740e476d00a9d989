"""Gather what a piece of a verify finds, object by object."""

from collections.abc import Iterable
from dataclasses import dataclass

from shared.model.manifest import SavedEntry
from shared.model.verify import PATHS_TOLD, Damage, Finding, FindingKind
from shared.ports.verifies import Verifies
from shared.usecases.verify_state import VerifyState


@dataclass(slots=True)
class CheckedFile:
    """A version of a file, and where it was met."""

    saved: SavedEntry
    directory_id: int
    page_id: int
    before: int
    """Run from which on its page shows something else."""
    current: bool
    """It is on the newest record of a live page."""


class Findings:
    """Those of one piece."""

    def __init__(self, state: VerifyState) -> None:
        self._state = state
        self._found: dict[str, Finding] = {}
        self._named: dict[str, list[tuple[int, str]]] = {}
        self.damaged: list[Damage] = []
        """What the next backup is to save again."""

    def note(
        self,
        kind: FindingKind,
        name: str,
        reason: str,
        *,
        node_id: int = 0,
        points: Iterable[int] = (),
        current: bool = False,
    ) -> Finding:
        """Something is wrong with ``name``, an object or a row."""
        finding = self._found.get(name)
        if finding is None:
            finding = self._found[name] = Finding(kind=kind, object=name, reason=reason, node_id=node_id)
        finding.points.update(points)
        finding.current |= current
        return finding

    def node(self, finding: Finding, directory_id: int, name: str) -> None:
        """It concerns this node; an empty ``name`` is the directory itself."""
        named = self._named.setdefault(finding.object, [])
        if len(named) < PATHS_TOLD and (directory_id, name) not in named:
            named.append((directory_id, name))

    def file(self, kind: FindingKind, name: str, reason: str, file: CheckedFile, *, again: bool = True) -> None:
        """It concerns a file: its content, which a backup can save ``again``, or something that belongs to it."""
        saved = file.saved
        # A run that repacked it has written it later than the one that saved it.
        points = self._state.between(max(saved.saved_run, saved.content.run_no), file.before)
        finding = self.note(kind, name, reason, node_id=saved.node_id, points=points, current=file.current)
        finding.files += 1
        finding.bytes += saved.entry.size_bytes
        self.node(finding, file.directory_id, saved.entry.name)
        if file.current and again:
            self.damaged.append(Damage(file.page_id, saved.node_id, saved.saved_run))

    async def resolved(self, verifies: Verifies, share_id: int) -> list[Finding]:
        """All of them, with paths."""
        wanted = sorted({directory_id for named in self._named.values() for directory_id, _ in named})
        above = await verifies.directory_paths(share_id, wanted) if wanted else {}
        for name, named in self._named.items():
            self._found[name].paths = [_joined(above[directory_id], own) for directory_id, own in named]
        return list(self._found.values())


def _joined(above: str, name: str) -> str:
    return f"{above}/{name}" if above and name else above or name or "/"
