"""The vault's commit record of a restore point: what makes a run's manifests one."""

import datetime as dt
from dataclasses import dataclass

from shared.model.entry import Posix


@dataclass(frozen=True, slots=True, kw_only=True)
class RootProperties:
    """Properties of the share's root directory, which no listing names. Times in ticks."""

    created: int
    written: int
    changed: int
    attributes: int
    """:class:`shared.model.entry.Attributes` bits."""
    permission_key: str
    metadata: tuple[tuple[str, str], ...] = ()
    posix: Posix | None = None
    """Of an NFS share."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PointRecord:
    """Everything needed to find a restore point again with nothing but the vault."""

    tenant_id: str
    share_id: int
    run_no: int
    taken_at: dt.datetime
    """When the share snapshot was taken; aware UTC, as ``committed_at``."""
    committed_at: dt.datetime
    account_url: str
    share_name: str
    share_snapshot: str
    share_properties: dict[str, str]
    root: RootProperties
    directories: int
    files: int
    bytes: int
    errors: int
    previous_run_no: int | None
    """The restore point before; None for the first."""
    segments: tuple[tuple[int, int], ...]
    """``(run_no, batch_no)`` of every segment committed since the restore point before, in order."""
