"""Downloads: what unzip, zipfile, tarfile and GNU tar read is what was saved, and nothing is missing without being named."""

import asyncio
import datetime as dt
import io
import re
import secrets
import subprocess
import sys
import tarfile
import zipfile
from contextlib import aclosing

import pytest
from azure.storage.blob import ContainerClient

from shared import wiring
from shared.core.hashing import ShareHasher
from shared.db import shares
from shared.errors import IntegrityError, InvalidInput, NotFound
from shared.formats.tar_stream import TarWriter
from shared.formats.zip_stream import ZipWriter
from shared.model.restore import Change, Selection
from shared.settings import Settings
from shared.usecases.download import NOT_DOWNLOADED, Download
from shared.usecases.download_file import open_file
from shared.usecases.download_walk import Source
from shared.usecases.scope import Limits
from tests.integration.test_large_files import MIB, sparse
from tests.support import nfs_tree
from tests.support.memory import peak_mib
from tests.support.share_tree import fill, put, read_tree
from tests.support.world import world

FORMATS = {"zip": ZipWriter, "tar": TarWriter}


@pytest.fixture
async def files(postgres_url, azurite, files_emulator):
    async with world(postgres_url, azurite, files_emulator) as found:
        yield found
        found.control.clear()


def source(files):
    share = files.share
    hasher = ShareHasher(share.tenant_id, share.share_id)
    return Source(share, files.app.catalogue, files.app.vault(share.tenant_id), hasher)


async def download(files, run, form, path=None, **selection):
    """An archive, in memory or at ``path``."""
    made = Download(source(files), run.run_no, Selection(**selection), FORMATS[form]())
    await made.begin()
    into = io.BytesIO() if path is None else path.open("wb")
    async with aclosing(made.stream()) as blocks:
        async for block in blocks:
            into.write(block)
    if path is not None:
        into.close()
        return path
    return into.getvalue()


def contents(data, form):
    """Content by path as the standard library reads it; None for a directory."""
    if form == "zip":
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return {i.filename.rstrip("/"): None if i.is_dir() else archive.read(i) for i in archive.infolist()}
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        return {m.name: archive.extractfile(m).read() if m.isfile() else None for m in archive}


def expected_of(tree):
    return {path: node.content if node.kind == "file" else None for path, node in tree.items()}


def told(data, form, name=NOT_DOWNLOADED):
    return contents(data, form)[name].decode().splitlines()[2:]


def container(files):
    return ContainerClient.from_connection_string(files.app.settings.vault_connection, files.share.tenant_id)


def spoil(files, mark):
    """Damage every object with ``mark`` in its name, behind the product's back."""
    with container(files) as vault:
        names = [b.name for b in vault.list_blobs() if mark in b.name]
        for name in names:
            data = bytearray(vault.download_blob(name).readall())
            data[len(data) // 2] ^= 1
            vault.upload_blob(name, bytes(data), overwrite=True)
    return names


def run_tool(*command, cwd=None):
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, env={"LC_ALL": "C.UTF-8", "TZ": "UTC"})
    return done.returncode, done.stdout + done.stderr


# ------------------------------------------------------------------------------------------------------- what is in it


@pytest.mark.parametrize("form", FORMATS)
async def test_an_archive_has_what_the_share_had(files, form):
    fill(files.client())
    sparse(files.client(), "media/disk.img", 40 * MIB + 5, [(9 * MIB, secrets.token_bytes(1000)), (40 * MIB, b"end!!")])
    run, before = await files.backup(), read_tree(files.client())
    data = await download(files, run, form)
    assert contents(data, form) == expected_of(before)
    assert await download(files, run, form) == data, "the same again is the same bytes"


