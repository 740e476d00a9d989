"""Keep a small vault as a release writes it: ``python tests/support/vault_fixture.py OUT.tar.xz [kept]``, run at that release.

For a release that does not have this file, from a checkout of it: ``PYTHONPATH=. python .../vault_fixture.py OUT.tar.xz``. It needs nothing
but what the tests of that release need. In the archive are the objects of the tenant's container, below ``vault/``, and below
``expected/`` what the share held at each restore point that is left, by path, as JSON.

With ``kept`` the share has been lived with: restore points were pinned, held, let go and swept. ``expected/retention.json`` is what was said about
each restore point, and which are gone: ``{"said": {run_no: {"pin": ..., "hold": ...}}, "expired": {run_no: {"by", "reason"}}}``.
"""

import asyncio
import datetime as dt
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


async def plain(files):
    """Two restore points."""
    return await backups(files, first, then)


async def backups(files, *changes):
    """What the share holds after each change, by the restore point that shows it."""
    share, expected = files.client(), {}
    for change in changes:
        change(share)
        run = await files.backup()
        assert run.state == "succeeded", await files.journal(run)
        expected[run.run_no] = facts(read_tree(share))
    return expected


def more(n):
    """The ``n``-th change of a share that goes on: some files are new, some are other ones, one is gone."""

    def change(share):
        put(share, f"d/{n}.txt", b"%d" % n)
        put(share, "readme.txt", b"read me for the %d. time" % n, metadata={"Time": str(n)})
        put(share, f"grows/{n % 3}.bin", bytes([n]) * 90_000)
        share.get_file_client("d/large.bin").upload_range(b"%07d" % n, offset=(n % 2) * 4 * MIB, length=7)
        if n > 3:
            share.get_file_client(f"d/{n - 1}.txt").delete_file()

    return change


FOR_GOOD = dt.datetime(2200, 1, 1, tzinfo=dt.UTC)


async def kept(files):
    """Eight restore points: the first is held, the second pinned, a pin and a hold of the third were taken back; the third to the
    fifth were let go and swept, the sixth was let go since and is not swept yet.
    """
    from shared.db import retention
    from shared.model.retention import KeepKind
    from shared.usecases.keep_point import keep_point

    app, share_id = files.app, files.share.share_id

    async def say(run_no, kind, reason, until=None):
        vault = app.vault(files.share.tenant_id)
        await keep_point(app.retentions, vault, app.clock, share_id, run_no, kind, by="jo", reason=reason, until=until)

    points = await backups(files, first, then, *map(more, range(3, 7)))
    one, two, three, four, five, six = sorted(points)
    await say(one, KeepKind.HOLD, "matter 4711")
    await say(two, KeepKind.PIN, "at first for a while", until=FOR_GOOD)
    await say(two, KeepKind.PIN, "for good")
    await say(three, KeepKind.PIN, "by mistake")
    await say(three, KeepKind.UNPIN, "it was a mistake")
    await say(three, KeepKind.HOLD, "matter 4712")
    await say(three, KeepKind.RELEASE, "settled")
    gone = await files.let_go(three, four, five)
    assert (gone.state, gone.counters.expired_points) == ("succeeded", 3)
    swept = await files.sweep()
    assert swept.state == "succeeded", swept.error
    assert swept.counters.deleted_objects > 0
    points |= await backups(files, more(7), more(8))
    await say(max(points), KeepKind.PIN, "until then", until=FOR_GOOD)
    gone = await files.let_go(six)
    assert (gone.state, gone.counters.expired_points) == ("succeeded", 1)
    left = {no: tree for no, tree in points.items() if no not in (three, four, five, six)}
    async with app.transaction() as conn:
        said = {no: said_facts((await retention.said(conn, share_id, no))[0]) for no in left}
        expired = {one.run_no: {"by": one.by, "reason": one.reason} for one in await retention.expired(conn, share_id)}
    return left | {"retention": {"said": said, "expired": expired}}


def said_facts(said):
    """What was said about a restore point, as JSON."""
    pin, hold = said.pin, said.hold
    until = pin and pin.until and pin.until.isoformat()
    return {
        "pin": pin and {"by": pin.by, "reason": pin.reason, "at": pin.at.isoformat(), "until": until},
        "hold": hold and {"by": hold.by, "reason": hold.reason, "at": hold.at.isoformat()},
    }


async def make(stack, url, live):
    """The vault's objects, and what is expected of each restore point."""
    async with world(url, stack.azurite, stack.files) as files:
        expected = await live(files)
        connection, tenant_id = files.app.settings.vault_connection, files.share.tenant_id
        with ContainerClient.from_connection_string(connection, tenant_id) as container:
            objects = {blob.name: container.download_blob(blob.name).readall() for blob in container.list_blobs()}
    return tenant_id, objects, expected


def main(out: Path, live=plain) -> None:
    """Make it."""
    with session_stack() as stack:
        for service in (stack.postgres, stack.azurite, stack.files):
            service.start()
        with PostgresForTests(stack.postgres).database() as url:
            tenant_id, objects, expected = asyncio.run(make(stack, url, live))
    content = {f"vault/{tenant_id}/{name}": data for name, data in sorted(objects.items())}
    content |= {f"expected/{name}.json": json.dumps(told).encode() for name, told in expected.items()}
    with lzma.open(out, "wb") as packed, tarfile.open(fileobj=packed, mode="w") as archive:
        for name, data in content.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))


if __name__ == "__main__":
    main(Path(sys.argv[1]), kept if "kept" in sys.argv[2:] else plain)
