"""Bundles: what tar and zstd make of them, and what damage does."""

import io
import subprocess
import tarfile

import pytest
import zstandard

from shared.errors import IntegrityError
from shared.formats import bundle
from tests.support.formats import damaged, noise

MEMBERS = [
    ("plain.txt", 1_600_000_000, b"hello"),
    ("empty", 0, b""),
    ("one block", 1_600_000_001, noise(512)),
    ("a/b/c/one more.bin", 1_600_000_002, noise(513)),
    ("a/" + "d" * 98, 1, b"100 bytes"),
    ("a/" + "d" * 99, 2, b"101 bytes"),
    ("a/\u00e9\u00fc/\U0001f600.txt", 3, b"not ASCII"),
    ("/".join(["deep" * 60] * 8), 4, b"long"),
    ("before 1970", -1, b"1969"),
    ("long before 1970", -11_644_473_600, b"1601"),
    ("last that fits", (1 << 33) - 1, b"2242"),
    ("first that does not", 1 << 33, b"2242"),
    ("\uffff", 253_402_300_799, b"9999"),
]


def written(members=MEMBERS):
    writer = bundle.BundleWriter()
    places = [writer.add(*member) for member in members]
    return writer, places, writer.finish()


def opened(data):
    """The oracle: the standard library's tar over zstd's own idea of a stream of frames."""
    raw = zstandard.ZstdDecompressor().stream_reader(data, read_across_frames=True).read()
    assert len(raw) % 512 == 0
    return tarfile.open(fileobj=io.BytesIO(raw))


def test_the_standard_library_reads_every_path_time_and_content():
    _, _, data = written()
    with opened(data) as archive:
        found = [(member.name, member.mtime, archive.extractfile(member).read()) for member in archive]
        assert found == MEMBERS
        assert {(member.mode, member.uid, member.gid, member.type) for member in archive} == {(0o644, 0, 0, b"0")}


def test_zstd_and_tar_restore_it_without_us(tmp_path):
    _, _, data = written()
    (tmp_path / "x.tar.zst").write_bytes(data)
    target = tmp_path / "out"
    target.mkdir()
    command = f"zstd -dc {tmp_path}/x.tar.zst | tar x -C {target}"
    if subprocess.run(["sh", "-c", "command -v zstd tar"], capture_output=True).returncode:
        pytest.skip("zstd or tar is not installed")
    subprocess.run(
        ["bash", "-o", "pipefail", "-c", command], check=True, env={"LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin"}
    )
    for path, mtime, content in MEMBERS:
        assert (target / path).read_bytes() == content
        if -(1 << 31) <= mtime <= 1 << 33:  # what every file system holds, and a little more
            assert int((target / path).stat().st_mtime) == mtime


def test_a_member_is_one_frame_and_one_range():
    writer, places, data = written()
    assert writer.members == len(MEMBERS)
    assert writer.raw_bytes == sum(len(content) for _, _, content in MEMBERS)
    end = 0
    for (offset, length), (_, _, content) in zip(places, MEMBERS, strict=True):
        assert offset == end
        end = offset + length
        assert bundle.member_content(data[offset:end], len(content)) == content
    assert zstandard.ZstdDecompressor().decompress(data[end:]) == bytes(1024)


def test_equal_members_give_equal_bytes():
    assert written()[2] == written()[2]


def test_an_empty_bundle_is_an_empty_archive():
    with opened(bundle.BundleWriter().finish()) as archive:
        assert archive.getmembers() == []


@pytest.mark.parametrize("wrong", [0, 1, 511, 512, 514, 1024, 1025, 1 << 40])
def test_another_size_than_the_members_is_refused(wrong):
    _, [(offset, length)], data = written([("a", 1, noise(513))])
    with pytest.raises(IntegrityError):
        bundle.member_content(data[offset : offset + length], wrong)


@pytest.mark.parametrize("content", [b"", b"text " * 200, noise(300)], ids=["empty", "text", "noise"])
def test_damage_is_noticed(content):
    _, [(offset, length)], data = written([("a\u00e9", 1, content)])
    for broken in damaged(data[offset : offset + length]):
        try:
            assert bundle.member_content(broken, len(content)) == content
        except IntegrityError:
            continue


def test_the_frame_of_another_member_is_refused():
    _, places, data = written([("a", 1, b"x" * 100), ("b", 1, b"y" * 101)])
    offset, length = places[1]
    with pytest.raises(IntegrityError, match="size"):
        bundle.member_content(data[offset : offset + length], 100)


def test_a_frame_that_promises_too_much_is_not_decompressed():
    huge = zstandard.ZstdCompressor().compress(bytes(10 << 20))
    with pytest.raises(IntegrityError, match="holds 10485760 bytes, expected 1024 to"):
        bundle.member_content(huge, 5)
