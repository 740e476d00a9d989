"""Open a restore run: find what to restore at the restore point, make the target ready, put the first directory in the frontier.

Safe to repeat at any point: everything made is found again, the frontier is seeded once.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from shared.errors import InvalidInput, NotFound
from shared.formats import point
from shared.model.entry import Entry, Posix
from shared.model.manifest import SavedEntry
from shared.model.node import ROOT_ID
from shared.model.objects import point_name
from shared.model.point import PointRecord, RootProperties
from shared.model.work import RestoreItem
from shared.ports import NewProperties
from shared.usecases.read_manifests import read_directories_at
from shared.usecases.scope import RunScope

_KEPT: Final = {
    "NFS": "owners, groups, modes, links and names that differ in case only",
    "SMB": "attributes and security descriptors",
}


@dataclass(frozen=True, slots=True)
class Selected:
    """The directory to restore, as the restore point knows it."""

    node_id: int
    properties: dict[str, object]
    metadata: tuple[tuple[str, str], ...]


async def open_restore(scope: RunScope) -> None:
    """QUEUED to RUNNING with the target share there and the frontier seeded.

    :raises NotFound: the restore point or the path in it does not exist.
    :raises ShareGone: the target share does not exist and is not to be made.
    :raises InvalidInput: the restore point is of an NFS share and the target an SMB share, or the other way round.
    """
    assert scope.admin is not None
    assert scope.writer is not None
    order = scope.run.order
    assert order is not None
    await scope.catalogue.start_run(scope.run.run_id)
    await scope.catalogue.restore_point(scope.share.share_id, order.restore_point)
    record = point.decode(await scope.vault.get(point_name(scope.share.share_id, order.restore_point)))
    selected = await _select(scope, record, order.path)
    protocol = _protocol(record.share_properties)
    if order.create_share:
        await scope.admin.create(protocol)
    there = _protocol(await scope.admin.properties())
    if there != protocol:
        raise InvalidInput(
            f"restore point {order.restore_point} is of an {protocol} share, and {order.share_name!r} is an {there} share, which"
            f" has no place for {_KEPT[protocol]}; hint: restore to an {protocol} share",
            field="share_name",
        )
    path = ""
    for component in [c for c in order.target_path.split("/") if c]:
        path = f"{path}/{component}" if path else component
        await scope.writer.create_directory(path, selected.metadata if path == order.target_path.strip("/") else ())
    if not path:
        await scope.writer.set_directory_metadata("", selected.metadata)
    item = RestoreItem(node_id=selected.node_id, path=path, properties=selected.properties)
    await scope.catalogue.seed_restore(scope.run.run_id, [item])


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


def _protocol(share_properties: Mapping[str, str]) -> str:
    return "NFS" if "NFS" in share_properties.get("protocols", "SMB").upper().split(",") else "SMB"


async def _select(scope: RunScope, record: PointRecord, path: str) -> Selected:
    root, run_no = record.root, record.run_no
    selected = Selected(ROOT_ID, properties_of(root, root.posix), root.metadata)
    gone_through = ""
    for component in [c for c in path.split("/") if c]:
        folded = component.casefold()
        found: SavedEntry | None = None
        pages = await read_directories_at(scope, [selected.node_id], run_no)
        for page in pages.get(selected.node_id, []):
            for saved in page.entries:
                # Exactly that name if there is one: NFS shares tell case apart, and SMB shares "ss" from the sharp s.
                if saved.entry.name == component or (found is None and saved.entry.name.casefold() == folded):
                    found = saved
        gone_through = f"{gone_through}/{component}"
        if found is None:
            raise NotFound(f"restore point {run_no} has no {gone_through!r}")
        if not found.entry.is_directory:
            raise InvalidInput(f"{gone_through!r} is a file; name the directory that holds it", field="path")
        selected = Selected(found.node_id, properties_of(found.entry, found.posix), found.metadata)
    return selected
