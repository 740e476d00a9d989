"""What any release has written, this one rebuilds, restores, browses and verifies: a small vault of each is kept in ``tests/fixtures``."""

import json
import secrets
import tarfile
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from azure.storage.blob import BlobServiceClient

from shared.db import restore_points, retention
from shared.model.node import ROOT_ID, is_directory
from shared.model.retention import RetentionPolicy
from shared.model.run import RunState
from shared.model.verify_order import VerifyLevel
from tests.support.rebuilding import rebuild
from tests.support.share_tree import read_tree
from tests.support.vault_fixture import facts, said_facts
from tests.support.world import CREDENTIAL, world

FIXTURES = sorted((Path(__file__).parents[1] / "fixtures").glob("vault-*.tar.xz"))
KEPT = "vault-1-kept.tar.xz"
each_fixture = pytest.mark.parametrize("fixture", FIXTURES, ids=[path.name for path in FIXTURES])
each_kept = pytest.mark.parametrize("fixture", [path for path in FIXTURES if path.name == KEPT], ids=[KEPT])


def test_there_is_one_of_each_version():
    assert [path.name for path in FIXTURES] == [KEPT, "vault-1-notes.tar.xz", "vault-1.tar.xz"]
    assert all(path.stat().st_size < 64 * 1024 for path in FIXTURES)


def content_of(fixture):
    """What is in an archive: the vault's objects, trees by restore point, and what else is expected."""
    with tarfile.open(fixture) as archive:
        content = {member.name: archive.extractfile(member).read() for member in archive}
    objects = {name.removeprefix("vault/"): data for name, data in content.items() if name.startswith("vault/")}
    told = {Path(name).stem: json.loads(data) for name, data in content.items() if name.startswith("expected/")}
    return objects, {int(name): tree for name, tree in told.items() if name.isdigit()}, told.get("retention")


@asynccontextmanager
async def found(postgres_url, azurite, emulator, fixture):
    """A world that has nothing but such a vault, and what is expected of it, after a rebuild."""
    objects, points, said = content_of(fixture)
    tenant_id, share_id = next(iter(objects)).split("/")[:2]
    with BlobServiceClient.from_connection_string(azurite.connection_string) as service:
        container = service.get_container_client(tenant_id)
        if not container.exists():
            container.create_container()
        for blob in list(container.list_blobs()):  # of the test before
            container.delete_blob(blob.name)
        for name, data in objects.items():
            container.upload_blob(name.partition("/")[2], data)
    async with world(postgres_url, azurite, emulator) as files:
        async with files.app.transaction() as conn:  # the database is that of somebody who has only the vault
            await conn.execute("DELETE FROM share")
            await conn.execute("DELETE FROM tenant")
        files.share = replace(files.share, tenant_id=tenant_id, share_id=int(share_id))
        run = await rebuild(files, credential=CREDENTIAL)
        assert run.state is RunState.SUCCEEDED, (run.error, run.report)
        yield files, points, said


async def all_restore(files, points):
    """Each restore point comes back, and there are no others."""
    async with files.app.transaction() as conn:
        listed = await restore_points.of_share(conn, files.share.share_id)
    assert {point.run_no for point in listed} == points.keys()
    for point, expected in points.items():
        target = f"restored-{secrets.token_hex(4)}"
        restore = await files.restore(point, target)
        assert restore.state is RunState.SUCCEEDED, await files.journal(restore)
        restored = facts(read_tree(files.client(target)))
        assert {path: node for path, node in restored.items() if expected.get(path) != node} == {}
        assert restored.keys() == expected.keys()


async def nothing_is_damaged(files):
    """A verify of every byte that any restore point needs finds nothing."""
    run = await files.verify(VerifyLevel.FULL, all_points=True)
    assert (run.state, await files.journal(run)) == (RunState.SUCCEEDED, []), run.report


async def browsed(files, point):
    """Path to whether it is a directory, as looking into each directory of a restore point shows it."""
    past, shown, waiting = files.app.past(files.share), {}, [(ROOT_ID, "")]
    while waiting:
        directory, path = waiting.pop()
        after = ""
        while True:
            window = await past.children(directory, point, after=after, limit=7)
            for saved in window.entries:
                below = f"{path}{saved.entry.name}"
                shown[below] = is_directory(saved.node_id)
                if is_directory(saved.node_id):
                    waiting.append((saved.node_id, f"{below}/"))
            if not (after := window.following):
                break
    return shown


@each_fixture
async def test_it_is_rebuilt_and_every_restore_point_is_whole_is_shown_and_comes_back(
    postgres_url, azurite, files_emulator, fixture
):
    async with found(postgres_url, azurite, files_emulator, fixture) as (files, points, _):
        for point, expected in points.items():
            directories = {path: node["kind"] == "directory" for path, node in expected.items()}
            assert await browsed(files, point) == directories, f"restore point {point}"
        await nothing_is_damaged(files)
        await all_restore(files, points)


@each_kept
async def test_pins_and_holds_of_it_are_known_and_hold_against_prunes_and_sweeps(
    postgres_url, azurite, files_emulator, fixture
):
    async with found(postgres_url, azurite, files_emulator, fixture) as (files, points, told):
        share_id = files.share.share_id
        async with files.app.transaction() as conn:
            for point in points:
                assert said_facts((await retention.said(conn, share_id, point))[0]) == told["said"][str(point)]
            gone = await retention.expired(conn, share_id)
        assert {str(one.run_no): {"by": one.by, "reason": one.reason} for one in gone} == told["expired"]

        held, pinned, free, newest = sorted(points)
        refused = await files.let_go(held, pinned)
        assert refused.state is RunState.COMPLETED_WITH_ERRORS
        assert [why["restore_point"] for why in refused.report["refused"]] == [held, pinned]
        pruned = await files.prune(RetentionPolicy(keep_last=1))
        assert [one["restore_point"] for one in pruned.report["expired"]] == [free]
        swept = await files.sweep()
        assert swept.state is RunState.SUCCEEDED, swept.error
        assert swept.counters.deleted_objects > 0
        await nothing_is_damaged(files)
        await all_restore(files, {point: points[point] for point in (held, pinned, newest)})
