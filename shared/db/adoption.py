"""Making rows of tenants and shares that the vault knows and the catalogue does not."""

import datetime as dt
from collections.abc import Mapping
from typing import Any, Final, LiteralString

from psycopg.types.json import Jsonb

from shared.db import policies, schedules
from shared.db.pool import Connection
from shared.errors import Conflict
from shared.model.deletion import SaidOfDeletion
from shared.model.rebuild import FoundShare, PurgingShare

RUN_IDS_SPARED: Final = 100_000
"""Runs that left no commit record had ids too. They are in the tags of share snapshots, by which a run knows those that earlier runs have
left behind (shared/usecases/share_snapshots.py), and an id that is lower than theirs would never find them."""

_ADOPT_TENANT: Final[LiteralString] = """
    INSERT INTO tenant (
        tenant_id, name, created_at, deleted_at, deleted_by, delete_reason, purge_after, purging_at, deletion_no, deletion_told
    )
    VALUES (
        %(tenant_id)s, %(name)s, %(created_at)s, %(deleted_at)s, %(deleted_by)s, %(delete_reason)s, %(purge_after)s, %(purging_at)s,
        %(deletion_no)s, %(deletion_no)s
    )
    ON CONFLICT DO NOTHING
"""
_SHARE_OF: Final[LiteralString] = "SELECT tenant_id FROM share WHERE share_id = %s"
_ADOPT_SHARE: Final[LiteralString] = """
    INSERT INTO share (
        share_id, tenant_id, name, account_url, share_name, credential, settings, created_at, snapshot_mark, deleted_at, deleted_by,
        delete_reason, purge_after, purging_at, deletion_no, deletion_told
    )
    VALUES (
        %(share_id)s, %(tenant_id)s, %(name)s, %(account_url)s, %(share_name)s, %(credential)s, %(settings)s, %(created_at)s,
        coalesce(%(snapshot_mark)s, replace(gen_random_uuid()::text, '-', '')), %(deleted_at)s, %(deleted_by)s, %(delete_reason)s,
        %(purge_after)s, %(purging_at)s, %(deletion_no)s, %(deletion_no)s
    )
"""
_RAISE_SHARES: Final[LiteralString] = """
    SELECT setval(pg_get_serial_sequence('share', 'share_id'), (SELECT max(share_id) FROM share))
"""
# Not below what it is: a sequence that nothing was taken of yet has no value to compare with.
_RAISE_RUNS: Final[LiteralString] = """
    SELECT setval(
               pg_get_serial_sequence('run', 'run_id'),
               greatest(%s::bigint, (SELECT max(run_id) FROM run), nextval(pg_get_serial_sequence('run', 'run_id')))
           )
"""
# Journals of its runs are there yet, and go with it.
_RAISE_NUMBER: Final[LiteralString] = """
    UPDATE share SET next_run_no = greatest(next_run_no, %s) WHERE share_id = %s
"""
# The catalogue may be older than the purge: one that was restored from a copy of it.
_PURGING: Final[LiteralString] = """
    UPDATE share
       SET deleted_at = coalesce(deleted_at, %(deleted_at)s), deleted_by = %(deleted_by)s, delete_reason = %(delete_reason)s,
           purge_after = coalesce(purge_after, %(purge_after)s), purging_at = %(purging_at)s,
           deletion_no = greatest(deletion_no, %(deletion_no)s), deletion_told = greatest(deletion_told, %(deletion_no)s)
     WHERE share_id = %(share_id)s AND purging_at IS NULL
"""


