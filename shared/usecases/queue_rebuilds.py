"""Find out what is in a vault account, and queue a rebuild of every share in it, or of some.

This is what somebody begins with who has the vault and an empty database: tenants are containers, shares are folders in them, and the
newest restore point of each says what the share is called, where it is and how it is to be backed up. A share that was deleted is deleted in the new
catalogue, too, and one whose purge has begun is left out, and there to be purged again. Ids stay what they were, because the
names of objects are made of them. Doing it again is harmless: a share that has a catalogue, or a run at work, is left out and said so.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Final

from shared.errors import BackupError, Conflict, IntegrityError, NotFound
from shared.model.deletion import SaidOfDeletion
from shared.model.rebuild import FoundShare, LeftOut, PurgingShare
from shared.model.run import Driver, RebuildOrder, Run, RunKey
from shared.ports.journal import Journal
from shared.ports.rebuilds import Rebuilds
from shared.ports.vault import Vault, Vaults
from shared.usecases.open_rebuild import chosen
from shared.usecases.said_in_vault import read_policy
from shared.usecases.tell_deletions import read_deletion
from shared.usecases.vault_points import VaultPoints, numbers_of_points, read_points

SILENT_RUNS: Final = 20
"""So many numbers in a row without a line in the journal, and it is taken to have no more: every run that was opened has one."""


async def queue_rebuilds(
    vaults: Vaults,
    rebuilds: Rebuilds,
    journal: Journal,
    order: RebuildOrder,
    driver: Driver,
    *,
    tenant_id: str | None = None,
    share_id: int | None = None,
    credential: str = "",
) -> tuple[list[Run], list[LeftOut]]:
    """Queue rebuilds of all shares with restore points, of one tenant's, or of one share; returns the runs, and what was left out.

    :param credential: for shares of which the vault does not say it: their restore points are from before it did.
    :raises NotFound: the vault has nothing of what is asked for.
    """
    queued: list[Run] = []
    left_out: list[LeftOut] = []
    async for tenant, share in _shares(vaults, tenant_id, share_id):
        try:
            vault = vaults.of(tenant)
            said = await read_deletion(vault, share)
            of_tenant = await read_deletion(vault, None)
            if _is_purging(said) or _is_purging(of_tenant):
                left_out.append(await _purging(rebuilds, vault, tenant, share, said, of_tenant))
                continue
            found = replace(
                await _look(vault, journal, tenant, share, order, credential), deleted=said, tenant_deleted=of_tenant
            )
            queued.append(await rebuilds.queue(found, order, driver))
        except (Conflict, NotFound, IntegrityError) as error:
            left_out.append(LeftOut(tenant, share, str(error)))
    if not queued and not left_out:
        of = (
            ""
            if tenant_id is None
            else f" of tenant {tenant_id!r}" + ("" if share_id is None else f", share {share_id}")
        )
        raise NotFound(f"the vault has no restore points{of}; hint: is this the account of the vault?")
    return queued, left_out


async def _shares(vaults: Vaults, tenant_id: str | None, share_id: int | None) -> AsyncIterator[tuple[str, int]]:
    tenants = [tenant_id] if tenant_id is not None else [name async for name in vaults.tenants()]
    for tenant in tenants:
        vault = vaults.of(tenant)
        try:
            shares = [share_id] if share_id is not None else await _folders(vault, "")
            found = [
                share
                for share in shares
                if await numbers_of_points(vault, share) or _is_purging(await read_deletion(vault, share))
            ]
        except NotFound:
            continue  # there is no such container
        for share in found:
            yield tenant, share


def _is_purging(said: SaidOfDeletion) -> bool:
    return said.deletion is not None and said.deletion.purging_at is not None


async def _purging(
    rebuilds: Rebuilds, vault: Vault, tenant_id: str, share_id: int, said: SaidOfDeletion, of_tenant: SaidOfDeletion
) -> LeftOut:
    """Of a share whose purge has begun nothing is brought back. It is there as what it is, so that its purge can come to an end."""
    if not _is_purging(said):  # it is the tenant that is being purged, and this share's turn had not come
        points = await read_points(vault, share_id)
        about = {"next_run_no": str(points.highest + 1)}
        newest = points.newest
        if newest is not None:
            about |= {"account_url": newest.account_url, "share_name": newest.share_name, "name": newest.share_name}
            if newest.origin is not None:
                about |= {"name": newest.origin.name, "credential": newest.origin.credential}
                about["tenant_name"] = newest.origin.tenant_name
        said = replace(of_tenant, event_no=said.event_no, about={**of_tenant.about, **about})
    assert said.deletion is not None
    assert said.deletion.purging_at is not None
    await rebuilds.adopt_purging(PurgingShare(tenant_id=tenant_id, share_id=share_id, said=said, tenant_said=of_tenant))
    return LeftOut(
        tenant_id,
        share_id,
        f"it is being purged since {said.deletion.purging_at:%Y-%m-%d %H:%M} UTC; hint: purge it again, to delete what is left of it",
    )


async def _look(
    vault: Vault, journal: Journal, tenant_id: str, share_id: int, order: RebuildOrder, credential: str
) -> FoundShare:
    every = await read_points(vault, share_id)
    newest = chosen(every, order.restore_point, share_id).newest
    assert newest is not None
    if newest.tenant_id != tenant_id:
        raise Conflict(f"the restore points in {share_id}/ are of tenant {newest.tenant_id!r}; hint: this is a copy")
    last = max(
        [every.highest, *await _folders(vault, f"{share_id}/segment/"), *await _folders(vault, f"{share_id}/bundle/")]
    )
    return FoundShare(
        tenant_id=tenant_id,
        share_id=share_id,
        point=newest,
        run_id=_highest_run_id(every),
        next_run_no=await _after_the_journal(journal, tenant_id, share_id, last) + 1,
        credential=credential,
        policy=await read_policy(vault, share_id),
    )


def _highest_run_id(every: VaultPoints) -> int:
    return max((record.origin.run_id for record in every.records.values() if record.origin is not None), default=0)


async def _folders(vault: Vault, prefix: str) -> Sequence[int]:
    return [int(name) async for name in vault.folders(prefix) if name.isdecimal()]


async def _after_the_journal(journal: Journal, tenant_id: str, share_id: int, run_no: int) -> int:
    """The last run that the journal tells of, not before ``run_no``: restores and scans leave nothing in the vault.

    A journal that cannot be read keeps nobody from rebuilding: its lines and those of later runs could then be told under one number.
    """
    last = run_no
    try:
        at = run_no
        while at < last + SILENT_RUNS:
            at += 1
            lines, _ = await journal.page(RunKey(tenant_id, share_id, at), limit=1)
            if lines:
                last = at
    except BackupError:
        return last
    return last
