"""What somebody sees of all tenants, for questions over many of them."""

from shared.core.access import visible_shares, visible_tenants
from shared.db.seen import ALL, Seen
from shared.model.access import Principal


def seen_by(principal: Principal) -> Seen:
    """The shares that exist for ``principal``."""
    tenants = visible_tenants(principal)
    if tenants is None:
        return ALL
    whole = {tenant_id for tenant_id in tenants if visible_shares(principal, tenant_id) is None}
    parts = [visible_shares(principal, tenant_id) or frozenset() for tenant_id in tenants - whole]
    return Seen(everything=False, tenants=whole, shares=frozenset[int]().union(*parts))
