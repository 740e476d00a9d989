"""A share: its live tree, its snapshots, and the few ways its tree may change.

Whoever changes a node owns it first (``own_directory``, ``own``) and reports it after (``changed``, ``hang``,
``take``), so that the journal knows what a persistent store has to write before the request is answered.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from localdev.files_emulator.errors import ServiceError, bad_query
from localdev.files_emulator.journal import Journal
from localdev.files_emulator.leases import Lease, is_active
from localdev.files_emulator.posix import Place, Posix
from localdev.files_emulator.synthetic_view import View
from localdev.files_emulator.times import TICKS_PER_SECOND, iso, now_ticks, parse_iso
from localdev.files_emulator.tree import ROOT_NUMBER, Directory, Entry, File, Metadata, Path

SMB, NFS = "SMB", "NFS"
MAX_SNAPSHOTS = 200
DEFAULT_QUOTA_GIB = 5120

Holder = int | str  # what can be leased: a file by its number, a snapshot by its id, the share itself
SHARE_ITSELF: Holder = ""


@dataclass(frozen=True, slots=True)
class SharePolicy:
    """A stored access policy: what a service SAS that names it inherits."""

    id: str
    start: str = ""
    expiry: str = ""
    permission: str = ""


@dataclass(frozen=True, slots=True)
class ShareProperties:
    """What describes a share as a whole; times in ticks, 0 IOPS or MiB/s for what is not provisioned.

    ``protocol`` is SMB or NFS; ``root_squash`` and ``snapshot_directory`` are for NFS, ``directory_lease`` for SMB,
    ``None`` if nobody set it. ``*_raised`` say when something last grew: it may not shrink for a while then.
    """

    metadata: Metadata = ()
    quota_gib: int = DEFAULT_QUOTA_GIB
    access_tier: str = "TransactionOptimized"
    tier_changed: int = 0
    modified: int = 0
    protocol: str = "SMB"
    root_squash: str = ""
    snapshot_directory: bool = True
    directory_lease: bool | None = None
    provisioned_iops: int = 0
    provisioned_mibps: int = 0
    paid_bursting: bool = False
    paid_bursting_iops: int = 0
    paid_bursting_mibps: int = 0
    quota_raised: int = 0
    iops_raised: int = 0
    mibps_raised: int = 0


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A frozen state of a share, named by the second it was taken in."""

    id: str
    epoch: int
    root: Directory
    properties: ShareProperties


@dataclass(frozen=True, slots=True)
class Deletion:
    """When a share was deleted and until when it is kept, in ticks; its version tells it from others of its name."""

    version: str
    at: int
    until: int


