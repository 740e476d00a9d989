"""Directories of a synthetic share: ordinary ones, except that most of their children are computed when asked for.

What somebody changes becomes an ordinary node and is kept; ``masked`` has the numbers of the computed children that
are not to be computed any more, because they are kept or because they are gone. So a change costs its own memory and
that of the directories above it, however many children those have.
"""

from collections.abc import Iterable, Sequence
from copy import copy
from dataclasses import dataclass, field, fields

from localdev.files_emulator import smb
from localdev.files_emulator.content import stored_bytes
from localdev.files_emulator.names import key_of
from localdev.files_emulator.synthetic_plan import first_at_least
from localdev.files_emulator.synthetic_view import View, directory_number, directory_ordinal, is_computed_number
from localdev.files_emulator.tree import ROOT_NUMBER, Directory, Entry, File, Node, Path, kept_nodes

_CHUNK = 1_000


@dataclass(slots=True, kw_only=True)
class SyntheticDirectory(Directory):
    """A directory that began as the ``ordinal``-th of a synthetic share; ``_children`` are the kept ones."""

    view: View
    ordinal: int
    masked: set[int] = field(default_factory=set)

    def clone(self, epoch: int) -> "SyntheticDirectory":
        """Return the same directory for a later epoch."""
        twin = copy(self)
        twin.epoch = epoch
        twin._children = self._children.copy()
        twin._order = None if self._order is None else self._order.copy()
        twin.masked = self.masked.copy()
        return twin

    def child(self, key: str) -> Entry | None:
        """Return the child under ``key``, if there is one."""
        return self._children.get(key) or self._computed(key)

    def below(self, path: Path) -> Directory | None:
        """Return the directory at a path below; where nobody changed anything, nothing in between need be computed."""
        if not path or self.masked or self._children:
            return Directory.below(self, path)
        ordinal = self.view.plan.directory_at(self.ordinal, path)
        return None if ordinal is None else computed_directory(self.view, ordinal)

    def children(self) -> Iterable[Entry]:
        """Yield all children, the kept ones first."""
        yield from self._children.values()
        low, high = self.view.plan.subdirectories(self.ordinal)
        for at in range(low, high, _CHUNK):
            yield from self._unmasked(self._directories(range(at, min(high, at + _CHUNK))))
        for files in self.view.runs(self.ordinal):
            yield from self._unmasked(files)

    def is_empty(self) -> bool:
        """Return whether it has no children."""
        return next(iter(self.children()), None) is None

    def page(self, prefix_key: str, from_key: str, size: int) -> tuple[list[Entry], Entry | None]:
        """Return up to ``size`` children in listing order, and the one that follows them.

        Where computed files are many they come without their content, which takes longer to say than all the rest.
        Kept children, computed directories and computed files each give their first ``size`` and one more.
        """
        start, wanted = max(prefix_key, from_key), size + 1
        found, is_sorted = self._files_from(start, wanted), True
        others = [*self._directories_from(start, wanted), *self._kept_from(start, wanted)]
        if others:
            found += others
            is_sorted = False
        if prefix_key:
            found = [node for node in found if key_of(node.name).startswith(prefix_key)]
        if not is_sorted:
            found.sort(key=lambda node: key_of(node.name))
        return (found, None) if len(found) <= size else (found[:size], found[size])

    def hang(self, child: Entry) -> None:
        """Add ``child``, or replace the child of its name."""
        key = key_of(child.name)
        if key not in self._children:
            self._mask(key)
        if is_computed_number(child.number):
            self.masked.add(child.number)
        Directory.hang(self, child)

    def take(self, key: str) -> None:
        """Remove the child under ``key``."""
        if key in self._children:
            Directory.take(self, key)
        else:
            self._mask(key)

    def kept(self) -> Iterable[Entry]:
        """Return the children that are not computed."""
        return self._children.values()

    def usage_bytes(self) -> int:
        """Return how many bytes of content the tree below this root holds: computed, less those masked, and kept."""
        if self.number != ROOT_NUMBER:
            return sum(
                child.usage_bytes() if isinstance(child, Directory) else stored_bytes(child.extents)
                for child in self.children()
            )
        masked, total = masked_numbers(self), self.view.total_bytes()
        for number in masked:
            life = self.view.life(number)
            total -= 0 if life is None else self.view.file(life).size
        return total + sum(stored_bytes(node.extents) for node in kept_nodes(self) if isinstance(node, File))

    def find_file(self, number: int) -> File | None:
        """Return the file with a node number, anywhere below this root."""
        for node in kept_nodes(self):
            if node.number == number and isinstance(node, File):
                return node
        if not is_computed_number(number):
            return None
        life = self.view.life(number)
        if life is None or not life.is_alive or number in masked_numbers(self):
            return None
        return self.view.file(life)

    def outlive(self, directory: Directory) -> None:
        """Remember as the root, which is owned, what was computed in a directory that is about to be gone."""
        if isinstance(directory, SyntheticDirectory):
            self.masked |= directory.masked

    def computed(self, number: int) -> Entry | None:
        """Return the computed child with a node number."""
        ordinal = directory_ordinal(number)
        if ordinal is not None:
            return computed_directory(self.view, ordinal)
        life = self.view.life(number)
        return None if life is None else self.view.file(life, self.ordinal)

    def described_as(self, node: Directory) -> "SyntheticDirectory":
        """Return this directory with its children, but everything else as in ``node``."""
        twin = self.clone(node.epoch)
        for column in fields(Node):
            setattr(twin, column.name, getattr(node, column.name))
        return twin

    def under(self, view: View) -> bool:
        """Take an owned directory to a view with more layers, and return whether they changed what it holds."""
        changed = view.changed(self.ordinal, len(self.view.layers))
        self.view = view
        if changed is None or changed <= self.changed:
            return False
        self.written = self.changed = changed
        return True

    # -- computing

    def _mask(self, key: str) -> None:
        child = self._computed(key)
        if child is not None:
            self.masked.add(child.number)

    def _computed(self, key: str) -> Entry | None:
        found: Entry | None
        ordinal = None if "." in key else self.view.plan.directory_called(self.ordinal, key)
        if ordinal is not None:
            found = computed_directory(self.view, ordinal)
        elif (files := self.view.few_files(self.ordinal)) is not None:
            found = files.get(key)
        else:
            run = next(self.view.runs(self.ordinal, self._first(key), 2), [])
            found = next((file for file in run if key_of(file.name) == key), None)
        return None if found is None or found.number in self.masked else found

    def _unmasked(self, nodes: Sequence[Entry]) -> Sequence[Entry]:
        masked, children = self.masked, self._children
        if not masked and not children:
            return nodes
        return [node for node in nodes if node.number not in masked and key_of(node.name) not in children]

    def _kept_from(self, key: str, count: int) -> list[Entry]:
        return Directory.page(self, "", key, count)[0] if self._children else []

    def _directories_from(self, key: str, count: int) -> list[Entry]:
        plan = self.view.plan
        low, high = plan.subdirectories(self.ordinal)
        if low == high:
            return []
        at = low + (first_at_least(lambda i: key_of(plan.directory_name(low + i)), high - low, key) if key else 0)
        found: list[Entry] = []
        while at < high and len(found) < count:
            following = min(high, at + count)
            found += self._unmasked(self._directories(range(at, following)))
            at = following
        return found[:count]

    def _directories(self, ordinals: range) -> list[Entry]:
        return [computed_directory(self.view, ordinal) for ordinal in ordinals]

    def _files_from(self, key: str, count: int) -> list[Entry]:
        """Return the first ``count`` computed files from ``key`` on, without their content where there are many."""
        files = self.view.few_files(self.ordinal)
        if files is not None:
            return list(self._unmasked([file for at, file in files.items() if at >= key])[:count])
        found: list[Entry] = []
        for run in self.view.runs(self.ordinal, self._first(key), count, with_content=False):
            following = [file for file in run if key_of(file.name) >= key] if key and not found else run
            found += self._unmasked(following)
            if len(found) >= count:
                break
        return found[:count]

    def _first(self, key: str) -> int:
        """Return the number, among the directory's slots, of the first whose files may have ``key`` or come after it."""
        low, high = self.view.plan.slots(self.ordinal)
        # What is in the place of the slot before may still come after ``key``: its stem is shorter than its names.
        return max(0, first_at_least(self._stem_key, high - low, key) - 1) if key else 0

    def _stem_key(self, i: int) -> str:
        plan = self.view.plan
        slot = plan.slots(self.ordinal)[0] + i
        return key_of(plan.stems(self.ordinal)[0](i, plan.bits(slot)))


