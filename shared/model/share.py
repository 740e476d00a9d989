"""Tenants and their shares."""

import datetime as dt
from dataclasses import dataclass, field, fields
from typing import Any, Final, Self

from shared.model.deletion import Deletion
from shared.model.window import PaceWindow, Window


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenant:
    """Who owns the data. ``tenant_id`` is also the name of the tenant's vault container."""

    tenant_id: str
    name: str
    created_at: dt.datetime
    deletion: Deletion | None = None
    """None: it is not deleted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareSettings:
    """What an owner may choose per share. All have defaults."""

    bundle_file_max_bytes: int = 1024 * 1024
    """Files up to this size are bundled; larger ones are chunked. One request and one frame each."""
    bundle_target_bytes: int = 64 * 1024 * 1024
    """Bytes of file content after which a bundle is closed."""
    large_file_bytes: int = 64 * 1024 * 1024
    """Files above this size are work items of their own, read in spans by many activities."""
    keep_share_snapshot: bool = True
    """Keep the share snapshot of the newest restore point while the share has files above ``large_file_bytes``, so that the next run
    reads only what changed in them. It is billed for what has changed on the share since."""
    requests_per_s: float | None = None
    """What all workers together may ask of the share; None: whatever it takes."""
    bytes_per_s: float | None = None
    """Bytes of content and listings that all workers together may move, both directions; None: whatever it takes."""

    exclude: tuple[str, ...] = ()
    """What is left out: lines as of a ``.gitignore`` at the share's root. See :mod:`shared.core.rules`."""
    include: tuple[str, ...] = ()
    """If there are any, only what they match is backed up, less what is excluded."""
    rules_ignore_case: bool = True
    """Whether rules take ``a`` and ``A`` for the same, as SMB clients do. On an NFS share they are two letters."""

    time_zone: str = "UTC"
    """Of the windows: an IANA name."""
    windows: tuple[Window, ...] = ()
    """Times at which scheduled runs may start; none: any. Runs that people order start when they are ordered."""
    pause_outside_windows: bool = False
    """A scheduled run that is at work when its window ends is paused, and goes on when the next one opens."""
    pace_windows: tuple[PaceWindow, ...] = ()
    """Times at which other limits hold than ``requests_per_s`` and ``bytes_per_s``; the first that fits counts."""
    objective_s: int | None = None
    """The newest restore point is to show the share as it was at most so many seconds ago; None: nobody watches that."""
    repack: bool = True
    """Write files that have not changed into other bundles when that saves money (:mod:`shared.core.repacking`)."""
    watch_changes: bool = True
    """Raise an alert, and keep the last restore point before, when a backup finds that unusually much has changed."""

    def to_wire(self) -> dict[str, Any]:
        """Plain JSON."""
        return {f.name: _wire(getattr(self, f.name)) for f in fields(self)}

    @classmethod
    def from_wire(cls, wire: dict[str, Any]) -> Self:
        """The opposite of :meth:`to_wire`; missing names take their defaults."""
        values: dict[str, Any] = {}
        for f in fields(cls):
            if f.name in wire:
                value = wire[f.name]
                made: Any = _MADE.get(f.name)
                values[f.name] = tuple(made(v) if made else v for v in value) if isinstance(value, list) else value
        return cls(**values)


_MADE: Final = {"windows": Window.from_wire, "pace_windows": PaceWindow.from_wire}
"""Settings that are not texts and numbers."""


def _wire(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_wire(each) for each in value]
    return value.to_wire() if isinstance(value, Window) else value


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """One Azure Files share under protection."""

    share_id: int
    tenant_id: str
    name: str
    """What people call it."""
    account_url: str
    """``https://account.file.core.windows.net``, or the emulator's address with its account."""
    share_name: str
    credential: str
    """Name of the credential; the secret itself is never in the catalogue. See :mod:`shared.adapters.credentials`."""
    settings: ShareSettings = field(default_factory=ShareSettings)
    created_at: dt.datetime
    snapshot_mark: str = ""
    """32 hexadecimal digits in the tag of each share snapshot that this catalogue has taken of the share, and in no others."""
    deletion: Deletion | None = None
    """None: it is not deleted; its tenant may be."""


@dataclass(frozen=True, slots=True)
class ShareSnapshot:
    """A share snapshot, whoever took it."""

    snapshot: str
    """Its id, such as ``2022-10-05T22:14:14.0000000Z``."""
    tag: str
    """What :meth:`shared.ports.share_admin.ShareAdmin.take_snapshot` was given; empty for those of others."""
