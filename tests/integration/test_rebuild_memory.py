"""However large a share is, and however large a segment, a worker that rebuilds its catalogue takes the same memory."""

import asyncio
import datetime as dt
import secrets
from contextlib import suppress

import pytest
from azure.storage.blob import ContainerClient

from benchmarks.usage import rss_mib
from shared.core import history
from shared.formats import point
from shared.formats.segment import SegmentWriter
from shared.model.content import Content, ContentKind
from shared.model.entry import Entry
from shared.model.manifest import ManifestRef, PageRecord, SavedEntry
from shared.model.node import ROOT_ID, directory_id, file_node_id
from shared.model.note import note_of
from shared.model.objects import point_name, segment_name
from shared.model.page import FileRow, Page
from shared.model.point import PointRecord, RootProperties
from shared.model.ticks import UNIX_EPOCH
from tests.support.workers import workers
from tests.support.world import world

FILES = 12
MOMENT = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


def entry(name, number, *, is_directory=False):
    at = UNIX_EPOCH + 17_000_000_000_000_000 + number
    return Entry(name, is_directory, number, 0 if is_directory else 8192 + number % 999, at, at, at, at, at, 32, "1*2")


def record(run_no, node_id, entries):
    depth, ancestors = history.extend(None, None)
    return PageRecord(node_id, 0, run_no, depth, ancestors, tuple(entries))


def file(node_id, number):
    content = Content(ContentKind.BUNDLED, 1, 1, 0, 0, number, 4000)
    digest = number.to_bytes(8, "big") * 4
    return SavedEntry(entry(f"some file {number:09d}.bin", number), node_id, 1, content, digest, digest[:20])


def vault_of(share_id, tenant_id, sizes):
    """A vault in which segment ``n`` has ``sizes[n]`` directories below the root: names of objects and their bytes."""
    numbers = iter(range(2, 1 << 30))
    top = []
    for batch_no, count in enumerate(sizes, start=2):
        segment = SegmentWriter()
        for number in (next(numbers) for _ in range(count)):
            node_id = directory_id(number)
            saved = [file(file_node_id(node_id, slot), number * 16 + slot) for slot in range(1, FILES + 1)]
            place = segment.add(record(1, node_id, saved))
            rows = tuple(FileRow(s.entry.name, s.node_id & 0xFFFFFF, 1, 1, 1) for s in saved)
            ref = ManifestRef(1, batch_no, *place)
            page = Page(
                directory_id=node_id, name="", fingerprint=number, manifest=ref, next_slot=FILES + 1, files=rows
            )
            segment.note(note_of(page, 1, batch_no))
            top.append(
                SavedEntry(entry(f"d{number:09d}", number, is_directory=True), node_id, 1, Content(ContentKind.NONE))
            )
        yield segment_name(share_id, 1, batch_no), segment.finish()
    segment = SegmentWriter()
    place = segment.add(record(1, ROOT_ID, top))
    segment.note(note_of(Page(directory_id=ROOT_ID, name="", manifest=ManifestRef(1, 1, *place)), 1, 1))
    yield segment_name(share_id, 1, 1), segment.finish()
    yield (
        point_name(share_id, 1),
        point.encode(
            PointRecord(
                tenant_id=tenant_id,
                share_id=share_id,
                run_no=1,
                taken_at=MOMENT,
                committed_at=MOMENT,
                account_url="https://acme.file.core.windows.net",
                share_name="files",
                share_snapshot="",
                share_properties={},
                root=RootProperties(created=0, written=UNIX_EPOCH, changed=0, attributes=16, permission_key=""),
                directories=sum(sizes) + 1,
                files=sum(sizes) * FILES,
                bytes=1,
                errors=0,
                previous_run_no=None,
                segments=tuple((1, n) for n in range(1, len(sizes) + 2)),
            )
        ),
    )


async def peak_of(files, sizes):
    """The most memory that the one worker had which rebuilt such a share."""
    tenant_id, share_id = f"t{secrets.token_hex(8)}", int(secrets.token_hex(3), 16) + 10
    with ContainerClient.from_connection_string(files.app.settings.vault_connection, tenant_id) as vault:
        vault.create_container()
        for name, data in vault_of(share_id, tenant_id, sizes):
            vault.upload_blob(name, data)
    peak = 0.0
    with workers(files) as processes:
        worker = await processes.start("--rebuild", tenant_id, "--until-idle")
        while worker.process.returncode is None:
            with suppress(OSError, ProcessLookupError):
                peak = rss_mib(worker.process.pid, peak=True)
            await asyncio.sleep(0.02)
        assert await worker.left() == 0
    async with files.app.transaction() as conn:
        query = "SELECT state, error, report FROM run WHERE share_id = %s AND kind = 'rebuild'"
        state, error, told = await (await conn.execute(query, [share_id])).fetchone()
    assert (state, error) == ("succeeded", None)
    assert (told["files"], told["lost"]) == (sum(sizes) * FILES, [])
    return peak


@pytest.mark.torture
@pytest.mark.timeout(600)
async def test_memory_depends_neither_on_the_number_of_segments_nor_on_their_size(
    postgres_url, azurite, files_emulator
):
    async with world(postgres_url, azurite, files_emulator) as files:
        few = await peak_of(files, [1_000] * 3)
        many = await peak_of(files, [1_000] * 15)
        large = await peak_of(files, [15_000])  # one segment of 20 MiB: a piece is a fifth of it
        assert many < few + 40, (few, many, large)
        assert large < few + 40, (few, many, large)
        assert max(few, many, large) < 250
