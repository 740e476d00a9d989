"""From what was typed to what the API calls it: tenants and shares by name or id, restore points by number or time."""

import datetime as dt
from dataclasses import dataclass

from cli.address import Address, Point
from cli.client import Client, Json
from cli.errors import NOT_FOUND, USAGE, CliError


@dataclass(frozen=True, slots=True)
class Share:
    """A share that was found."""

    tenant_id: str
    share_id: int
    name: str
    shown: str
    """How a person names it, for what they may type next."""
    details: Json

    @property
    def path(self) -> str:
        """Of its resource."""
        return f"/api/tenants/{self.tenant_id}/shares/{self.share_id}"


def find_tenant(client: Client, typed: str) -> Json:
    """The tenant with this id or name; nothing typed: the one of the configuration, or the only one. Also one that is deleted, by what it is called exactly.

    :raises CliError: there is none, or there are several.
    """
    typed = typed or client.config.tenant
    known = list(client.items("/api/tenants", "tenants", deleted="true"))
    tenants = [tenant for tenant in known if not tenant.get("deletion")]
    if not typed:
        if len(tenants) == 1:
            return tenants[0]
        names = ", ".join(sorted(str(tenant["name"]) for tenant in tenants)[:10]) or "none yet"
        raise CliError(
            f"which tenant? there are {len(tenants)}: {names}",
            USAGE,
            hint="TENANT/SHARE, --tenant, AFB_TENANT, or choose one at 'afb login --tenant'",
        )
    by_id = [tenant for tenant in tenants if tenant["tenant_id"] == typed]
    by_name = [tenant for tenant in tenants if str(tenant["name"]).casefold() == typed.casefold()]
    found = by_id or by_name or [tenant for tenant in known if typed in (tenant["tenant_id"], tenant["name"])]
    if not found:
        raise CliError(f"there is no tenant {typed!r}", NOT_FOUND, hint="afb tenants lists them")
    if len(found) > 1:
        ids = ", ".join(str(tenant["tenant_id"]) for tenant in found)
        raise CliError(f"{len(found)} tenants are called {typed!r}", USAGE, hint=f"use the id: {ids}")
    return found[0]


def find_share(client: Client, address: Address, tenant: str = "") -> Share:
    """The share of an address; ``tenant`` is the one that was chosen otherwise.

    :raises CliError: there is none, or there are several.
    """
    owner = find_tenant(client, address.tenant or tenant)
    shares = list(client.items(f"/api/tenants/{owner['tenant_id']}/shares", "shares", deleted="true"))
    by_name = [share for share in shares if str(share["name"]).casefold() == address.share.casefold()]
    found = by_name or [share for share in shares if str(share["share_id"]) == address.share]
    if not found:
        raise CliError(
            f"tenant {owner['name']!r} has no share {address.share!r}",
            NOT_FOUND,
            hint=f"afb shares list --tenant {owner['tenant_id']}",
        )
    if len(found) > 1:
        ids = ", ".join(str(share["share_id"]) for share in found)
        raise CliError(f"{len(found)} shares are called {address.share!r}", USAGE, hint=f"use the id: {ids}")
    share = found[0]
    simple = all(sign not in f"{owner['name']}{share['name']}" for sign in " /:@'\"$")
    shown = f"{owner['name']}/{share['name']}" if simple else f"{owner['tenant_id']}/{share['share_id']}"
    return Share(str(owner["tenant_id"]), int(share["share_id"]), str(share["name"]), shown, share)


def find_point(client: Client, share: Share, point: Point | None) -> Json:
    """The restore point that is meant; None: the newest.

    :raises CliError: there is none.
    """
    for found in client.items(f"{share.path}/restore-points", "restore_points"):
        if point is None or point.is_latest:
            return found
        if point.number is not None and found["restore_point"] == point.number:
            return found
        if point.until is not None and _moment(found["taken_at"]) <= point.until:
            return found
    if point is None or point.is_latest:
        raise CliError(f"{share.shown} has no restore point yet", NOT_FOUND, hint=f"afb backup {share.shown}")
    which = point.number if point.number is not None else f"of {point.until:%Y-%m-%d %H:%M:%S} or before"
    raise CliError(f"{share.shown} has no restore point {which}", NOT_FOUND, hint=f"afb points list {share.shown}")


def _moment(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text.replace("Z", "+00:00"))
