"""Large files: what is not allocated is never read, what did not change is not read again, and what comes back is the file."""

import asyncio
import secrets
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import replace

import pytest

from shared.adapters.files_reader import FilesReader
from shared.core import xorhash
from shared.core.hashing import ShareHasher
from shared.core.rounds import RoundState
from shared.formats import content_list, envelope, flat, segment
from shared.model.content import CHUNK_BYTES, HOLE
from shared.model.objects import node_object_name
from shared.model.run import RunState
from shared.model.tickets import RunTicket
from shared.usecases import save_large
from shared.usecases.backup_directories import backup_directories
from tests.support.memory import peak_mib
from tests.support.share_tree import service
from tests.support.vault_check import objects, verify_references
from tests.support.world import world

MIB = 1024 * 1024
GIB = 1024 * MIB


@pytest.fixture
async def files(postgres_url, azurite, files_emulator):
    async with world(postgres_url, azurite, files_emulator) as found:
        yield found


def sparse(share, path, size, pieces=()):
    """Make a file of ``size`` bytes with content at ``(offset, bytes)`` only."""
    client = share.get_file_client(path)
    client.create_file(size)
    for offset, data in pieces:
        client.upload_range(data, offset, len(data))
    return client


def noise(length):
    return secrets.token_bytes(length)


def same_content(one, other, path):
    """Compare a file of two shares where either has anything; elsewhere both are zeros."""
    clients = [share.get_file_client(path) for share in (one, other)]
    sizes = {client.get_file_properties().size for client in clients}
    ranges = [(r.start, r.end + 1) for client in clients for r in client.list_ranges()]
    assert len(sizes) == 1
    for start, end in ranges:
        bodies = {client.download_file(start, end - start).readall() for client in clients}
        if len(bodies) != 1:
            return False
    return True


async def backed_up(files, state=RunState.SUCCEEDED):
    run = await files.backup()
    assert (run.state, run.error) == (state, None), await files.journal(run)
    await verify_references(files, run.run_no)
    return run


async def assert_restores(files, run, *paths):
    """What was backed up comes back, compared through the SDK with the live share."""
    target = f"restored-{secrets.token_hex(4)}"
    restore = await files.restore(run.run_no, target)
    assert restore.state is RunState.SUCCEEDED, await files.journal(restore)
    for path in paths:
        assert same_content(files.client(target), files.client(), path), path
    files.client(target).delete_share()


@contextmanager
def requests(files):
    """What the emulator was asked for meanwhile, by operation."""
    told = Counter()
    before = files.control.counters(files.share.share_name)["operations"]
    yield told
    for name, now in files.control.counters(files.share.share_name)["operations"].items():
        told[name] = now["requests"] - before.get(name, {"requests": 0})["requests"]


def our_snapshots(files):
    listed = service(files.emulator).list_shares(
        name_starts_with=files.share.share_name, include_snapshots=True, include_metadata=True
    )
    return [s.snapshot for s in listed if s.snapshot and "afbrun" in (s.metadata or {})]


async def manifest_entry(files, run, name):
    """The saved entry of a file in the newest segments of a run, and its content list."""
    stored = await objects(files)
    found = [
        saved
        for key, data in stored.items()
        if f"/segment/{run.run_no}/" in key
        for _, _, record in segment.read(data)
        for saved in record.entries
        if saved.entry.name == name
    ]
    saved = found[-1]
    listed = content_list.decode(
        stored[node_object_name(files.share.share_id, saved.content.node_id, saved.content.run_no)]
    )
    return saved, listed


# ---------------------------------------------------------------------------------------------------------------------
# What is allocated


async def test_only_what_is_allocated_is_read(files):
    share = files.client()
    pieces = [(0, noise(4096)), (300 * MIB + 512, noise(100)), (GIB - 1000, noise(1000))]
    sparse(share, "disk.vhdx", GIB, pieces)
    with requests(files) as told:
        run = await backed_up(files)
    assert (told["file_download"], told["file_get_range_list"]) == (3, 1)
    assert run.counters.read_bytes == 3 * CHUNK_BYTES
    assert run.counters.vault_chunk_writes == 3
    saved, listed = await manifest_entry(files, run, "disk.vhdx")
    assert listed.chunks.stretches == ((0, 1), (75, 1), (255, 1))
    assert saved.quickxor == xorhash.finish(xorhash.combine(xorhash.state(d, at) for at, d in pieces), GIB)
    await assert_restores(files, run, "disk.vhdx")


