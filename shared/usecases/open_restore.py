"""Open a restore run: find what to restore at the restore point, make the target ready, put what is to be done in the frontier.

Safe to repeat at any point: everything made is found again, the frontier is seeded once. A dry run makes nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, cast

from shared.core.paths import below, is_within, outermost
from shared.errors import Conflict, InvalidInput, NoAccess, Rejected, ShareGone
from shared.formats import point
from shared.model.entry import Entry, Posix
from shared.model.manifest import SavedEntry
from shared.model.node import ROOT_ID
from shared.model.objects import point_name
from shared.model.point import PointRecord, RootProperties
from shared.model.restore import Part, RestoreOrder
from shared.model.work import RestoreItem
from shared.ports.share_writer import NewProperties, ShareWriter
from shared.usecases.find_saved import find_saved
from shared.usecases.scope import RunScope
from shared.usecases.share_snapshots import undo_tag

_KEPT: Final = {
    "NFS": "owners, groups, modes, links and names that differ in case only",
    "SMB": "attributes and security descriptors",
}

Metadata = Sequence[tuple[str, str]]


async def open_restore(scope: RunScope) -> None:
    """QUEUED to RUNNING with the target share there and the frontier seeded. Raises as :func:`prepare_restore`."""
    seeds, passed = await prepare_restore(scope)
    await scope.catalogue.seed_restore(scope.run.run_id, seeds, passed)


async def prepare_restore(scope: RunScope) -> tuple[list[RestoreItem], list[RestoreItem]]:
    """QUEUED to RUNNING with the target share there; what to seed the frontier with, and what is only passed on the way there.

    :raises NotFound: the restore point or a path in it does not exist.
    :raises ShareGone: the target share does not exist and is not to be made.
    :raises InvalidInput: the restore point is of an NFS share and the target an SMB share, or the other way round.
    """
    order = scope.run.order
    assert order is not None
    await scope.catalogue.start_run(scope.run.run_id)
    await scope.catalogue.restore_point(scope.share.share_id, order.restore_point)
    if order.selection.compared_with is not None:
        await scope.catalogue.restore_point(scope.share.share_id, order.selection.compared_with)
    record = point.decode(await scope.vault.get(point_name(scope.share.share_id, order.restore_point)))
    opening = _Opening(scope, order, record)
    await opening.find()
    opening.is_there = await _target_there(scope, order, record)
    await _keep_undo(scope, order, record, opening.is_there)
    await opening.prepare()
    return list(opening.seeds.values()), [*opening.passed(opening.seeds)]


async def _target_there(scope: RunScope, order: RestoreOrder, record: PointRecord) -> bool:
    """Whether there is a target share, which is made if need be; False only in a dry run."""
    assert scope.admin is not None
    protocol = protocol_of(record.share_properties)
    makes = order.create_share and order.part is Part.EVERYTHING and not order.undoes
    if makes and not order.dry_run:
        await scope.admin.create(protocol)
    try:
        there = protocol_of(await scope.admin.properties())
    except ShareGone:
        if not makes:
            raise
        return False
    if there != protocol:
        raise InvalidInput(
            f"restore point {order.restore_point} is of an {protocol} share, and {order.share_name!r} is an {there} share, which"
            f" has no place for {_KEPT[protocol]}; hint: restore to an {protocol} share",
            field="share_name",
        )
    return True


async def _keep_undo(scope: RunScope, order: RestoreOrder, record: PointRecord, is_there: bool) -> None:
    """Take a share snapshot of the target, unless nothing is there or the restore changes nothing."""
    assert scope.admin is not None
    assert scope.writer is not None
    keeps = order.keeps_undo and not order.dry_run and not order.undoes and is_there and not scope.run.seeded
    if not keeps or scope.run.share_snapshot is not None or protocol_of(record.share_properties) == "NFS":
        return
    if not await scope.writer.entries(order.target_path.strip("/")):
        await scope.catalogue.set_snapshot(scope.run.run_id, "")
        return
    tag = undo_tag(scope.share, scope.run.run_id, scope.clock.now())
    try:
        snapshot = await scope.admin.take_snapshot(tag)
    except (Rejected, NoAccess) as error:
        told = "no share snapshot can be taken of the target, without which the restore could not be undone"
        raise Conflict(f"{told}; hint: delete one that is not needed, or restore with undo false: {error}") from error
    await scope.catalogue.set_snapshot(scope.run.run_id, snapshot)


class _Opening:
    """What a restore begins with."""

    def __init__(self, scope: RunScope, order: RestoreOrder, record: PointRecord) -> None:
        assert scope.writer is not None
        self._scope = scope
        self._writer: ShareWriter = scope.writer
        self._order = order
        root = record.root
        properties = properties_of(root, root.posix) | {"metadata": root.metadata}
        self._root = RestoreItem(node_id=ROOT_ID, path="", properties=properties)
        self._above: dict[int, RestoreItem] = {}
        """Directories on the way, and where to begin."""
        self.seeds: dict[int, RestoreItem] = {}
        self.is_there = True

    def passed(self, seeds: Mapping[int, RestoreItem]) -> Iterable[RestoreItem]:
        """Directories on the way in which there is nothing to do."""
        return (replace(item, lazy=True) for node_id, item in self._above.items() if node_id not in seeds)

    async def find(self) -> None:
        """Find where to begin. Raises ``NotFound``, or ``InvalidInput`` for a file in the place of a directory."""
        order = self._order
        base = replace(self._root, path=order.target_path.strip("/"))
        for saved in await find_saved(self._scope, order.restore_point, order.path):
            if not saved.entry.is_directory:
                raise InvalidInput(f"{order.path!r} is a file; name it in selection.paths", field="path")
            base = _item(saved, base.path, 0)
        self._above[base.node_id] = base
        if not order.selection.paths:
            self.seeds[base.node_id] = replace(base, lazy=order.selection.by_file)
            return
        for path in outermost(order.selection.paths):
            await self._select(base, path)

    async def _select(self, base: RestoreItem, path: str) -> None:
        order = self._order
        if order.path and not is_within(path, order.path):
            raise InvalidInput(f"{path!r} is not in {order.path!r}, which is to be restored", field="selection.paths")
        relative = path[len(order.path) :].strip("/")
        if not relative:
            self.seeds[base.node_id] = replace(base, lazy=order.selection.by_file)
            return
        parent = base
        begin = order.path, base.node_id
        *_, last = chain = await find_saved(self._scope, order.restore_point, relative, begin)
        for saved in chain:
            if not saved.entry.is_directory:
                break
            parent = _item(saved, below(parent.path, saved.entry.name), parent.node_id)
            self._above[parent.node_id] = parent
        if last.entry.is_directory:
            self.seeds[parent.node_id] = replace(parent, lazy=order.selection.by_file)
        else:
            known = self.seeds.get(parent.node_id, parent)
            self.seeds[parent.node_id] = replace(parent, lazy=True, only=(*known.only, last.entry.name))

    async def prepare(self) -> None:
        """Make the directories that the restore begins with, as far as it is to make any, and note what was not there."""
        order = self._order
        makes = order.part is Part.EVERYTHING and not order.dry_run and not order.undoes
        absent = set[str]() if self.is_there else {""}
        whole = {seed.path for seed in self.seeds.values() if not seed.lazy}
        ordered = sorted(
            {**self._above, **self.seeds}.values(), key=lambda item: item.path.count("/") + bool(item.path)
        )
        base = ordered[0]
        at = ""
        for component in [c for c in base.path.split("/") if c][:-1]:
            at = below(at, component)
            if makes and not await self._exists(at, absent):
                await self._writer.create_directory(at, ())
        for item in ordered:
            there = await self._exists(item.path, absent)
            if item.node_id in self._above:
                self._above[item.node_id] = replace(self._above[item.node_id], fresh=not there)
            if item.node_id in self.seeds:
                self.seeds[item.node_id] = replace(self.seeds[item.node_id], fresh=not there)
            wanted = item is base or any(path == item.path or is_within(path, item.path) for path in whole)
            if not makes or not wanted:
                continue
            metadata = metadata_of(item)
            if not there:
                await self._scope.catalogue.note_made(self._scope.run.run_id, [item.node_id])
                await self._writer.create_directory(item.path, metadata)
            elif item.path in whole and order.conflicts.replaces:
                await self._writer.set_directory_metadata(item.path, metadata)

    async def _exists(self, path: str, absent: set[str]) -> bool:
        """Whether there is such a directory; ``absent`` are some that are not."""
        if any(not gone or path == gone or path.startswith(gone + "/") for gone in absent):
            return False
        if not path or await self._writer.has_directory(path):
            return True
        absent.add(path)
        return False


def _item(saved: SavedEntry, path: str, parent_id: int) -> RestoreItem:
    properties = properties_of(saved.entry, saved.posix) | {"metadata": saved.metadata}
    return RestoreItem(node_id=saved.node_id, path=path, properties=properties, parent_id=parent_id)


def metadata_of(item: RestoreItem) -> Metadata:
    """User metadata of a directory."""
    metadata = cast("Sequence[Sequence[str]]", item.properties.get("metadata", ()))
    return tuple((str(name), str(value)) for name, value in metadata)


def properties_of(node: Entry | RootProperties, posix: Posix | None) -> dict[str, object]:
    """What the finishing pass needs of a node, as JSON."""
    found: dict[str, object] = {"created": node.created, "written": node.written, "changed": node.changed}
    if posix is not None:
        return found | {"posix": [posix.owner, posix.group, posix.mode]}
    return found | {"attributes": node.attributes, "permission_key": node.permission_key}


def new_properties(properties: Mapping[str, Any], permission_key: str) -> NewProperties:
    """The opposite of :func:`properties_of`; ``permission_key`` is the target's."""
    posix = properties.get("posix")
    return NewProperties(
        created=properties["created"],
        written=properties["written"],
        changed=properties["changed"],
        attributes=properties.get("attributes", 0),
        permission_key=permission_key,
        posix=Posix(*posix) if posix is not None else None,
    )


def protocol_of(share_properties: Mapping[str, str]) -> str:
    """``NFS`` or ``SMB``, by what a restore point or the service says of a share."""
    return "NFS" if "NFS" in share_properties.get("protocols", "SMB").upper().split(",") else "SMB"
