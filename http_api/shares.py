"""``/api/tenants/{tenant_id}/shares``."""

import re
from typing import Annotated
from urllib.parse import urlsplit

import azure.functions as func
from pydantic import BaseModel, ConfigDict, Field, field_validator

from http_api import answers
from http_api.problems import answered, body_as
from http_api.requested import requested_share
from shared import wiring
from shared.core import rules
from shared.db import restore_points, shares, tenants
from shared.model.content import CHUNK_BYTES
from shared.model.share import ShareSettings

bp = func.Blueprint()

_SHARE_NAME = re.compile(r"[a-z0-9](?:-?[a-z0-9]){2,62}")
_CREDENTIAL = re.compile(r"[A-Za-z0-9_-]{0,60}")
_KIB, _MIB = 1024, 1024 * 1024


def check_share_name(value: str) -> str:
    """Shares are named so, and so are containers: learn.microsoft.com, Naming and referencing shares, containers."""
    if not (3 <= len(value) <= 63 and _SHARE_NAME.fullmatch(value)):
        raise ValueError("3 to 63 lower-case letters, digits and single hyphens between them")
    return value


def check_account_url(value: str) -> str:
    """An absolute http(s) URL without a query; returned without a trailing slash."""
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.netloc or parts.query or parts.fragment:
        raise ValueError("an address like https://account.file.core.windows.net")
    if parts.scheme == "http" and parts.hostname not in ("127.0.0.1", "localhost", "::1"):
        raise ValueError("an https address; http is for an emulator on this machine only")
    return value.rstrip("/")


def check_credential(value: str) -> str:
    """Letters that can be part of a setting's name."""
    if not _CREDENTIAL.fullmatch(value):
        raise ValueError("the name of a credential: up to 60 letters, digits, hyphens and underscores; no secret")
    return value


class ElsewhereOrHere(BaseModel):
    """An account and a credential; those of the share that was backed up unless given."""

    model_config = ConfigDict(extra="forbid")

    account_url: str | None = None
    credential: str | None = None

    @field_validator("account_url")
    @classmethod
    def _url(cls, value: str | None) -> str | None:
        return None if value is None else check_account_url(value)

    @field_validator("credential")
    @classmethod
    def _credential(cls, value: str | None) -> str | None:
        return None if value is None else check_credential(value)


class NewSettings(BaseModel):
    """Optional thresholds and rules; the defaults are :class:`ShareSettings`'s."""

    model_config = ConfigDict(extra="forbid")

    bundle_file_max_bytes: Annotated[int, Field(ge=0, le=CHUNK_BYTES)] = ShareSettings().bundle_file_max_bytes
    bundle_target_bytes: Annotated[int, Field(ge=64 * _KIB, le=256 * _MIB)] = ShareSettings().bundle_target_bytes
    requests_per_s: Annotated[float | None, Field(ge=10, le=1_000_000)] = None
    bytes_per_s: Annotated[float | None, Field(ge=_MIB, le=1024 * 1024 * _MIB)] = None
    large_file_bytes: Annotated[int, Field(ge=CHUNK_BYTES, le=1024 * _MIB)] = ShareSettings().large_file_bytes
    keep_share_snapshot: Annotated[bool, Field(strict=True)] = ShareSettings().keep_share_snapshot
    exclude: tuple[str, ...] = ()
    include: tuple[str, ...] = ()
    rules_ignore_case: bool = ShareSettings().rules_ignore_case

    @field_validator("exclude")
    @classmethod
    def _exclude(cls, lines: tuple[str, ...]) -> tuple[str, ...]:
        rules.parse(lines)
        return lines

    @field_validator("include")
    @classmethod
    def _include(cls, lines: tuple[str, ...]) -> tuple[str, ...]:
        rules.parse(lines, negation=False)
        return lines


class NewShare(BaseModel):
    """Body of ``POST /api/tenants/{tenant_id}/shares``."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(min_length=1, max_length=200)]
    account_url: str
    share_name: str
    credential: str = ""
    """Name of a credential; empty for the app's managed identity."""
    settings: NewSettings = Field(default_factory=NewSettings)

    _share_name = field_validator("share_name")(staticmethod(check_share_name))
    _account_url = field_validator("account_url")(staticmethod(check_account_url))
    _credential = field_validator("credential")(staticmethod(check_credential))


class ShareChange(BaseModel):
    """Body of ``PATCH .../shares/{share_id}``: the settings to change, all others stay."""

    model_config = ConfigDict(extra="forbid")

    settings: NewSettings


@answered
async def create_share(req: func.HttpRequest) -> func.HttpResponse:
    """Protect a share: 201 with it, 404 for an unknown tenant, 409 if it is protected already."""
    body = body_as(req, NewShare)
    app = await wiring.app()
    app.credentials.resolve(body.credential)  # an unknown name is refused before anything is stored
    async with app.transaction() as conn:
        tenant = await tenants.get(conn, req.route_params["tenant_id"])
        share = await shares.create(
            conn,
            tenant.tenant_id,
            name=body.name,
            account_url=body.account_url,
            share_name=body.share_name,
            credential=body.credential,
            settings=ShareSettings(**body.settings.model_dump()),
        )
    location = f"/api/tenants/{tenant.tenant_id}/shares/{share.share_id}"
    return answers.answer(answers.share(share), 201, location)


@answered
async def list_shares(req: func.HttpRequest) -> func.HttpResponse:
    """A tenant's shares by name."""
    async with (await wiring.app()).transaction() as conn:
        tenant = await tenants.get(conn, req.route_params["tenant_id"])
        found = await shares.of_tenant(conn, tenant.tenant_id)
    return answers.answer({"shares": [answers.share(s) for s in found]})


@answered
async def get_share(req: func.HttpRequest) -> func.HttpResponse:
    """One share."""
    async with (await wiring.app()).transaction() as conn:
        share = await requested_share(conn, req)
    return answers.answer(answers.share(share))


@answered
async def change_share(req: func.HttpRequest) -> func.HttpResponse:
    """Change settings of a share, for runs that are started from now on."""
    body = body_as(req, ShareChange)
    changes = body.settings.model_dump(exclude_unset=True)
    async with (await wiring.app()).transaction() as conn:
        share = await requested_share(conn, req)
        changed = await shares.change_settings(conn, share.share_id, share.tenant_id, changes)
    return answers.answer(answers.share(changed))


@answered
async def list_restore_points(req: func.HttpRequest) -> func.HttpResponse:
    """A share's restore points, newest first."""
    async with (await wiring.app()).transaction() as conn:
        share = await requested_share(conn, req)
        found = await restore_points.of_share(conn, share.share_id)
    return answers.answer({"restore_points": [answers.restore_point(p) for p in found]})


_SHARE = "api/tenants/{tenant_id}/shares/{share_id:int}"
bp.route(route="api/tenants/{tenant_id}/shares", methods=["POST"])(create_share)
bp.route(route="api/tenants/{tenant_id}/shares", methods=["GET"])(list_shares)
bp.route(route=_SHARE, methods=["GET"])(get_share)
bp.route(route=_SHARE, methods=["PATCH"])(change_share)
bp.route(route=_SHARE + "/restore-points", methods=["GET"])(list_restore_points)
