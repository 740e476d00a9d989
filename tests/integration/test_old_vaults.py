"""What any release has written, this one restores: a small vault of each is kept in ``tests/fixtures``."""

import json
import secrets
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest
from azure.storage.blob import BlobServiceClient

from shared.model.run import RunState
from tests.support.rebuilding import rebuild
from tests.support.share_tree import read_tree
from tests.support.vault_fixture import facts
from tests.support.world import CREDENTIAL, world

FIXTURES = sorted((Path(__file__).parents[1] / "fixtures").glob("vault-*.tar.xz"))


def test_there_is_one_of_each_version():
    assert [path.name for path in FIXTURES] == ["vault-1-notes.tar.xz", "vault-1.tar.xz"]
    assert all(path.stat().st_size < 64 * 1024 for path in FIXTURES)


@pytest.mark.parametrize("fixture", FIXTURES, ids=[path.name for path in FIXTURES])
async def test_it_is_rebuilt_and_every_restore_point_comes_back(postgres_url, azurite, files_emulator, fixture):
    with tarfile.open(fixture) as archive:
        content = {member.name: archive.extractfile(member).read() for member in archive}
    objects = {name.removeprefix("vault/"): data for name, data in content.items() if name.startswith("vault/")}
    tenant_id = next(iter(objects)).partition("/")[0]
    with BlobServiceClient.from_connection_string(azurite.connection_string) as service:
        if not service.get_container_client(tenant_id).exists():
            service.create_container(tenant_id)
        for name, data in objects.items():
            service.get_blob_client(tenant_id, name.partition("/")[2]).upload_blob(data, overwrite=True)
    share_id = int(next(iter(objects)).split("/")[1])
    async with world(postgres_url, azurite, files_emulator) as files:
        async with files.app.transaction() as conn:  # the database is that of somebody who has only the vault
            await conn.execute("DELETE FROM share")
            await conn.execute("DELETE FROM tenant")
        files.share = replace(files.share, tenant_id=tenant_id, share_id=share_id)
        run = await rebuild(files, credential=CREDENTIAL)
        assert run.state is RunState.SUCCEEDED, (run.error, run.report)
        for name, data in content.items():
            if not name.startswith("expected/"):
                continue
            target = f"restored-{secrets.token_hex(4)}"
            point = int(name.removeprefix("expected/").removesuffix(".json"))
            restore = await files.restore(point, target)
            assert restore.state is RunState.SUCCEEDED, await files.journal(restore)
            expected, found = json.loads(data), facts(read_tree(files.client(target)))
            assert {path: node for path, node in found.items() if expected.get(path) != node} == {}
            assert found.keys() == expected.keys()