async def test_the_times_of_a_tar_are_kept_to_100_ns_and_read_only_files_are_not_writable(files):
    fill(files.client())
    run, before = await files.backup(), read_tree(files.client())
    with tarfile.open(fileobj=io.BytesIO(await download(files, run, "tar"))) as archive:
        for member in archive:
            written = dt.datetime.fromisoformat(before[member.name].times[1])
            assert abs(member.mtime - written.timestamp()) < 1e-6, member.name
            read_only = "ReadOnly" in before[member.name].attributes
            assert member.mode == (0o755 if member.isdir() else 0o444 if read_only else 0o644)
        song = archive.getmember("media/song.wav")
        assert song.pax_headers["mtime"] == "981173106.7890123"


async def test_the_times_of_a_zip_are_kept_to_100_ns_in_its_ntfs_field(files):
    fill(files.client())
    run = await files.backup()
    with zipfile.ZipFile(io.BytesIO(await download(files, run, "zip"))) as archive:
        song = archive.getinfo("media/song.wav")
        at = song.extra.index(b"\x0a\x00\x20\x00") + 12
        since_1601 = int.from_bytes(song.extra[at : at + 8], "little")
        assert since_1601 == (981173106 + 11644473600) * 10**7 + 7890123
        assert song.date_time == (2001, 2, 3, 4, 5, 6)
        locked = archive.getinfo("docs/reports/locked.bin")
        assert locked.external_attr & 0x27 == 0x23
        assert locked.external_attr >> 16 == 0o100444


@pytest.mark.parametrize("form", FORMATS)
async def test_the_usual_tools_read_it_names_of_any_kind_and_length_too(files, form, tmp_path):
    share = files.client()
    fill(share)
    put(share, "n" * 255, b"long")
    put(share, "ü" * 120 + "/" + "日" * 80 + "/ß.txt", b"unicode")
    put(share, "/".join(f"level {n:02d}" for n in range(60)) + "/deep.txt", b"deep")
    put(share, "old.txt", b"old", file_last_write_time="1601-02-03T04:05:06.7000000Z")
    run, before = await files.backup(), expected_of(read_tree(files.client()))
    archive = await download(files, run, form, tmp_path / f"a.{form}")
    out = tmp_path / "out"
    out.mkdir()
    if form == "zip":
        assert run_tool("unzip", "-tq", str(archive))[0] == 0
        code, said = run_tool("unzip", "-q", str(archive), "-d", str(out))
    else:
        code, said = run_tool("tar", "-xf", str(archive), "-C", str(out))
        said = re.sub(r"tar: old.txt: implausibly old time stamp 1601-02-03 .*\n", "", said)
    assert (code, said) == (0, "")
    found = {str(p.relative_to(out)): None if p.is_dir() else p.read_bytes() for p in out.rglob("*")}
    assert found == before
    song = (out / "media/song.wav").stat()
    assert int(song.st_mtime) == 981173106
    assert form == "zip" or song.st_mtime_ns == 981173106_789012300


async def test_what_is_selected_is_what_a_restore_of_that_selection_writes(files):
    fill(files.client())
    run = await files.backup()
    put(files.client(), "docs/reports/report 03.csv", b"changed since")
    files.client().get_file_client("deep/level0/leaf.txt").delete_file()
    later = await files.backup()
    for n, selection in enumerate(
        (
            {"paths": ("docs/日本語", "DOCS/Reports/report 04.csv", "deep/level0/level1")},
            {"extensions": (".CSV",), "exclude": ("report 01.*",)},
            {"include": ("docs/**/*.txt", "LEAF.txt")},
            {"written_before": dt.datetime(2010, 1, 1, tzinfo=dt.UTC)},
            {"compared_with": later.run_no, "changes": (Change.CHANGED, Change.DELETED)},
            {"paths": ("docs/reports/report 03.csv",), "extensions": (".txt",)},
        )
    ):
        name = f"target-{secrets.token_hex(4)}"
        await files.restore(run.run_no, name, selection=Selection(**selection))
        wanted = {path: c for path, c in expected_of(read_tree(files.client(name))).items() if c is not None}
        for form in FORMATS:
            found = contents(await download(files, run, form, **selection), form)
            assert {path: c for path, c in found.items() if c is not None} == wanted, (n, form)