async def test_a_sparse_file_of_the_largest_size_takes_seconds_and_little_memory(files):
    share = files.client()
    size = 4 << 40
    pieces = [(0, noise(512)), (2 << 40, noise(4 * MIB)), (size - 512, noise(512))]
    sparse(share, "huge.img", size, pieces)
    started, before = time.monotonic(), peak_mib()
    run = await backed_up(files)
    assert time.monotonic() - started < 10
    assert peak_mib() - before < 100
    assert run.counters.read_bytes == 3 * CHUNK_BYTES
    saved, listed = await manifest_entry(files, run, "huge.img")
    assert (listed.size_bytes, listed.chunks.count) == (size, 1 << 20)
    assert listed.chunks.stretches == ((0, 1), (1 << 19, 1), ((1 << 20) - 1, 1))
    hasher = ShareHasher(files.share.tenant_id, files.share.share_id)
    digests = [HOLE] * (1 << 20)
    for at, data in pieces:
        place, start = divmod(at, CHUNK_BYTES)
        digests[place] = hasher.digest(bytes(start) + data + bytes(CHUNK_BYTES - start - len(data)))
    assert saved.digest == listed.digest == hasher.digest_of_chunks(digests)
    await assert_restores(files, run, "huge.img")


async def test_a_file_without_any_content_needs_no_span(files):
    sparse(files.client(), "empty.img", 100 * MIB)
    with requests(files) as told:
        run = await backed_up(files)
    assert (told["file_download"], run.counters.read_bytes, run.counters.vault_chunk_writes) == (0, 0, 0)
    await assert_restores(files, run, "empty.img")


async def test_zeros_that_were_written_are_holes_in_the_vault(files):
    sparse(files.client(), "zeros.img", 100 * MIB, [(0, bytes(4 * MIB)), (50 * MIB, b"x")])
    run = await backed_up(files)
    _, listed = await manifest_entry(files, run, "zeros.img")
    assert listed.chunks.stretches == ((12, 1),)
    assert run.counters.vault_chunk_writes == 1
    await assert_restores(files, run, "zeros.img")


async def test_a_service_that_will_not_say_what_is_allocated_is_asked_for_everything(files):
    sparse(files.client(), "disk.img", 40 * MIB, [(5 * MIB, noise(1000))])
    with files.control.faults({"operation": "file_get_range_list", "status": 400, "code": "InvalidInput"}):
        run = await backed_up(files)
    assert run.counters.read_bytes == 40 * MIB
    assert run.counters.vault_chunk_writes == 1
    await assert_restores(files, run, "disk.img")


# ---------------------------------------------------------------------------------------------------------------------
# What changed


PAGE = 4096


@pytest.fixture
async def disk(files):
    """A disk of 1 GiB with content in 10 chunks, backed up once."""
    share = files.client()
    share.get_directory_client("profile").create_directory()
    client = sparse(share, "profile/disk.vhdx", GIB, [(n * 6 * MIB + 7 * 512, noise(PAGE)) for n in range(10)])
    await backed_up(files)
    assert len(our_snapshots(files)) == 1
    return client


async def test_of_a_gigabyte_with_one_changed_page_four_megabytes_are_read(files, disk):
    written = disk.get_file_properties().last_write_time
    disk.upload_range(noise(PAGE), 600 * MIB, PAGE, file_last_write_mode="preserve")
    assert disk.get_file_properties().last_write_time == written  # as a mounted disk image has it
    with requests(files) as told:
        run = await backed_up(files)
    assert run.counters.read_bytes == CHUNK_BYTES
    assert (told["file_download"], told["file_get_range_list"]) == (1, 1)
    assert run.counters.changed_bytes == GIB
    saved, _ = await manifest_entry(files, run, "disk.vhdx")
    assert saved.quickxor == quickxor_of(disk)
    await assert_restores(files, run, "profile/disk.vhdx")
    assert len(our_snapshots(files)) == 1


def quickxor_of(client):
    """QuickXorHash of a sparse file, from its ranges."""
    states = [
        xorhash.state(client.download_file(r.start, r.end + 1 - r.start).readall(), r.start)
        for r in client.list_ranges()
    ]
    return xorhash.finish(xorhash.combine(states), client.get_file_properties().size)


def rewrite(client):
    client.upload_range(noise(PAGE), 12 * MIB, PAGE)
    client.upload_range(noise(PAGE), 12 * MIB + 8 * PAGE, PAGE)
    client.upload_range(noise(PAGE), 16 * MIB - 512, PAGE)  # across the edge of a chunk
    return 2


