"""Two tenants with shares, and everybody who may be somebody, on a host that believes it runs in Azure."""

from dataclasses import dataclass, field

from localdev.launcher.stack import Stack
from localdev.services import ports
from localdev.services.host import FunctionsHost
from localdev.services.service import ROOT
from tests.support.caller import Caller

ENTRA = "11111111-2222-3333-4444-555555555555"
FIRST_ADMIN = "aaaaaaaa-0000-0000-0000-000000000001"
SETTINGS = {
    "AFB_LOCAL_SIGN_IN": "false",
    "AFB_ENTRA_SIGN_IN": "true",
    "AFB_ENTRA_TENANT_ID": ENTRA,
    "AFB_FIRST_ADMIN": FIRST_ADMIN,
    "AFB_REQUESTS_PER_S": "0",
    "AFB_TENANT_REQUESTS_PER_S": "0",
    "WEBSITE_SITE_NAME": "backup",
    "WEBSITE_AUTH_ENABLED": "True",
}


@dataclass
class World:
    """What there is."""

    host: FunctionsHost
    admin: Caller
    """Platform admin, signed in."""
    shares: dict[str, int] = field(default_factory=dict)
    """By name: ``a1``, ``a2`` of tenant ``<name>-a``, ``b1`` of ``<name>-b``."""
    callers: dict[str, Caller] = field(default_factory=dict)
    """By ``role`` or ``role of share``; all but the platform's are of tenant ``<name>-a``."""

    @property
    def anybody(self) -> Caller:
        return Caller(self.host.url)


def azure_host(product: Stack, name: str, **settings: str) -> FunctionsHost:
    """A host on the product's state, with settings as in Azure."""
    return FunctionsHost(
        ROOT,
        port=ports.choose(),
        postgres_url=product.host.postgres_url,
        key=product.host_key,
        settings={**product.settings, **SETTINGS, **settings},
        log=product.logs / f"{name}.log",
    )


def build(host: FunctionsHost, product: Stack, name: str) -> World:
    """Make tenants, shares and keys, through the API; ``name`` is what the tenants' ids begin with."""
    admin = Caller(host.url).signed_in(FIRST_ADMIN, ENTRA, name="First Admin")
    world = World(host, admin)
    for tenant_id, names in ((f"{name}-a", ("a1", "a2")), (f"{name}-b", ("b1",))):
        assert admin("POST", "/api/tenants", {"name": tenant_id, "tenant_id": tenant_id}).status == 201
        for share in names:
            body = {
                "name": share,
                "account_url": product.files_url,
                "share_name": f"{name}-{share}",
                "credential": "devstore",
            }
            made = admin("POST", f"/api/tenants/{tenant_id}/shares", body)
            assert made.status == 201, made.raw
            world.shares[share] = made.body["share_id"]
    for role in ("tenant_admin", "operator", "viewer"):
        world.callers[role] = world.anybody.with_key(new_key(admin, role, tenant_id=f"{name}-a")["key"])
        if role != "tenant_admin":
            key = new_key(admin, role, tenant_id=f"{name}-a", share_id=world.shares["a1"])
            world.callers[f"{role} of share"] = world.anybody.with_key(key["key"])
    made = admin("POST", "/api/keys", {"name": "platform", "role": "platform_admin"})
    assert made.status == 201, made.raw
    world.callers["platform_admin"] = world.anybody.with_key(made.body["key"])
    return world


def new_key(by: Caller, role: str, *, tenant_id: str, **fields: object) -> dict:
    made = by("POST", f"/api/tenants/{tenant_id}/keys", {"name": f"{role} key", "role": role, **fields})
    assert made.status == 201, made.raw
    return made.body