async def test_owners_modes_and_symbolic_links_of_an_nfs_share(postgres_url, azurite, files_emulator):
    async with world(postgres_url, azurite, files_emulator, "NFS") as files:
        share = files.client()
        put(share, "bin/run.sh", b"#!/bin/sh\n", owner="1000", group="3000000", file_mode="4751")
        put(share, "bin/Run.sh", b"other", owner="0", group="0", file_mode="0600")
        nfs_tree.symlink(share, "bin/link", "run.sh")
        nfs_tree.link(share, "again.sh", "bin/run.sh")
        run = await files.backup()
        with tarfile.open(fileobj=io.BytesIO(await download(files, run, "tar"))) as archive:
            member = archive.getmember("bin/run.sh")
            assert (member.uid, member.gid, member.mode) == (1000, 3000000, 0o4751)
            assert archive.extractfile("again.sh").read() == archive.extractfile("bin/run.sh").read() == b"#!/bin/sh\n"
            assert (archive.getmember("bin/link").issym(), archive.getmember("bin/link").linkname) == (True, "run.sh")
            assert archive.extractfile("bin/Run.sh").read() == b"other"
        with zipfile.ZipFile(io.BytesIO(await download(files, run, "zip"))) as archive:
            link = archive.getinfo("bin/link")
            assert (link.external_attr >> 16 & 0o170000, archive.read(link)) == (0o120000, b"run.sh")


@pytest.mark.parametrize("form", FORMATS)
async def test_an_empty_share_is_an_empty_archive_and_what_is_not_there_is_said_before_the_first_byte(files, form):
    run = await files.backup()
    assert contents(await download(files, run, form), form) == {}
    with pytest.raises(NotFound, match="restore point 1 has no '/docs'"):
        await download(files, run, form, paths=("docs/missing",))
    with pytest.raises(NotFound, match="no restore point 7"):
        await Download(source(files), 7, Selection(), FORMATS[form]()).begin()


# --------------------------------------------------------------------------------------------------------------- damage


@pytest.mark.parametrize("form", FORMATS)
async def test_what_could_not_be_saved_or_is_damaged_is_left_out_and_named(files, form):
    share = files.client()
    fill(share)
    put(share, NOT_DOWNLOADED, b"a file of that name")
    put(share, "d/chunked.bin", secrets.token_bytes(200_000))
    files.control.fault(
        operation="file_download", path="docs/reports/report 04.csv$", count=0, status=409, code="SharingViolation"
    )
    run, before = await files.backup(), expected_of(read_tree(share) if not files.control.clear() else {})
    with container(files) as vault:
        chunks = [b.name for b in vault.list_blobs() if "/chunk/" in b.name and b.size > 190_000 and b.size < 210_000]
        vault.delete_blob(chunks[0])
    data = await download(files, run, form)
    name = "_not_downloaded (2).txt"
    found = contents(data, form)
    lines = told(data, form, name)
    del found[name], before["docs/reports/report 04.csv"], before["d/chunked.bin"]
    assert found == before
    assert sorted(line.partition(": ")[0] for line in lines) == ["/d/chunked.bin", "/docs/reports/report 04.csv"]
    assert "is gone from the vault" in " ".join(lines)
    assert "the backup could not read it" in " ".join(lines)


@pytest.mark.parametrize("form", FORMATS)
async def test_a_damaged_bundle_costs_what_is_in_it(files, form):
    for n in range(8):
        put(files.client(), f"d/{n}.txt", b"%d" % n * 2000)
    put(files.client(), "e.bin", secrets.token_bytes(100_000))
    run = await files.backup()
    spoil(files, "/bundle/")
    data = await download(files, run, form)
    found = contents(data, form)
    assert [line for line in told(data, form) if "damaged" in line]
    for n in range(8):
        assert found.get(f"d/{n}.txt", b"%d" % n * 2000) == b"%d" % n * 2000
    assert len(found["e.bin"]) == 100_000