def clear(client):
    client.clear_range(0, 4 * MIB)  # a whole chunk: a hole
    client.clear_range(6 * MIB, 512 * 100)  # part of one
    return 1


def grow(client):
    client.resize_file(GIB + 100 * MIB + 77)
    client.upload_range(noise(77), GIB + 100 * MIB, 77)
    return 1


def shrink(client):
    client.resize_file(200 * MIB + 77)
    return 1  # its last chunk is another


def shrink_and_grow(client):
    client.resize_file(31 * MIB)
    client.resize_file(GIB)
    return  # whether what was lost is told as cleared or written is the service's affair


def describe(client):
    client.set_file_metadata({"owner": "somebody"})
    return 0


CHANGES = [rewrite, clear, grow, shrink, shrink_and_grow, describe]


@pytest.mark.parametrize("change", CHANGES)
async def test_only_the_chunks_that_changed_are_read(files, disk, change):
    for _ in range(2):  # on top of a full read, and on top of a diff
        chunks = change(disk)
        run = await backed_up(files)
        if chunks is not None:
            assert run.counters.read_bytes <= chunks * CHUNK_BYTES
            assert (run.counters.read_bytes == 0) == (chunks == 0)
        saved, listed = await manifest_entry(files, run, "disk.vhdx")
        assert saved.quickxor == quickxor_of(disk)
        assert listed.chunks.has_states
        await assert_restores(files, run, "profile/disk.vhdx")
        if change in (grow, shrink):
            break
    await files.nothing_is_damaged()


async def test_a_file_whose_last_chunk_was_short_and_that_grew_is_right(files):
    client = sparse(files.client(), "log.bin", 10 * MIB + 100, [(0, noise(4 * MIB)), (8 * MIB, noise(2 * MIB + 100))])
    await backed_up(files)
    client.resize_file(11 * MIB)
    run = await backed_up(files)
    assert run.counters.read_bytes == 3 * MIB  # the last chunk, for its length
    assert (await manifest_entry(files, run, "log.bin"))[0].quickxor == quickxor_of(client)
    await assert_restores(files, run, "log.bin")
    client.resize_file(9 * MIB + 1)
    run = await backed_up(files)
    assert run.counters.read_bytes == MIB + 1
    await assert_restores(files, run, "log.bin")


async def test_a_renamed_file_is_read_where_it_changed(files, disk):
    disk.upload_range(noise(PAGE), 0, PAGE)
    moved = disk.rename_file("profile/renamed.vhdx")
    run = await backed_up(files)
    assert run.counters.read_bytes == CHUNK_BYTES
    moved.upload_range(noise(PAGE), 0, PAGE)
    run = await backed_up(files)
    assert run.counters.read_bytes == CHUNK_BYTES
    await assert_restores(files, run, "profile/renamed.vhdx")


def replace_by_new(files, client):
    client.delete_file()
    sparse(files.client(), "profile/disk.vhdx", GIB, [(0, noise(PAGE)), (500 * MIB, noise(PAGE))])


def overwrite_by_copy(files, client):
    other = sparse(files.client(), "other.vhdx", GIB, [(0, noise(PAGE)), (500 * MIB, noise(PAGE))])
    client.start_copy_from_url(other.url)
    other.delete_file()


def delete_base(files, client):
    client.resize_file(GIB - 7)
    client.clear_range(0, 100 * MIB)
    client.upload_range(noise(PAGE), 0, PAGE)
    client.upload_range(noise(PAGE), 500 * MIB, PAGE)
    for snapshot in our_snapshots(files):
        files.client(snapshot=snapshot).delete_share()


@pytest.mark.parametrize("change", [replace_by_new, overwrite_by_copy, delete_base])
async def test_what_cannot_be_compared_is_read_whole_where_it_is_allocated(files, disk, change):
    change(files, disk)
    run = await backed_up(files)
    assert run.counters.read_bytes == 2 * CHUNK_BYTES
    await assert_restores(files, run, "profile/disk.vhdx")


async def test_a_base_that_is_deleted_while_the_run_reads_leads_to_a_full_read(files, disk):
    disk.upload_range(noise(PAGE), 0, PAGE)
    (base,) = our_snapshots(files)
    run = await files.queue_backup()
    state = await files.step(run, RoundState(run.run_id, 1))
    assert set(our_snapshots(files)) > {base}
    files.client(snapshot=base).delete_share()
    run = await files.drive_on(run, state)
    assert run.state is RunState.SUCCEEDED
    assert run.counters.read_bytes > CHUNK_BYTES
    await assert_restores(files, run, "profile/disk.vhdx")


