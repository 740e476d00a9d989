"""The commit record of a restore point.

::

    point = sealed (envelope.py) FlatBuffer "AFBP", version 1, of schema/fbs/point.fbs

Segments are kept as ranges of consecutive batches of a run: a backup of a billion files commits some 100,000 of them, with few
gaps.
"""

import dataclasses
import datetime as dt
import json
from typing import Final

from shared.formats import envelope, flat, stretches, texts
from shared.formats._generated.vault.Point import Point
from shared.model import ticks
from shared.model.entry import Posix
from shared.model.point import Origin, PointRecord, RootProperties, RunChange

MAGIC: Final = b"AFBP"
VERSION: Final = 1
_UNIX_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_TICKS_PER_MICROSECOND: Final = 10
_U64: Final = (1 << 64) - 1


def encode(point: PointRecord) -> bytes:
    """Return the bytes of ``point``.

    :raises ValueError: a time without a zone, or more than 4,194,304 segments.
    """
    if len(point.segments) > stretches.SEGMENTS_MAX:
        raise ValueError(f"more than {stretches.SEGMENTS_MAX} segments")
    known = texts.Texts()
    root = point.root
    share_properties = known.pairs(tuple(point.share_properties.items()))
    permission = known.number(root.permission_key)
    metadata = known.pairs(root.metadata)
    fields = [
        flat.string(point.tenant_id),
        flat.u64(point.share_id),
        flat.u32(point.run_no),
        flat.u64(_to_ticks(point.taken_at)),
        flat.u64(_to_ticks(point.committed_at)),
        flat.string(point.account_url),
        flat.string(point.share_name),
        flat.string(point.share_snapshot),
        flat.vector("I", share_properties),
        flat.u64(root.created),
        flat.u64(root.written),
        flat.u64(root.changed),
        flat.u32(root.attributes),
        flat.u32(permission),
        flat.vector("I", metadata),
        flat.u64(point.directories),
        flat.u64(point.files),
        flat.u64(point.bytes),
        flat.u64(point.errors),
        flat.present_u32(point.previous_run_no),
        flat.vector("I", stretches.ranges(point.segments)),
        *known.fields(),
        flat.vector("I", [root.posix.owner, root.posix.group, root.posix.mode] if root.posix is not None else []),
        *(_origin_fields(point.origin) if point.origin is not None else []),
    ]
    return envelope.seal(MAGIC, VERSION, flat.table(MAGIC, fields))


def decode(data: bytes) -> PointRecord:
    """Return the record whose bytes are exactly ``data``.

    :raises IntegrityError: not a restore point, damaged, cut short, or of an unknown version.
    """
    buffer = envelope.unseal(MAGIC, VERSION, data, "restore point")
    with envelope.reading("restore point"):
        return _point(Point.GetRootAs(buffer))


def _point(table: Point) -> PointRecord:
    numbers = flat.numbers
    known = texts.read(flat.raw(table.TextBytesAsNumpy()), numbers(table.TextEndsAsNumpy()))
    return PointRecord(
        tenant_id=_text(table.TenantId()),
        share_id=table.ShareId(),
        run_no=table.RunNo(),
        taken_at=_from_ticks(table.TakenAt()),
        committed_at=_from_ticks(table.CommittedAt()),
        account_url=_text(table.AccountUrl()),
        share_name=_text(table.ShareName()),
        share_snapshot=_text(table.ShareSnapshot()),
        share_properties=dict(texts.paired(known, numbers(table.SharePropertiesAsNumpy()))),
        root=RootProperties(
            created=table.RootCreated(),
            written=table.RootWritten(),
            changed=table.RootChanged(),
            attributes=table.RootAttributes(),
            permission_key=known[table.RootPermission()],
            metadata=texts.paired(known, numbers(table.RootMetadataAsNumpy())),
            posix=_posix(numbers(table.RootPosixAsNumpy())),
        ),
        directories=table.Directories(),
        files=table.Files(),
        bytes=table.Bytes(),
        errors=table.Errors(),
        previous_run_no=table.PreviousRunNo(),
        segments=stretches.segments(numbers(table.SegmentsAsNumpy())),
        origin=_origin(table),
    )


def _origin_fields(origin: Origin) -> list[flat.Field]:
    numbers = [number & _U64 for change in origin.changes for number in dataclasses.astuple(change)]
    return [
        flat.string(origin.tenant_name),
        flat.u64(_to_ticks(origin.tenant_created_at)),
        flat.string(origin.name),
        flat.string(origin.credential),
        flat.string(json.dumps(origin.settings, sort_keys=True, separators=(",", ":"))),
        flat.u64(_to_ticks(origin.created_at)),
        flat.string(origin.snapshot_mark),
        flat.u64(origin.next_directory_no),
        flat.u64(origin.run_id),
        flat.u64(_to_ticks(origin.requested_at)),
        flat.u64(_to_ticks(origin.started_at)),
        flat.string(json.dumps(origin.counters, sort_keys=True, separators=(",", ":"))),
        flat.u32(int(origin.keeps_snapshot)),
        flat.vector("Q", numbers),
        flat.u32(1),
    ]


def _origin(table: Point) -> Origin | None:
    if not table.HasChanges():
        return None
    numbers = [number - (number >> 63 << 64) for number in flat.numbers(table.ChangesAsNumpy())]
    return Origin(
        tenant_name=_text(table.TenantName()),
        tenant_created_at=_from_ticks(table.TenantCreatedAt()),
        name=_text(table.Name()),
        credential=_text(table.Credential()),
        settings=json.loads(_text(table.Settings())),
        created_at=_from_ticks(table.CreatedAt()),
        snapshot_mark=_text(table.SnapshotMark()),
        next_directory_no=table.NextDirectoryNo(),
        run_id=table.RunId(),
        requested_at=_from_ticks(table.RequestedAt()),
        started_at=_from_ticks(table.StartedAt()),
        counters=json.loads(_text(table.RunCounters())),
        keeps_snapshot=bool(table.KeepsSnapshot()),
        changes=tuple(RunChange(*row) for row in zip(*[iter(numbers)] * 8, strict=True)),
    )


def _posix(found: list[int]) -> Posix | None:
    if not found:
        return None
    owner, group, mode = found
    return Posix(owner, group, mode)


def _text(found: bytes | None) -> str:
    return (found or b"").decode()


def _to_ticks(moment: dt.datetime) -> int:
    if moment.tzinfo is None:
        raise ValueError(f"{moment} has no time zone")
    return ticks.UNIX_EPOCH + (moment - _UNIX_EPOCH) // dt.timedelta(microseconds=1) * _TICKS_PER_MICROSECOND


def _from_ticks(count: int) -> dt.datetime:
    return _UNIX_EPOCH + dt.timedelta(microseconds=(count - ticks.UNIX_EPOCH) // _TICKS_PER_MICROSECOND)
