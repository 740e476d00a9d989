"""The nodes of a share's tree, and how a changed tree shares everything unchanged with its snapshots.

Theory of operation: a snapshot is the root of the moment, kept. Taking one only counts up the share's epoch. A node
belongs to the epoch it was made in; before a node of an earlier epoch is changed it is cloned, and so are the
directories above it, because a clone has to be hung into its parent. ``own_directory`` and ``own`` do that and are the
only way to get a node that may be changed. The first change below a directory after a snapshot therefore costs a copy
of that directory's table of children, and nothing is ever copied twice in an epoch.

A persistent search tree would bound that copy too, but makes every lookup in Python several times slower.
"""

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from localdev.files_emulator.content import Extents, stored_bytes
from localdev.files_emulator.errors import ServiceError
from localdev.files_emulator.names import key_of
from localdev.files_emulator.posix import Posix

Path = tuple[str, ...]
Metadata = tuple[tuple[str, str], ...]

ROOT_NUMBER = 0
DEFAULT_CONTENT_TYPE = "application/octet-stream"
FIRST_COMPUTED_NUMBER = 1 << 60  # numbers below are taken one by one, those above say which computed node they are of

_REVERSED = tuple(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
#: A FileId is the sum of what the number's lowest byte and its second byte stand for here, and the rest of it.
FILE_ID_LOW = tuple(1 << 63 | reverse << 55 | 1 << 46 for reverse in _REVERSED)
FILE_ID_HIGH = tuple(reverse << 47 for reverse in _REVERSED)


@dataclass(slots=True)
class Node:
    """What directories and files have in common; times in ticks."""

    number: int
    parent_number: int
    name: str
    epoch: int
    attributes: int
    permission_key: str
    created: int
    accessed: int
    written: int
    changed: int
    metadata: Metadata = ()
    posix: Posix | None = None  # on NFS shares

    @property
    def file_id(self) -> str:
        """Return its FileId as the wire spells it."""
        return file_id(self.number, is_nfs=self.posix is not None)

    @property
    def parent_id(self) -> str:
        """Return the FileId of its directory."""
        return file_id(self.parent_number, is_nfs=self.posix is not None)


@dataclass(frozen=True, slots=True)
class ContentHeaders:
    """What a file's content headers were set to; empty means not set."""

    content_type: str = DEFAULT_CONTENT_TYPE
    encoding: str = ""
    language: str = ""
    cache_control: str = ""
    disposition: str = ""
    md5: str = ""


@dataclass(frozen=True, slots=True)
class Copied:
    """The copy that made a file."""

    id: str
    source: str
    progress: str
    completed: int
    status: str = "success"
    description: str = ""


@dataclass(slots=True)
class File(Node):
    """A file; ``size`` may exceed what its extents cover."""

    size: int = 0
    extents: Extents = ()
    content: ContentHeaders = ContentHeaders()
    copied: Copied | None = None

    @property
    def is_first_of_its_names(self) -> bool:
        """Return whether this is the node to count, of all nodes of one file."""
        places = () if self.posix is None else self.posix.places
        return not places or places[0] == (self.parent_number, self.name)

    def clone(self, epoch: int) -> "File":
        """Return the same file for a later epoch."""
        return File(
            self.number, self.parent_number, self.name, epoch, self.attributes, self.permission_key, self.created,
            self.accessed, self.written, self.changed, self.metadata, self.posix,
            self.size, self.extents, self.content, self.copied,
        )  # fmt: skip


@dataclass(slots=True)
class Directory(Node):
    """A directory; ``_children`` by key, ``_order`` the sorted keys once somebody listed it.

    Others know the children by the methods alone, so that a kind of directory may compute them.
    """

    _children: dict[str, "File | Directory"] = field(default_factory=dict)
    _order: list[str] | None = None

    def clone(self, epoch: int) -> "Directory":
        """Return the same directory for a later epoch, its children shared."""
        return Directory(
            self.number, self.parent_number, self.name, epoch, self.attributes, self.permission_key, self.created,
            self.accessed, self.written, self.changed, self.metadata, self.posix,
            self._children.copy(), None if self._order is None else self._order.copy(),
        )  # fmt: skip

    def key(self, name: str) -> str:
        """Return the key of a child of this name: NFS tells names apart by case, SMB does not."""
        return key_of(name) if self.posix is None else name

    def child(self, key: str) -> "File | Directory | None":
        """Return the child under ``key``, if there is one."""
        return self._children.get(key)

    def below(self, path: Path) -> "Directory | None":
        """Return the directory at a path below, itself if that is empty; ``None`` if there is none, or a file."""
        if not path:
            return self
        child = self.child(self.key(path[0]))
        return child.below(path[1:]) if isinstance(child, Directory) else None

    def children(self) -> Iterable["File | Directory"]:
        """Return all children, in no particular order; not to be changed while somebody looks at them."""
        return self._children.values()

    def kept(self) -> Iterable["File | Directory"]:
        """Return the children that are in memory, in no particular order; of an ordinary directory, all."""
        return self._children.values()

    def is_empty(self) -> bool:
        """Return whether it has no children."""
        return not self._children

    def page(
        self, prefix_key: str, from_key: str, size: int
    ) -> tuple[list["File | Directory"], "File | Directory | None"]:
        """Return up to ``size`` children in listing order whose keys have a prefix, from a key on.

        And the child that follows them, if there is one. They are for listing: computed ones lack their content.
        """
        order = self._order
        if order is None:
            order = self._order = sorted(self._children)
        start = bisect_left(order, max(prefix_key, from_key))
        keys = order[start : start + size + 1]
        if prefix_key:
            keys = [key for key in keys if key.startswith(prefix_key)]
        found = [self._children[key] for key in keys]
        return (found, None) if len(found) <= size else (found[:size], found[size])

    def hang(self, child: "File | Directory") -> None:
        """Add ``child``, or replace the child of its name."""
        key = self.key(child.name)
        if self._order is not None and key not in self._children:
            insort(self._order, key)
        self._children[key] = child

    def take(self, key: str) -> None:
        """Remove the child under ``key``."""
        del self._children[key]
        if self._order is not None:
            del self._order[bisect_left(self._order, key)]

    def inherit(self, before: "Directory") -> None:
        """Take over the children of ``before``, its own earlier state; that one keeps them too if it is frozen."""
        if before.epoch == self.epoch:
            self._children, self._order = before._children, before._order
        else:
            self._children = before._children.copy()
            self._order = None if before._order is None else before._order.copy()

    def usage_bytes(self) -> int:
        """Return how many bytes of content the tree below holds; a file with several names has its content once."""
        files = (node for node in walk(self) if isinstance(node, File))
        return sum(stored_bytes(file.extents) for file in files if file.is_first_of_its_names)

    def outlive(self, directory: "Directory") -> None:
        """Note, as the root, that a directory below is about to be gone; an ordinary one need not know."""

    def find_file(self, number: int) -> File | None:
        """Return the file with a node number, anywhere below."""
        return next((node for node in walk(self) if node.number == number and isinstance(node, File)), None)


Entry = File | Directory


def file_id(number: int, *, is_nfs: bool = False) -> str:
    """Return the FileId of a node number: sixteen bits reversed below the top bit, as the service hands them out."""
    if number == ROOT_NUMBER:
        return "1" if is_nfs else "0"
    return str(FILE_ID_LOW[number & 0xFF] + FILE_ID_HIGH[number >> 8 & 0xFF] + (number >> 16))


def find(root: Directory, path: Path) -> Entry:
    """Return what is at ``path``.

    :raises ServiceError: ParentNotFound or ResourceNotFound, depending on which part is missing.
    """
    if not path:
        return root
    parent = find_parent(root, path)
    child = parent.child(parent.key(path[-1]))
    if child is None:
        raise ServiceError("ResourceNotFound")
    return child


def find_parent(root: Directory, path: Path) -> Directory:
    """Return the directory that holds, or would hold, ``path``, which is not the root.

    :raises ServiceError: ParentNotFound if it does not exist or is a file.
    """
    parent = root.below(path[:-1])
    if parent is None:
        raise ServiceError("ParentNotFound")
    return parent


def walk(root: Directory) -> Iterator[Entry]:
    """Yield every node below ``root``, parents before children."""
    waiting = [root]
    while waiting:
        for child in waiting.pop().children():
            yield child
            if isinstance(child, Directory):
                waiting.append(child)


def kept_nodes(root: Directory) -> Iterator[Entry]:
    """Yield every node below ``root`` that is in memory, parents before children; the rest is computed when asked for."""
    waiting = [root]
    while waiting:
        for child in waiting.pop().kept():
            yield child
            if isinstance(child, Directory):
                waiting.append(child)


def stored_extents(root: Directory) -> dict[tuple[int, int], int]:
    """Return the bytes of every part of a block that files in memory hold, by block and offset."""
    files = (node for node in kept_nodes(root) if isinstance(node, File))
    parts = (extent for file in files for extent in file.extents if extent.block.id > 0)
    return {(part.block.id, part.offset): part.end - part.start for part in parts}
