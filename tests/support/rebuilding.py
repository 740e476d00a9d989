"""Lose a catalogue, rebuild it from the vault, and compare the two, row by row."""

from contextlib import contextmanager
from dataclasses import replace

import psycopg
import pytest
from azure.storage.blob import ContainerClient
from psycopg.rows import dict_row

from shared.db import tombstones
from shared.formats import point
from shared.formats.segment import SegmentWriter
from shared.model.run import Driver, RebuildOrder, Run
from shared.usecases import close_backup
from tests.support import catalogue

# What cannot be equal, and why. Everything else is compared.
UNLIKE = {
    # Numbers are skipped that something may have had of which the vault does not tell, and the rebuild itself has one.
    "share": {"next_run_no"},
    # Of a run the vault has what it knew when its commit record was written, which is before it ended; who drove it is nobody's interest.
    "run": {
        "finished_at", "counters", "final_counters", "next_batch_no", "driver", "epoch", "paused_seconds", "report", "error", "wanted",
        "schedule_id", "admitted_at", "held_until", "paused_by", "window_free", "judged",
    },
    # How many runs a tenant may have at work is the platform's, and when its turn was is over.
    "tenant": {"runs_at_once", "last_turn"},
    # Which worker did it and when, and what it counted (the run has the sum). Closings have batches of a kind of their own.
    "batch": {"knows", "worker", "claimed_at", "lease_until", "committed_at", "counters", "kind"},
    # What a descriptor is to be is not in the vault twice. The next verify notes it, as of those saved before there were checksums.
    "permission": {"checksum"},
}  # fmt: skip
ONLY = {
    # Restores, scans and rebuilds leave nothing in the vault, and of runs that made no restore point little is known.
    "run": "kind = 'backup' AND EXISTS (SELECT FROM restore_point AS p WHERE (p.share_id, p.run_no) = (t.share_id, t.run_no))",
    # A batch that found nothing changed wrote nothing. Of a run that made no restore point the batches have another run_id.
    "batch": "segment_bytes > 0 AND NOT segment_swept AND EXISTS (SELECT FROM restore_point AS p WHERE (p.share_id, p.run_no) = (t.share_id, t.run_no))",
}
TABLES = (
    "tenant", "share", "run", "batch", "permission", "restore_point", "expired_point", "page", "rollup", "rollup_change", "tombstone", "missing",
    "frontier", "large_file", "span", "restore_frontier", "restore_made", "restore_link", "rebuild_item", "verify_item", "verify_finding",
)  # fmt: skip


def all_rows(url):
    """Every row of every table but what cannot be equal, by table."""
    found = {}
    with psycopg.connect(url, row_factory=dict_row) as conn:
        for table in TABLES:
            where = f" WHERE {ONLY[table]}" if table in ONLY else ""
            query = f"SELECT to_jsonb(t) AS row FROM {table} AS t{where}"
            left_out = UNLIKE.get(table, set())
            rows = [
                {name: value for name, value in got["row"].items() if name not in left_out}
                for got in conn.execute(query).fetchall()
            ]
            for row in (
                rows if table == "batch" else ()
            ):  # of bundles that were swept nothing is known but that they are gone
                left = [max(size, 0) for size in row["bundle_bytes"]]
                row["bundle_bytes"] = left[: max((at + 1 for at, size in enumerate(left) if size), default=0)]
            found[table] = sorted(rows, key=lambda row: repr(sorted(row.items())))
    return found


def unlike(lost, rebuilt, *, older=False):
    """What a person wants to read when the two differ: table, what the lost one had, what the rebuilt one has.

    :param older: the lost one is of a restore point after which there were others: directory numbers that those gave out are not given
        again, and permissions that they saved are in the vault.
    """
    problems = []
    if older:
        before, after = (found["share"][0]["next_directory_no"] for found in (lost, rebuilt))
        assert after >= before
        assert all(row in rebuilt["permission"] for row in lost["permission"])
        rebuilt = rebuilt | {"permission": lost["permission"]}
        lost, rebuilt = (
            found | {"share": [row | {"next_directory_no": 0} for row in found["share"]]} for found in (lost, rebuilt)
        )
    for table in TABLES:
        before, after = lost[table], rebuilt[table]
        problems += [f"{table} lost: {row}" for row in before if row not in after]
        problems += [f"{table} made up: {row}" for row in after if row not in before]
    return problems


def lose(world):
    """Empty the database, as if it were a new one."""
    catalogue.empty(world.app.settings.postgres_url)


async def queue(world, *, driver=Driver.DURABLE, credential="", **order) -> Run:
    """Queue the rebuild of the world's share, whatever else there is in the account."""
    queued, left_out = await world.app.queue_rebuilds(
        RebuildOrder(**order), tenant_id=world.share.tenant_id, driver=driver, credential=credential
    )
    assert left_out == [], left_out
    [run] = queued
    return run


async def rebuild(world, **order) -> Run:
    """Rebuild the world's share."""
    return await world.drive(await queue(world, **order))


@contextmanager
def before_there_were_notes():
    """Backups write what the release before the first with notes wrote."""
    with pytest.MonkeyPatch.context() as patch:
        encode = point.encode
        patch.setattr(SegmentWriter, "note", lambda self, note: None)
        patch.setattr(point, "encode", lambda record: encode(replace(record, origin=None)))
        patch.setattr(close_backup, "note_tombstones", _forget_tombstones)
        yield


async def _forget_tombstones(scope):
    async def work(conn):
        await tombstones.forget(conn, scope.share.share_id)

    await scope.catalogue.repeated(work)


def container(world) -> ContainerClient:
    """The tenant's part of the vault, to be spoiled."""
    return ContainerClient.from_connection_string(world.app.settings.vault_connection, world.share.tenant_id)


def segments(world) -> list[tuple[int, int]]:
    """Run and batch of every segment."""
    prefix = f"{world.share.share_id}/segment/"
    with container(world) as vault:
        names = [
            blob.name.removeprefix(prefix).removesuffix(".fb") for blob in vault.list_blobs(name_starts_with=prefix)
        ]
    return sorted((int(run_no), int(batch_no)) for run_no, _, batch_no in (name.partition("/") for name in names))


def spoil(world, name, change):
    """Replace an object by what ``change`` makes of its bytes; by nothing if that is None."""
    with container(world) as vault:
        data = change(vault.download_blob(name).readall())
        vault.delete_blob(name)
        if data is not None:
            vault.upload_blob(name, data)
