"""Tenants and their shares."""

import datetime as dt
from dataclasses import dataclass, field, fields
from typing import Any, Self


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenant:
    """Who owns the data. ``tenant_id`` is also the name of the tenant's vault container."""

    tenant_id: str
    name: str
    created_at: dt.datetime


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

    def to_wire(self) -> dict[str, Any]:
        """Plain JSON."""
        return {f.name: getattr(self, f.name) for f in fields(self)}

    @classmethod
    def from_wire(cls, wire: dict[str, Any]) -> Self:
        """The opposite of :meth:`to_wire`; missing names take their defaults."""
        return cls(**{f.name: wire[f.name] for f in fields(cls) if f.name in wire})


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


@dataclass(frozen=True, slots=True)
class ShareSnapshot:
    """A share snapshot, whoever took it."""

    snapshot: str
    """Its id, such as ``2022-10-05T22:14:14.0000000Z``."""
    tag: str
    """What :meth:`shared.ports.ShareAdmin.take_snapshot` was given; empty for those of others."""