async def adopt(conn: Connection, found: FoundShare) -> None:
    """Make the rows of a tenant and a share that the vault knows and the catalogue does not."""
    point, origin = found.point, found.point.origin
    name = found.tenant_id if origin is None else origin.tenant_name
    made = point.taken_at if origin is None else origin.tenant_created_at
    await _adopt_tenant(conn, found.tenant_id, name, made, found.tenant_deleted)
    if await _is_there(conn, found.tenant_id, found.share_id):
        return
    await conn.execute(
        _ADOPT_SHARE,
        {
            "share_id": found.share_id,
            "tenant_id": found.tenant_id,
            "name": point.share_name if origin is None else origin.name,
            "account_url": point.account_url,
            "share_name": point.share_name,
            "credential": found.credential if origin is None else origin.credential,
            "settings": Jsonb({} if origin is None else own_settings(origin.settings)),
            "created_at": point.taken_at if origin is None else origin.created_at,
            "snapshot_mark": None if origin is None else origin.snapshot_mark,
            **_deletion_of(found.deleted),
        },
    )
    await conn.execute(_RAISE_SHARES)
    await conn.execute(_RAISE_RUNS, [found.run_id + RUN_IDS_SPARED])
    if found.policy is not None:
        await policies.adopt(conn, found.tenant_id, found.share_id, found.policy)
    if origin is not None and origin.settings.get("schedules"):
        await schedules.adopt(conn, found.tenant_id, found.share_id, origin.settings["schedules"])


async def adopt_purging(conn: Connection, found: PurgingShare) -> None:
    """Make the rows of a share that is being purged, and of its tenant; one that the catalogue has is being purged from now on."""
    about = found.said.about or found.tenant_said.about
    assert found.said.deletion is not None
    since = found.said.deletion.at
    await _adopt_tenant(conn, found.tenant_id, about.get("tenant_name") or found.tenant_id, since, found.tenant_said)
    if await _is_there(conn, found.tenant_id, found.share_id):
        await conn.execute(_PURGING, {"share_id": found.share_id, **_deletion_of(found.said)})
        return
    values = {
        "share_id": found.share_id,
        "tenant_id": found.tenant_id,
        "name": about.get("name") or f"share {found.share_id}",
        "account_url": about.get("account_url", ""),
        "share_name": about.get("share_name") or str(found.share_id),
        "credential": about.get("credential", ""),
        "settings": Jsonb({}),
        "created_at": since,
        "snapshot_mark": None,
    }
    await conn.execute(_ADOPT_SHARE, {**values, **_deletion_of(found.said)})
    await conn.execute(_RAISE_SHARES)
    await conn.execute(_RAISE_NUMBER, [int(about.get("next_run_no", "1")), found.share_id])


def own_settings(kept: Mapping[str, Any]) -> dict[str, Any]:
    """A share's own; what else a restore point keeps under that name is in tables of its own."""
    return {name: value for name, value in kept.items() if name != "schedules"}


async def _adopt_tenant(
    conn: Connection, tenant_id: str, name: str, created_at: dt.datetime, said: SaidOfDeletion
) -> None:
    values = {"tenant_id": tenant_id, "name": name, "created_at": created_at, **_deletion_of(said)}
    await conn.execute(_ADOPT_TENANT, values)


def _deletion_of(said: SaidOfDeletion) -> dict[str, Any]:
    """The columns of what a vault says, of a share or a tenant."""
    found = said.deletion
    return {
        "deleted_at": None if found is None else found.at,
        "deleted_by": "" if found is None else found.by,
        "delete_reason": "" if found is None else found.reason,
        "purge_after": None if found is None else found.purge_after,
        "purging_at": None if found is None else found.purging_at,
        "deletion_no": said.event_no,
    }


async def _is_there(conn: Connection, tenant_id: str, share_id: int) -> bool:
    """Whether the catalogue has a share. Raises ``Conflict`` if its number is that of another tenant's."""
    row = await (await conn.execute(_SHARE_OF, [share_id])).fetchone()
    if row is None:
        return False
    if row[0] != tenant_id:
        raise Conflict(
            f"number {share_id} is that of a share of tenant {row[0]!r} here; hint: two installations have written to"
            " this vault account: rebuild the other one in a database of its own",
            "share_of_another_tenant",
        )
    return True