async def test_a_damaged_chunk_of_a_large_file_is_zeros_is_named_and_fails_the_test_of_a_zip(files, tmp_path):
    body = secrets.token_bytes(20 * MIB)
    put(files.client(), "big/large.bin", body)
    put(files.client(), "big/other.bin", b"fine")
    run = await files.backup()
    digest = source(files).hasher.digest(body[8 * MIB : 12 * MIB]).hex()
    assert len(spoil(files, digest)) == 1
    expected = body[: 8 * MIB] + bytes(4 * MIB) + body[12 * MIB :]
    tar = await download(files, run, "tar")
    assert contents(tar, "tar")["big/large.bin"] == expected
    [line] = told(tar, "tar")
    assert line.startswith(
        f"/big/large.bin: damaged: {4 * MIB} of its bytes are zeros here: {8 * MIB} to {12 * MIB - 1} ("
    )
    archive = await download(files, run, "zip", tmp_path / "a.zip")
    code, said = run_tool("unzip", "-t", str(archive))
    assert code != 0
    assert [line.split()[1] for line in said.splitlines() if "bad CRC" in line] == ["big/large.bin"]
    with zipfile.ZipFile(archive) as read:
        assert read.read("big/other.bin") == b"fine"
        assert b"/big/large.bin: damaged" in read.read(NOT_DOWNLOADED)


@pytest.mark.parametrize("form", FORMATS)
async def test_a_directory_that_cannot_be_read_is_named(files, form):
    put(files.client(), "d/a.txt", b"one")
    put(files.client(), "quiet/b.txt", b"two")
    await files.backup()
    with container(files) as vault:
        for name in [b.name for b in vault.list_blobs() if "/segment/" in b.name]:
            vault.delete_blob(name)
    put(files.client(), "d/new.txt", b"three")
    run = await files.backup()
    data = await download(files, run, form)
    assert contents(data, form)["d/new.txt"] == b"three"
    [line] = told(data, form)
    assert line.startswith("/quiet: what is in this directory cannot be read: ")


# ------------------------------------------------------------------------------------------------------------- one file


async def read(found, start, end):
    async with aclosing(found.read(start, end)) as pieces:
        return b"".join([piece async for piece in pieces])


async def test_a_file_is_read_from_any_byte_to_any_other(files):
    body = bytearray(30 * MIB + 7)
    body[9 * MIB : 9 * MIB + 1000] = secrets.token_bytes(1000)
    body[-7:] = b"the end"
    share = files.client()
    sparse(share, "big.img", len(body), [(9 * MIB, bytes(body[9 * MIB : 9 * MIB + 1024])), (30 * MIB, b"the end")])
    put(share, "d/small.txt", b"0123456789")
    put(share, "d/empty.txt")
    run = await files.backup()
    big = await open_file(source(files), run.run_no, "BIG.img")
    for start, end in (
        (0, len(body)),
        (0, 1),
        (5 * MIB, 6 * MIB),
        (9 * MIB - 3, 9 * MIB + 5),
        (12 * MIB - 1, 12 * MIB + 1),
        (29 * MIB, len(body)),
        (len(body) - 1, len(body)),
        (7, 7),
    ):
        assert await read(big, start, end) == body[start:end], (start, end)
    small = await open_file(source(files), run.run_no, "d/small.txt")
    assert (await read(small, 3, 6), small.size_bytes, small.name) == (b"345", 10, "small.txt")
    assert await read(await open_file(source(files), run.run_no, "d/empty.txt"), 0, 0) == b""
    assert small.etag != big.etag


async def test_a_file_is_found_in_a_directory_of_many_pages_by_reading_few(files):
    share = files.client()
    for n in range(60):
        put(share, f"d/file {n:03d}.txt", b"%d" % n)
    run = await files.backup()
    for n in (0, 1, 17, 30, 58, 59):
        found = await open_file(source(files), run.run_no, f"d/file {n:03d}.txt")
        assert await read(found, 0, 99) == b"%d" % n
        assert (await open_file(source(files), run.run_no, f"D/FILE {n:03d}.TXT")).name == f"file {n:03d}.txt"
    for name in ("a", "file 030.txu", "z"):
        with pytest.raises(NotFound, match=f"has no '/d/{name}'"):
            await open_file(source(files), run.run_no, f"d/{name}")