@dataclass(slots=True)
class Share:
    """One share; ``serial`` tells it from an earlier share of the same name."""

    name: str
    serial: int
    properties: ShareProperties
    root: Directory
    journal: Journal
    take_number: Callable[[], int]
    epoch: int = 0
    policies: tuple[SharePolicy, ...] = ()
    snapshots: dict[str, Snapshot] = field(default_factory=dict)
    leases: dict[Holder, Lease] = field(default_factory=dict)
    deletion: Deletion | None = None
    directory_places: dict[int, Place] = field(default_factory=dict)  # of NFS shares, to find a file's other names
    synthetic: View | None = None  # what its nodes are computed from, if they are

    @property
    def is_nfs(self) -> bool:
        """Return whether it is an NFS share: case-sensitive, with POSIX owners and modes, and links."""
        return self.properties.protocol == NFS

    def own_directory(self, path: Path) -> Directory:
        """Return the existing directory at ``path`` for changing."""
        node = self.root
        if node.epoch != self.epoch:
            node = self.root = node.clone(self.epoch)
        for part in path:
            child = node.child(node.key(part))
            if not isinstance(child, Directory):
                raise ServiceError("ParentNotFound")
            if child.epoch != self.epoch:
                child = child.clone(self.epoch)
                node.hang(child)
            node = child
        return node

    def own(self, path: Path) -> Entry:
        """Return the existing node at ``path`` for changing."""
        if not path:
            return self.own_directory(())
        parent = self.own_directory(path[:-1])
        child = parent.child(parent.key(path[-1]))
        if child is None:
            raise ServiceError("ResourceNotFound")
        if child.epoch != self.epoch:
            child = child.clone(self.epoch)
            parent.hang(child)
        return child

    def changed(self, node: Entry) -> None:
        """Report that ``node``, which is owned, was changed."""
        self.journal.node(self, node)
        if self.leases:
            self._forget_broken_lease(node.number)
        if node.posix is not None and node.posix.places:
            self._spread(node)

    def hang(self, parent: Directory, child: Entry) -> None:
        """Put ``child`` into ``parent``, which is owned, in place of any child of its name.

        If it has no lease it gets that one's.
        """
        old = parent.child(parent.key(child.name))
        if old is not None and old.number != child.number:
            if old.number in self.leases:
                self.set_lease(child.number, self.leases.get(child.number) or self.leases[old.number])
            self._gone(old, child.changed)
        child.parent_number = parent.number
        parent.hang(child)
        if child.posix is not None and isinstance(child, Directory):
            self.directory_places[child.number] = parent.number, child.name
        self.changed(child)

    def take(self, parent: Directory, child: Entry, now: int = 0) -> None:
        """Delete ``child`` from ``parent``, which is owned; under its other names it then changed ``now``."""
        parent.take(parent.key(child.name))
        self._gone(child, now)

    def _gone(self, child: Entry, now: int) -> None:
        """Note that ``child`` is no longer where it was."""
        if child.posix is not None and child.posix.places:
            self._drop_place(child, child.posix, now)
            return
        self.directory_places.pop(child.number, None)
        if isinstance(child, Directory):
            self.root.outlive(child)
        self.journal.node_gone(self, child)
        if child.number in self.leases:
            self.set_lease(child.number, None)

    def add_place(self, file: File, parent_number: int, name: str, now: int) -> None:
        """Give ``file``, which is owned, one more name."""
        if file.posix is None:
            raise TypeError(f"node {file.number} is not in an NFS share")
        places = file.posix.places or ((file.parent_number, file.name),)
        file.posix = replace(file.posix, places=(*places, (parent_number, name)))
        file.changed = now
        self.changed(file)

    def _drop_place(self, child: Entry, posix: Posix, now: int) -> None:
        """Leave a file only its other names."""
        places = tuple(place for place in posix.places if place != (child.parent_number, child.name))
        other = self.own(self._path(places[0]))
        other.posix = replace(posix, places=places if len(places) > 1 else ())
        other.changed = max(now, other.changed)
        self.changed(other)

    def _spread(self, node: Entry) -> None:
        """Bring the state of a file to its other names."""
        places = () if node.posix is None else node.posix.places
        for place in places:
            if place != (node.parent_number, node.name):
                twin = node.clone(self.epoch)
                twin.parent_number, twin.name = place
                self.own_directory(self._path(place)[:-1]).hang(twin)

    def _path(self, place: Place) -> Path:
        number, name = place
        path = [name]
        while number != ROOT_NUMBER:
            number, name = self.directory_places[number]
            path.append(name)
        return tuple(reversed(path))

    def touch(self, directory: Directory, now: int) -> None:
        """Note that the children of an owned ``directory`` changed, as NTFS does."""
        directory.written = directory.changed = now
        self.changed(directory)

    def describe(self, properties: ShareProperties) -> None:
        """Replace what describes the share."""
        self.properties = properties
        self.journal.share(self)

    def freeze(self) -> None:
        """Let the present tree be as it is, for somebody who looks at it in steps: what changes is cloned from now on."""
        self.epoch += 1
        self.journal.share(self)

    def take_snapshot(self, now: int, metadata: Metadata) -> Snapshot:
        """Freeze the present state under the next free second; costs the same for any size of tree."""
        if len(self.snapshots) >= MAX_SNAPSHOTS:
            raise ServiceError("ShareSnapshotCountExceeded")
        second = now - now % TICKS_PER_SECOND
        while iso(second) in self.snapshots:
            second += TICKS_PER_SECOND
        frozen = replace(self.properties, metadata=metadata or self.properties.metadata)
        snapshot = Snapshot(iso(second), self.epoch, self.root, frozen)
        self.snapshots[snapshot.id] = snapshot
        self.epoch += 1
        self.journal.share(self)
        return snapshot

    def snapshot(self, id_: str, missing: str = "ShareSnapshotNotFound") -> Snapshot:
        """Return a snapshot by its id, however many digits of fraction it is written with."""
        ticks = parse_iso(id_)
        found = self.snapshots.get(iso(ticks)) if ticks is not None else None
        if ticks is None:
            name = "prevsharesnapshot" if missing.startswith("Previous") else "sharesnapshot"
            raise bad_query(name, id_)
        if found is None:
            raise ServiceError(missing)
        return found

    def drop_snapshot(self, snapshot: Snapshot) -> None:
        """Delete a snapshot."""
        del self.snapshots[snapshot.id]
        if snapshot.id in self.leases:
            self.set_lease(snapshot.id, None)
        self.journal.share(self)

    def set_lease(self, holder: Holder, lease: Lease | None) -> None:
        """Note the lease of ``holder``; ``None`` makes it available."""
        if lease is None:
            self.leases.pop(holder, None)
        else:
            self.leases[holder] = lease
        self.journal.lease(self, holder, lease)

    def _forget_broken_lease(self, number: int) -> None:
        """Make a file available that was written after its lease was broken."""
        if number in self.leases and not is_active(self.leases[number], now_ticks()):
            self.set_lease(number, None)
