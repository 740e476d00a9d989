"""Where pages are: the paths of routes, and addresses of particular things."""

from typing import Final
from urllib.parse import urlencode

TENANT: Final = "/tenants/{tenant_id}"
SHARE: Final = TENANT + "/shares/{share_id:int}"
RUN: Final = SHARE + "/runs/{run_no:int}"
POINT: Final = SHARE + "/restore-points/{restore_point:int}"


def tenant_url(tenant_id: str) -> str:
    """Of a tenant's page."""
    return f"/tenants/{tenant_id}"


def share_url(tenant_id: str, share_id: int) -> str:
    """Of a share's page."""
    return f"{tenant_url(tenant_id)}/shares/{share_id}"


def run_url(tenant_id: str, share_id: int, run_no: int) -> str:
    """Of a run's page."""
    return f"{share_url(tenant_id, share_id)}/runs/{run_no}"


def point_url(tenant_id: str, share_id: int, restore_point: int) -> str:
    """Of what is below a restore point: there is no page of it alone."""
    return f"{share_url(tenant_id, share_id)}/restore-points/{restore_point}"


def with_query(url: str, **query: object) -> str:
    """An address with what is not None and not empty of ``query``."""
    given = {name: str(value) for name, value in query.items() if value not in (None, "")}
    return f"{url}?{urlencode(given)}" if given else url
