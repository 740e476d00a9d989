"""Check a vault against DESIGN 6 without the code that wrote it: what refers to what, and whether it is there."""

from azure.storage.blob import ContainerClient

from shared.formats import chunk, content_list, manifest, point, segment
from shared.model.content import HOLE, ContentKind
from shared.model.objects import bundle_name, chunk_name, node_object_name, permission_name, point_name, segment_name


def stored_objects(connection, tenant_id, share_id):
    """Every object of a share with its bytes, read through the SDK."""
    with ContainerClient.from_connection_string(connection, tenant_id) as container:
        names = [blob.name for blob in container.list_blobs(name_starts_with=f"{share_id}/")]
        return {name: container.download_blob(name).readall() for name in names}


async def objects(files):
    """The same for the share of a test's world."""
    return stored_objects(files.app.settings.vault_connection, files.share.tenant_id, files.share.share_id)


def references(share_id, stored, run_no):
    """Names of everything that the restore points up to ``run_no`` reach through their segments."""
    reached = set()
    number = run_no
    while number is not None:
        name = point_name(share_id, number)
        record = point.decode(stored[name])
        reached.add(name)
        if record.root.permission_key:
            reached.add(permission_name(share_id, record.root.permission_key))
        for segment_run, batch_no in record.segments:
            reached |= _of_segment(share_id, stored, segment_name(share_id, segment_run, batch_no))
        number = record.previous_run_no
    return reached


def _of_segment(share_id, stored, name):
    reached = {name}
    for offset, length, record in segment.read(stored[name]):
        assert manifest.decode(stored[name][offset : offset + length]) == record
        for saved in record.entries:
            if saved.entry.permission_key:
                reached.add(permission_name(share_id, saved.entry.permission_key))
            content = saved.content
            if content.kind is ContentKind.BUNDLED:
                reached.add(bundle_name(share_id, content.run_no, content.batch_no, content.part))
            elif content.kind in (ContentKind.PLAIN, ContentKind.LISTED):
                reached.add(node_object_name(share_id, content.node_id, content.run_no))
            digests = content.chunks
            if content.kind is ContentKind.LISTED:
                listed = content_list.decode(stored[node_object_name(share_id, content.node_id, content.run_no)])
                digests = [digest for _, digest in listed.chunks.chunks()]
            reached |= {chunk_name(share_id, d) for d in digests if d != HOLE}
    return reached


async def verify_references(files, run_no):
    """Everything a restore point refers to exists, and chunks are what their names say."""
    stored = await objects(files)
    reached = references(files.share.share_id, stored, run_no)
    assert reached <= stored.keys(), sorted(reached - stored.keys())
    for name in reached:
        if "/chunk/" in name:
            chunk.decode(stored[name])


async def unreferenced(files):
    """Objects that no restore point refers to, and that are not there to be read by people."""
    async with files.app.transaction() as conn:
        row = await (
            await conn.execute("SELECT max(run_no) FROM restore_point WHERE share_id = %s", [files.share.share_id])
        ).fetchone()
    stored = await objects(files)
    told = {name for name in stored if name.split("/")[1] == "restore"}  # reports
    return stored.keys() - references(files.share.share_id, stored, row[0]) - told
