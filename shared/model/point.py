"""The vault's commit record of a restore point: what makes a run's manifests one."""

import datetime as dt
from dataclasses import dataclass, field
from typing import Any

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


@dataclass(frozen=True, slots=True)
class RunChange:
    """What a run changed below one top folder: a row of the roll-ups."""

    run_no: int
    top_id: int
    directories: int
    files: int
    bytes: int
    new_files: int
    changed_files: int
    deleted_files: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """What the catalogue knew that no manifest tells: for whoever makes a catalogue of the vault alone."""

    tenant_name: str
    tenant_created_at: dt.datetime
    name: str
    """Of the share, as people call it."""
    credential: str
    settings: dict[str, Any]
    """As the share's row has them."""
    created_at: dt.datetime
    snapshot_mark: str
    next_directory_no: int
    run_id: int
    requested_at: dt.datetime
    started_at: dt.datetime
    counters: dict[str, int] = field(default_factory=dict)
    """What the run had done when its record was written; zeros left out."""
    keeps_snapshot: bool = False
    """The run's share snapshot stays as the base of the next run."""
    changes: tuple[RunChange, ...] = ()
    """Of all runs since the restore point before, in order."""


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
    origin: Origin | None = None
    """None: written before there was any."""