async def test_a_diff_is_trusted_only_if_its_base_has_the_version_that_was_saved(files, disk):
    """The run in between could not look at the file. What changed before its snapshot is in no diff since that snapshot."""
    sparse(files.client(), "another large file.bin", 5 * MIB)
    await backed_up(files)
    disk.upload_range(noise(PAGE), 100 * MIB, PAGE)
    rule = {"operation": "directory_list", "path": "profile", "status": 409, "code": "SharingViolation"}
    with files.control.faults(rule):
        blind = await files.backup()
    assert blind.state is RunState.COMPLETED_WITH_ERRORS
    assert (await files.app.catalogue.last_restore_point(files.share.share_id)).share_snapshot == blind.share_snapshot
    disk.upload_range(noise(PAGE), 200 * MIB, PAGE)
    run = await backed_up(files)
    assert run.counters.read_bytes > 2 * CHUNK_BYTES
    await assert_restores(files, run, "profile/disk.vhdx")


async def test_a_version_that_could_not_be_read_is_no_base(files, disk):
    disk.upload_range(noise(PAGE), 100 * MIB, PAGE)
    rule = {"operation": "file_download", "path": "disk.vhdx", "status": 400, "code": "InvalidInput"}
    with files.control.faults(rule):
        stale = await files.backup()
    assert stale.state is RunState.COMPLETED_WITH_ERRORS
    run = await backed_up(files)
    assert run.counters.read_bytes > CHUNK_BYTES
    await assert_restores(files, run, "profile/disk.vhdx")


async def test_a_list_of_the_version_before_is_read_restored_and_replaced_by_a_full_read(files, disk, monkeypatch):
    """Lists of version 1 know no states of their chunks: nothing can be built on them, but they are content all the same."""

    def old(content):
        digests = b"".join(content.chunks.joined())
        fields = [flat.u64(content.node_id), flat.u32(content.run_no), flat.u64(content.size_bytes)]
        buffer = flat.table(b"AFBL", [*fields, flat.octets(content.digest), flat.octets(digests)])
        return envelope.seal(b"AFBL", 1, buffer)

    disk.upload_range(noise(PAGE), 0, PAGE)
    with monkeypatch.context() as patched:
        patched.setattr("shared.usecases.save_large.content_list.encode", old)
        run = await backed_up(files)
    assert not (await manifest_entry(files, run, "disk.vhdx"))[1].chunks.has_states
    await assert_restores(files, run, "profile/disk.vhdx")
    for full in (True, False):
        disk.upload_range(noise(PAGE), 0, PAGE)
        run = await backed_up(files)
        assert (run.counters.read_bytes > CHUNK_BYTES) is full
        await assert_restores(files, run, "profile/disk.vhdx")


async def test_spans_of_one_file_are_read_by_many_workers_at_once(files):
    files.app.limits = replace(files.app.limits, span_bytes=2 * CHUNK_BYTES)
    sparse(files.client(), "wide.img", 200 * MIB, [(n * 8 * MIB, noise(512)) for n in range(24)])
    run = await files.queue_backup()
    state = await files.step(run, RoundState(run.run_id, 1))

    async def work(n):
        async with files.app.run_scope(run.run_id) as scope:
            return await backup_directories(RunTicket(run_id=run.run_id, worker=f"worker-{n}"), scope)

    receipts = await asyncio.gather(*(work(n) for n in range(4)))
    assert sum(receipt.batches > 1 for receipt in receipts) >= 3, "one worker did it all"
    run = await files.drive_on(run, state.after(receipts))
    assert run.state is RunState.SUCCEEDED
    assert run.counters.read_bytes == 24 * CHUNK_BYTES
    assert run.counters.vault_chunk_writes == 24
    await assert_restores(files, run, "wide.img")


async def test_a_span_has_four_chunks_in_memory_at_once(files, monkeypatch):
    """However many it has to read."""
    sparse(files.client(), "dense.img", 48 * MIB, [(n * 4 * MIB, noise(4 * MIB)) for n in range(12)])
    under_way = most = 0
    read, put = FilesReader.read_range, save_large.save_chunk

    async def counted_read(*args):
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        return await read(*args)

    async def counted_save(*args):
        nonlocal under_way
        try:
            return await put(*args)
        finally:
            under_way -= 1

    monkeypatch.setattr(FilesReader, "read_range", counted_read)
    monkeypatch.setattr(save_large, "save_chunk", counted_save)
    run = await backed_up(files)
    assert run.counters.read_bytes == 48 * MIB
    assert 2 <= most <= 4
