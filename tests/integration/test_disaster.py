"""docs/DISASTER.md: with nothing but the vault, zstd, tar and docs/FORMAT.md a person gets files back."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.rebuilding import container
from tests.support.share_tree import put, read_tree
from tests.support.world import world

ROOT = Path(__file__).parents[2]
DOCUMENT = (ROOT / "docs" / "DISASTER.md").read_text()


def script(name):
    """A shell script of the document."""
    return re.search(rf"^```sh\n# {name}\n(.*?)^```$", DOCUMENT, re.MULTILINE | re.DOTALL)[1]


@pytest.fixture
async def downloaded(postgres_url, azurite, files_emulator, tmp_path):
    """The vault of a share with two restore points in a directory, and the share as it is."""
    for program in ("zstd", "tar"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed; hint: apt-get install {program}")
    async with world(postgres_url, azurite, files_emulator, large_file_bytes=64 * 1024 * 1024) as files:
        share = files.client()
        for n in range(30):
            put(share, f"docs/d{n % 4}/naïve {n}.txt", b"text %d\n" % n * n)
        put(share, "alone/one.bin", b"one of its own" * 100)
        put(share, "big/large.bin", bytes(range(256)) * 20_000)
        await files.backup()
        for n in (1, 5, 9, 13):  # fewer than three would not be worth a bundle
            put(share, f"docs/d1/naïve {n}.txt", b"the newest %d" % n)
        await files.backup()
        with container(files) as vault:
            for blob in vault.list_blobs():
                path = tmp_path / "vault" / blob.name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(vault.download_blob(blob.name).readall())
        yield tmp_path, files.share.share_id, read_tree(share)


def run(text, cwd, **variables):
    """With no other programs of ours in reach than the shell's, zstd and tar."""
    done = subprocess.run(
        ["/bin/sh", "-eu", "-c", text],
        cwd=cwd,
        capture_output=True,
        text=True,
        env={"PATH": "/usr/bin:/bin", **variables},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


async def test_every_small_file_comes_back_with_zstd_and_tar(downloaded):
    place, share_id, tree = downloaded
    (place / "files").mkdir()
    run(script("bundles"), place, VAULT=f"vault/{share_id}", OUT="files")
    found = {
        str(path.relative_to(place / "files")): path.read_bytes()
        for path in (place / "files").rglob("*")
        if path.is_file()
    }
    bundled = {path: node.content for path, node in tree.items() if path.startswith("docs/") and node.content}
    assert len(bundled) == 29
    assert {path: found.get(path) for path in bundled} == bundled
    assert found.keys() <= tree.keys()


@pytest.mark.skipif(shutil.which("flatc") is None, reason="flatc, the FlatBuffers compiler, is not installed")
async def test_a_large_file_comes_back_chunk_by_chunk(downloaded):
    place, share_id, tree = downloaded
    shutil.copy(ROOT / "schema" / "fbs" / "manifest.fbs", place / "manifest.fbs")
    shutil.copy(ROOT / "schema" / "fbs" / "segment.fbs", place / "segment.fbs")
    large = tree["big/large.bin"].content
    for path in sorted((place / "vault" / str(share_id) / "segment").rglob("*.fb")):
        run(script("records"), place, SEGMENT=str(path.relative_to(place)), OUT="records")
        for shown in sorted((place / "records").glob("*.json")):
            record = json.loads(shown.read_text())
            for name, digests in chunks_of(record):
                if name == "large.bin":
                    (place / "large.txt").write_text("\n".join(digests) + "\n")
        shutil.rmtree(place / "records")
    run(script("chunks"), place, VAULT=f"vault/{share_id}", LIST="large.txt", OUT="large.bin")
    assert (place / "large.bin").read_bytes() == large


def chunks_of(record):
    """What a person reads off a record: names of files kept as chunks, and their digests in order."""
    names = record.get("names", "").split("/")
    counts = record.get("chunk_counts", [])
    taken = 0
    for name, count in zip(names, counts, strict=False):
        pieces = bytes(record["chunks"][taken * 32 : (taken + count) * 32])
        taken += count
        if count:
            yield name, [pieces[at : at + 32].hex() for at in range(0, len(pieces), 32)]
