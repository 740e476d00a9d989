"""Shares and nodes as JSON text, for a persistent store.

::

    node  = [kind, parent, name, attributes, permission, created, accessed, written, changed, metadata, file, posix?]
    posix = [owner, group, mode, link text, [[parent, name]*]]      in NFS shares; all names of a file with several
    kind  = "d" | "f";  file = null | [size, [[start, end, block, offset]*], content headers, copied]
    holder = number | snapshot id | "";  lease = [id, seconds, ends, breaks]
    share = {name, epoch, properties, policies, snapshots: [[id, epoch, properties]*], deletion, synthetic}
    synthetic = null | {shape, layers: [[seed, percent, time, epoch, bytes, more excluded numbers]*]}
    deletion = null | [version, at, until];  service = [elements, retention days]

The database carries ``FORMAT``; a file written by another version is refused, not guessed at.
"""

import json
from collections.abc import Callable
from dataclasses import astuple
from typing import Any

from localdev.files_emulator.blocks import Block
from localdev.files_emulator.content import Extent
from localdev.files_emulator.leases import Lease
from localdev.files_emulator.permissions import Permissions
from localdev.files_emulator.posix import Place, Posix, shared
from localdev.files_emulator.service_properties import ServiceProperties
from localdev.files_emulator.share import Deletion, Holder, Share, SharePolicy, ShareProperties
from localdev.files_emulator.synthetic import view_of
from localdev.files_emulator.synthetic_layers import layer_records, layers_from
from localdev.files_emulator.synthetic_shape import shape_from
from localdev.files_emulator.synthetic_view import View
from localdev.files_emulator.tree import ContentHeaders, Copied, Directory, Entry, File, Metadata

#: What becomes of a copy that was pending when the emulator ended.
INTERRUPTED = "500 InternalError: the emulator ended before the copy"

FORMAT = 2


def node_text(node: Entry) -> str:
    """Return ``node`` as text, without its number, epoch and children."""
    common = [node.parent_number, node.name, node.attributes, node.permission_key]
    common += [node.created, node.accessed, node.written, node.changed, node.metadata]
    posix = [] if node.posix is None else [astuple(node.posix)]
    if isinstance(node, Directory):
        return json.dumps(["d", *common, None, *posix])
    extents = [(e.start, e.end, e.block.id, e.offset) for e in node.extents]
    copied = None if node.copied is None else astuple(node.copied)
    return json.dumps(["f", *common, [node.size, extents, astuple(node.content), copied], *posix])


def node_from(text: str, number: int, epoch: int, block: Callable[[int], Block]) -> Entry:
    """Return the node that ``text`` describes; a directory still lacks its children."""
    kind, parent, name, attributes, permission, created, accessed, written, changed, metadata, file, *more = json.loads(
        text
    )
    pairs, posix = _pairs(metadata), _posix(*more[0]) if more else None
    if kind == "d":
        return Directory(
            number, parent, name, epoch, attributes, permission, created, accessed, written, changed, pairs, posix
        )
    size, extents, content, copied = file
    if copied is not None and copied[4:5] == ["pending"]:  # whoever copied is gone
        size, extents, copied = 0, [], [*copied[:4], "failed", INTERRUPTED]
    return File(
        number,
        parent,
        name,
        epoch,
        attributes,
        permission,
        created,
        accessed,
        written,
        changed,
        pairs,
        posix,
        size=size,
        extents=tuple(Extent(start, end, block(id_), offset) for start, end, id_, offset in extents),
        content=ContentHeaders(*content),
        copied=None if copied is None else Copied(*copied),
    )


def share_text(share: Share) -> str:
    """Return ``share`` as text, without its nodes."""
    return json.dumps(
        {
            "name": share.name,
            "epoch": share.epoch,
            "properties": astuple(share.properties),
            "policies": [astuple(policy) for policy in share.policies],
            "synthetic": None if share.synthetic is None else view_record(share.synthetic),
            "deletion": None if share.deletion is None else astuple(share.deletion),
            "snapshots": [(s.id, s.epoch, astuple(s.properties)) for s in share.snapshots.values()],
        }
    )


def view_record(view: View) -> dict[str, Any]:
    """Return what the nodes of a share are computed from."""
    return {"shape": view.plan.shape.record(), "layers": layer_records(view.layers)}


def view_from(record: dict[str, Any] | None, permissions: Permissions) -> View | None:
    """Return what the nodes of a share are computed from, if they are."""
    if record is None:
        return None
    shape = shape_from(record["shape"])
    return view_of(shape, permissions, layers_from(record["layers"], shape.files))


def deletion_from(fields: list[Any] | None) -> Deletion | None:
    """Return what is known of the deletion of a share, if it was deleted."""
    return None if fields is None else Deletion(*fields)


def service_text(properties: ServiceProperties) -> str:
    """Return the settings of the service as text."""
    return json.dumps(astuple(properties))


def service_from(record: str) -> ServiceProperties:
    """Return the settings of the service."""
    return ServiceProperties(*json.loads(record))


def holder_text(holder: Holder) -> str:
    """Return what is leased as text."""
    return json.dumps(holder)


def lease_text(lease: Lease) -> str:
    """Return a lease as text."""
    return json.dumps(astuple(lease))


def lease_from(holder: str, record: str) -> tuple[Holder, Lease]:
    """Return what is leased, and its lease."""
    return json.loads(holder), Lease(*json.loads(record))


def properties_from(fields: list[Any]) -> ShareProperties:
    """Return the properties of a share or snapshot."""
    return ShareProperties(_pairs(fields[0]), *fields[1:])


def policies_from(rows: list[list[str]]) -> tuple[SharePolicy, ...]:
    """Return a share's stored access policies."""
    return tuple(SharePolicy(*row) for row in rows)


def _posix(owner: int, group: int, mode: int, link_text: str, places: list[Place]) -> Posix:
    if not link_text and not places:
        return shared(owner, group, mode)
    return Posix(owner, group, mode, link_text, tuple((parent, name) for parent, name in places))


def _pairs(metadata: list[list[str]]) -> Metadata:
    return tuple((name, value) for name, value in metadata)
