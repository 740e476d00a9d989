"""Keep a small vault as a release writes it: ``python tests/support/vault_fixture.py OUT.tar.xz``, run at that release.

For a release that does not have this file, from a checkout of it: ``PYTHONPATH=. python .../vault_fixture.py OUT.tar.xz``. It needs nothing
but what the tests of that release need. In the archive are the objects of the tenant's container, below ``vault/``, and below
``expected/`` what the share held at each restore point, by path, as JSON.
"""

import asyncio
import hashlib
import io
import json
import lzma
import sys
import tarfile
from pathlib import Path

from azure.storage.blob import ContainerClient
from azure.storage.fileshare import ContentSettings

from tests.support.services import PostgresForTests, session_stack
from tests.support.share_tree import SDDL, mkdir, put, read_tree
from tests.support.world import world

MIB = 1024 * 1024


def facts(tree):
    """A tree as :func:`tests.support.share_tree.read_tree` reads it, as JSON."""
    return {
        path: {
            "kind": node.kind,
            "content": hashlib.sha256(node.content).hexdigest(),
            "times": list(node.times),
            "attributes": node.attributes,
            "permission": node.permission,
            "metadata": node.metadata,
            "headers": [value.hex() if isinstance(value, bytes) else value for value in node.headers],
        }
        for path, node in sorted(tree.items())
    }


def first(share):
    """Something of everything, of content that compresses well."""
    keys = [share.create_permission_for_share(SDDL.format(n=n)) for n in (1001, 1002)]
    put(share, "readme.txt", b"read me", metadata={"Owner": "me"}, permission_key=keys[0])
    put(share, "empty")
    put(
        share, "d/1.bin", bytes(100_000), content_settings=ContentSettings(content_type="x/y", cache_control="no-store")
    )
    put(share, "d/chunked.bin", b"abcdefgh" * 40_000)
    put(share, "d/large.bin", b"0123456789abcdef" * (5 * MIB // 16))
    mkdir(share, "d/below/it", metadata={"made": "by hand"}, file_permission_key=keys[1])
    put(share, "d/below/it/naïve 日本.txt", b"names")
    for n in range(23):
        put(share, f"wide/f{n:02d}", b"%d" % n)
    put(share, "gone/a/f", b"gone")
    put(share, "moves/f", b"moves")


def then(share):
    """What happens before the second restore point."""
    put(share, "readme.txt", b"read me again")
    for n in range(4, 19):
        share.get_file_client(f"wide/f{n:02d}").delete_file()
    share.get_file_client("gone/a/f").delete_file()
    share.get_directory_client("gone/a").delete_directory()
    share.get_directory_client("gone").delete_directory()
    share.get_directory_client("moves").rename_directory("d/moved")
    share.get_file_client("d/1.bin").rename_file("d/one.bin")
    share.get_file_client("d/large.bin").upload_range(b"changed", offset=4 * MIB, length=7)


async def make(stack, url):
    """The vault's objects, and what is expected of each restore point."""
    async with world(url, stack.azurite, stack.files) as files:
        share, expected = files.client(), {}
        for change in (first, then):
            change(share)
            run = await files.backup()
            assert run.state == "succeeded", await files.journal(run)
            expected[run.run_no] = facts(read_tree(share))
        connection, tenant_id = files.app.settings.vault_connection, files.share.tenant_id
        with ContainerClient.from_connection_string(connection, tenant_id) as container:
            objects = {blob.name: container.download_blob(blob.name).readall() for blob in container.list_blobs()}
    return tenant_id, objects, expected


def main(out: Path) -> None:
    """Make it."""
    with session_stack() as stack:
        for service in (stack.postgres, stack.azurite, stack.files):
            service.start()
        with PostgresForTests(stack.postgres).database() as url:
            tenant_id, objects, expected = asyncio.run(make(stack, url))
    content = {f"vault/{tenant_id}/{name}": data for name, data in sorted(objects.items())}
    content |= {f"expected/{run_no}.json": json.dumps(tree).encode() for run_no, tree in expected.items()}
    with lzma.open(out, "wb") as packed, tarfile.open(fileobj=packed, mode="w") as archive:
        for name, data in content.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