async def test_what_is_no_file_or_has_no_content_is_refused_and_damage_is_an_error(files):
    share = files.client()
    put(share, "d/a.txt", b"one")
    put(share, "d/locked.txt", b"two")
    put(share, "d/c.bin", secrets.token_bytes(100_000))
    files.control.fault(operation="file_download", path="locked", count=0, status=409, code="SharingViolation")
    run = await files.backup()
    files.control.clear()
    with pytest.raises(InvalidInput, match="'/d' is a directory"):
        await open_file(source(files), run.run_no, "d")
    with pytest.raises(NotFound, match="the backup could not read it"):
        await open_file(source(files), run.run_no, "d/locked.txt")
    with pytest.raises(InvalidInput, match=r"'/d/a\.txt' is a file; there is nothing below it"):
        await open_file(source(files), run.run_no, "d/a.txt/x")
    spoil(files, "/chunk/")
    found = await open_file(source(files), run.run_no, "d/c.bin")
    with pytest.raises(IntegrityError):
        await read(found, 5, 10)


# --------------------------------------------------------------------------------------------------------------- memory

MEMORY_MIB_MAX = 80
"""What is read ahead (24 MiB), what it expands to, two waves of entries, and the directory of a ZIP of 20,000 files (1 MiB)."""


async def measure(postgres_url, vault, tenant_id, share_id, run_no, form):
    """Download a little, then everything; print both peaks, bytes and members."""
    app = await wiring.make_app(Settings(postgres_url=postgres_url, vault_connection=vault, journal_connection=vault))
    async with app.transaction() as conn:
        share = await shares.get(conn, share_id, tenant_id)
    where = Source(share, app.catalogue, app.vault(tenant_id), ShareHasher(tenant_id, share_id))
    peaks, sent = [], 0
    for paths in (("d0",), ()):
        made = Download(where, run_no, Selection(paths=paths), FORMATS[form]())
        await made.begin()
        async with aclosing(made.stream()) as blocks:
            sent = sum([len(block) async for block in blocks])
        peaks.append(round(peak_mib()))
        assert not made.not_downloaded
    await app.aclose()
    print(*peaks, sent)


@pytest.mark.slow
@pytest.mark.parametrize("form", ["zip", pytest.param("tar", marks=pytest.mark.torture)])
async def test_memory_does_not_depend_on_how_much_is_downloaded(files, form, tmp_path):
    """20,000 files, half of them in one directory, and a file of 1 GiB that is sparse."""
    for n in range(20_000):
        directory = tmp_path / ("d0" if n < 100 else "wide" if n % 2 else f"d{n // 500}")
        directory.mkdir(exist_ok=True)
        (directory / f"file {n:05d}.txt").write_bytes(b"%d" % n * (n % 500))
    with (tmp_path / "disk.img").open("wb") as disk:
        for n in range(8):
            disk.seek(n * 128 * MIB)
            disk.write(secrets.token_bytes(MIB))
        disk.truncate(1024 * MIB)
    files.app.limits = Limits()
    files.control.ask("POST", f"/shares/{files.share.share_name}/import", {"directory": str(tmp_path)})
    run = await files.backup()
    assert run.counters.files == 20_001
    settings, share = files.app.settings, files.share
    asked = (settings.postgres_url, settings.vault_connection, share.tenant_id, share.share_id, run.run_no, form)
    code = f"import asyncio; from tests.integration.test_download import measure; asyncio.run(measure(*{asked!r}))"
    done = await asyncio.to_thread(subprocess.run, [sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    little, everything, sent = map(int, done.stdout.split())
    assert sent > 1024 * MIB if form == "tar" else 8 * MIB < sent < 60 * MIB
    assert everything - little < MEMORY_MIB_MAX, f"{little} MiB for a little, {everything} MiB for everything"
