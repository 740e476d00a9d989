"""Open a restore run: find what to restore at the restore point, make the target ready, put the first directory in the frontier.

Safe to repeat at any point: everything made is found again, the frontier is seeded once.
"""

from dataclasses import dataclass

from shared.errors import InvalidInput, NotFound
from shared.formats import point
from shared.model.entry import Entry
from shared.model.node import ROOT_ID
from shared.model.objects import point_name
from shared.model.point import RootProperties
from shared.model.work import RestoreItem
from shared.usecases.read_manifests import read_directories_at
from shared.usecases.scope import RunScope


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
    """
    assert scope.admin is not None
    assert scope.writer is not None
    order = scope.run.order
    assert order is not None
    await scope.catalogue.start_run(scope.run.run_id)
    await scope.catalogue.restore_point(scope.share.share_id, order.restore_point)
    selected = await _select(scope, order.restore_point, order.path)
    if order.create_share:
        await scope.admin.create()
    else:
        await scope.admin.properties()
    path = ""
    for component in [c for c in order.target_path.split("/") if c]:
        path = f"{path}/{component}" if path else component
        await scope.writer.create_directory(path, selected.metadata if path == order.target_path.strip("/") else ())
    if not path:
        await scope.writer.set_directory_metadata("", selected.metadata)
    item = RestoreItem(node_id=selected.node_id, path=path, properties=selected.properties)
    await scope.catalogue.seed_restore(scope.run.run_id, [item])


def properties_of(node: Entry | RootProperties) -> dict[str, object]:
    """What the finishing pass needs of a directory."""
    return {
        "created": node.created,
        "written": node.written,
        "changed": node.changed,
        "attributes": node.attributes,
        "permission_key": node.permission_key,
    }


async def _select(scope: RunScope, run_no: int, path: str) -> Selected:
    record = point.decode(await scope.vault.get(point_name(scope.share.share_id, run_no)))
    root = record.root
    selected = Selected(ROOT_ID, properties_of(root), root.metadata)
    gone_through = ""
    for component in [c for c in path.split("/") if c]:
        found = None
        pages = await read_directories_at(scope, [selected.node_id], run_no)
        for page in pages.get(selected.node_id, []):
            for saved in page.entries:
                if saved.entry.name.casefold() == component.casefold():
                    found = saved
        gone_through = f"{gone_through}/{component}"
        if found is None:
            raise NotFound(f"restore point {run_no} has no {gone_through!r}")
        if not found.entry.is_directory:
            raise InvalidInput(f"{gone_through!r} is a file; name the directory that holds it", field="path")
        selected = Selected(found.node_id, properties_of(found.entry), found.metadata)
    return selected
