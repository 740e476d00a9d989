"""Shares under protection, and their restore points."""

import datetime as dt
from typing import Annotated, Any, Self

from pydantic import Field, field_validator

from http_api.models.base import Body, Name, Part, Shown, Text
from http_api.models.checks import (
    PaceWindowBody,
    Url,
    WindowBody,
    check_account_url,
    check_credential,
    check_exclude,
    check_include,
    check_pace_windows,
    check_share_name,
    check_time_zone,
    check_windows,
)
from http_api.models.deletions import ShownDeletion
from shared.model import run, share
from shared.model.content import CHUNK_BYTES
from shared.model.share import ShareSettings

_KIB, _MIB = 1024, 1024 * 1024
_DEFAULT = ShareSettings()


class NewSettings(Body):
    """Thresholds, budgets and rules; what is left out is as by default, or stays as it is."""

    bundle_file_max_bytes: Annotated[
        int, Field(ge=0, le=CHUNK_BYTES, description="Files up to this size are bundled, larger ones cut into chunks.")
    ] = _DEFAULT.bundle_file_max_bytes
    bundle_target_bytes: Annotated[
        int, Field(ge=64 * _KIB, le=256 * _MIB, description="Content after which a bundle is closed.")
    ] = _DEFAULT.bundle_target_bytes
    requests_per_s: Annotated[
        float | None, Field(ge=10, le=1_000_000, description="What all workers together may ask of the share.")
    ] = None
    bytes_per_s: Annotated[
        float | None, Field(ge=_MIB, le=1024 * 1024 * _MIB, description="Bytes that all workers together may move.")
    ] = None
    large_file_bytes: Annotated[
        int,
        Field(
            ge=CHUNK_BYTES, le=1024 * _MIB, description="Above this only what is allocated or changed is read, by many."
        ),
    ] = _DEFAULT.large_file_bytes
    keep_share_snapshot: Annotated[
        bool,
        Field(
            strict=True, description="Keep the newest restore point's share snapshot while the share has large files."
        ),
    ] = _DEFAULT.keep_share_snapshot
    exclude: Annotated[
        tuple[Text, ...], Field(description="What is left out, as in .gitignore.", examples=[["*.tmp", "/scratch/"]])
    ] = ()
    include: Annotated[tuple[Text, ...], Field(description="If there are any, only what they match is backed up.")] = ()
    rules_ignore_case: bool = _DEFAULT.rules_ignore_case
    time_zone: Annotated[str, Field(description="Of the windows: an IANA name.", examples=["Europe/Berlin"])] = "UTC"
    windows: Annotated[
        tuple[WindowBody, ...],
        Field(
            description="Times at which scheduled runs may start; none: any. What people order starts when they order it."
        ),
    ] = ()
    pause_outside_windows: Annotated[
        bool,
        Field(
            strict=True, description="Pause a scheduled run when its window ends; it goes on when the next one opens."
        ),
    ] = False
    pace_windows: Annotated[
        tuple[PaceWindowBody, ...],
        Field(
            description="Times at which other limits hold than `requests_per_s` and `bytes_per_s`; the first that fits counts."
        ),
    ] = ()
    objective_s: Annotated[
        int | None,
        Field(
            ge=900,
            le=366 * 86_400,
            description="Alert when the newest restore point is older, in seconds; null: never.",
        ),
    ] = None
    repack: Annotated[
        bool,
        Field(strict=True, description="Write files that have not changed into other bundles when that saves money."),
    ] = _DEFAULT.repack
    watch_changes: Annotated[
        bool, Field(strict=True, description="Alert when a backup finds that unusually much has changed.")
    ] = True

    _exclude = field_validator("exclude")(staticmethod(check_exclude))
    _include = field_validator("include")(staticmethod(check_include))
    _time_zone = field_validator("time_zone")(staticmethod(check_time_zone))
    _windows = field_validator("windows")(staticmethod(check_windows))
    _pace_windows = field_validator("pace_windows")(staticmethod(check_pace_windows))

    def chosen(self) -> ShareSettings:
        """All of them, as the catalogue has them."""
        return ShareSettings.from_wire(self.model_dump(mode="json"))

    def changes(self) -> dict[str, Any]:
        """Those that were given, as the catalogue writes them."""
        wire = self.chosen().to_wire()
        return {name: wire[name] for name in self.model_fields_set}


class NewShare(Body):
    """An Azure Files share to be protected."""

    name: Name
    account_url: Annotated[Url, Field(examples=["https://contoso.file.core.windows.net"])]
    share_name: Annotated[str, Field(examples=["finance"])]
    credential: Annotated[
        str, Field(description="Name of a credential, no secret; empty for the app's managed identity.")
    ] = ""
    settings: NewSettings = Field(default_factory=NewSettings)

    _share_name = field_validator("share_name")(staticmethod(check_share_name))
    _account_url = field_validator("account_url")(staticmethod(check_account_url))
    _credential = field_validator("credential")(staticmethod(check_credential))


class ShareChange(Body):
    """What is to change of a share: the settings that are given; all others stay."""

    settings: NewSettings


class Window(Shown):
    """A part of each of some days."""

    days: tuple[str, ...]
    begin: str
    end: str


class PaceWindow(Window):
    """Limits at such times."""

    requests_per_s: float | None
    bytes_per_s: float | None


class Settings(Shown):
    """The settings of a share."""

    bundle_file_max_bytes: int
    bundle_target_bytes: int
    large_file_bytes: int
    keep_share_snapshot: bool
    requests_per_s: float | None
    bytes_per_s: float | None
    exclude: tuple[str, ...]
    include: tuple[str, ...]
    rules_ignore_case: bool
    time_zone: str
    windows: tuple[Window, ...]
    pause_outside_windows: bool
    pace_windows: tuple[PaceWindow, ...]
    objective_s: int | None
    repack: bool
    watch_changes: bool


class Share(Shown):
    """An Azure Files share under protection."""

    share_id: int
    tenant_id: str
    name: str
    account_url: str
    share_name: str
    credential: Annotated[str, Field(description="Its name, not the secret.")]
    settings: Settings
    created_at: dt.datetime
    snapshot_mark: str
    deletion: ShownDeletion | None = None

    @classmethod
    def of(cls, value: share.Share) -> Self:
        """As it is."""
        return cls.model_validate(value)


class SharePage(Part):
    """Shares of a tenant by name."""

    shares: list[Share]


class RestorePoint(Shown):
    """A committed backup run."""

    restore_point: Annotated[int, Field(description="Its number: `run_no` of the backup that made it.")]
    taken_at: Annotated[dt.datetime, Field(description="It shows the share at this time.")]
    committed_at: dt.datetime
    directories: int
    files: int
    bytes: int
    errors: int
    share_snapshot: str | None

    @classmethod
    def of(cls, value: run.RestorePoint) -> Self:
        """As it is."""
        return cls(
            restore_point=value.run_no,
            taken_at=value.taken_at,
            committed_at=value.committed_at,
            directories=value.directories,
            files=value.files,
            bytes=value.bytes,
            errors=value.errors,
            share_snapshot=value.share_snapshot,
        )


class RestorePointPage(Part):
    """Restore points, the newest first."""

    restore_points: list[RestorePoint]