def computed_directory(view: View, ordinal: int) -> SyntheticDirectory:
    """Return a directory of a synthetic share as nobody but layers changed it."""
    name, parent, created, written, permission = view.plan.directory_facts(ordinal)
    changed = view.changed(ordinal)
    latest = written if changed is None else changed
    return SyntheticDirectory(
        directory_number(ordinal), directory_number(parent), name, -1, smb.DIRECTORY,
        view.keys[view.plan.shape.permissions + permission], created, created, latest, latest, view=view, ordinal=ordinal,
    )  # fmt: skip


def masked_numbers(root: Directory) -> set[int]:
    """Return the numbers of all computed nodes below ``root`` that were changed or are gone."""
    found = set(root.masked) if isinstance(root, SyntheticDirectory) else set[int]()
    for node in kept_nodes(root):
        if isinstance(node, SyntheticDirectory):
            found |= node.masked
    return found


def home_of(view: View, number: int) -> int | None:
    """Return the directory in which a computed node is computed, ``None`` if there is no such node."""
    ordinal = directory_ordinal(number)
    if ordinal is not None:
        return view.plan.parent(ordinal) if 0 < ordinal < view.plan.directories else None
    life = view.life(number)
    return None if life is None or not life.is_alive else view.plan.directory_of(life.host)
