"""A share: its live tree, its snapshots, and the few ways its tree may change.

Whoever changes a node owns it first (``own_directory``, ``own``) and reports it after (``changed``, ``hang``,
``take``), so that the journal knows what a persistent store has to write before the request is answered.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from localdev.files_emulator.errors import ServiceError
from localdev.files_emulator.journal import Journal
from localdev.files_emulator.leases import Lease, is_active
from localdev.files_emulator.names import key_of
from localdev.files_emulator.times import TICKS_PER_SECOND, iso, now_ticks, parse_iso
from localdev.files_emulator.tree import Directory, Entry, Metadata, Path

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

    def own_directory(self, path: Path) -> Directory:
        """Return the existing directory at ``path`` for changing."""
        node = self.root
        if node.epoch != self.epoch:
            node = self.root = node.clone(self.epoch)
        for part in path:
            key = key_of(part)
            child = node.child(key)
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
        parent, key = self.own_directory(path[:-1]), key_of(path[-1])
        child = parent.child(key)
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

    def hang(self, parent: Directory, child: Entry) -> None:
        """Put ``child`` into ``parent``, which is owned, in place of any child of its name; if it has no lease it gets that one's."""
        old = parent.child(key_of(child.name))
        if old is not None and old.number != child.number:
            self.journal.node_gone(self, old)
            if old.number in self.leases:
                self.set_lease(child.number, self.leases.get(child.number) or self.leases[old.number])
                self.set_lease(old.number, None)
        child.parent_number = parent.number
        parent.hang(child)
        self.changed(child)

    def take(self, parent: Directory, child: Entry) -> None:
        """Delete ``child`` from ``parent``, which is owned."""
        parent.take(key_of(child.name))
        self.journal.node_gone(self, child)
        if child.number in self.leases:
            self.set_lease(child.number, None)

    def touch(self, directory: Directory, now: int) -> None:
        """Note that the children of an owned ``directory`` changed, as NTFS does."""
        directory.written = directory.changed = now
        self.changed(directory)

    def describe(self, properties: ShareProperties) -> None:
        """Replace what describes the share."""
        self.properties = properties
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
            raise ServiceError("InvalidQueryParameterValue", QueryParameterName="sharesnapshot")
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
