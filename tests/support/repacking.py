"""Sweeps that find it worth the money to repack bundles of a few kilobytes: operations are for nothing, and it is years later."""

import datetime as dt
import secrets
from dataclasses import replace

from shared.core.cost import VaultPrices
from shared.db import policies

STORAGE_ONLY = VaultPrices(write=0, read=0, written_gb=0, read_gb=0, gb_month=0.02, early_deletion_months=0)


class Later:
    """A clock that is ahead."""

    def __init__(self, clock, ahead):
        self._clock, self._ahead = clock, ahead

    def now(self):
        return self._clock.now() + self._ahead

    def __getattr__(self, name):
        return getattr(self._clock, name)


def years_later(scope):
    """A scope in which storage costs, and nothing else does."""
    prices = replace(scope.prices, vault={**scope.prices.vault, "Hot": STORAGE_ONLY})
    return replace(scope, prices=prices, clock=Later(scope.clock, dt.timedelta(days=3_000)))


async def give_policy(files, policy):
    """The share's policy from now on."""
    async with files.app.transaction() as conn:
        made = await policies.create(conn, files.share.tenant_id, secrets.token_hex(4), policy)
        await policies.give(conn, files.share.tenant_id, files.share.share_id, made.policy_id)


async def sweep_to_repack(files):
    """A sweep that notes what is worth repacking under :func:`years_later`."""
    before, files.wrap = files.wrap, lambda scope: before(years_later(scope))
    try:
        return await files.sweep()
    finally:
        files.wrap = before
