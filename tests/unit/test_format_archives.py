"""Archives at the limits of their formats, as other readers see them."""

import io
import subprocess
import tarfile
import zipfile

import pytest

from shared.formats.tar_stream import TarWriter
from shared.formats.zip_stream import ZipWriter
from shared.model.entry import Posix
from shared.model.member import Member
from shared.model.ticks import UNIX_EPOCH

GIB = 1024**3
NOW = UNIX_EPOCH + 1_700_000_000 * 10_000_000


def member(path, size=0, written=NOW, **kwargs):
    return Member(path, size, written, written, written, **kwargs)


def prepared_file(writer, path, data, *, packs=True, **kwargs):
    return writer.file(member(path, len(data), **kwargs), data, writer.prepared(data) if packs else None)


@pytest.mark.parametrize("count", [65_534, 65_535])
def test_a_zip_of_more_members_than_sixteen_bits_count(count):
    writer = ZipWriter()
    made = b"".join([prepared_file(writer, f"d/{n}", b"", packs=False) for n in range(count)] + list(writer.finish()))
    with zipfile.ZipFile(io.BytesIO(made)) as archive:
        assert len(archive.infolist()) == count
        assert archive.getinfo("d/65533").CRC == 0
    assert (b"PK\x06\x06" in made[-200:]) == (count >= 65_535)


@pytest.mark.torture
def test_a_zip_of_a_file_beyond_thirty_two_bits(tmp_path):
    path, size = tmp_path / "a.zip", 4 * GIB + 7
    writer = ZipWriter()
    with path.open("wb") as out:
        out.write(prepared_file(writer, "before.txt", b"before"))
        out.write(writer.begin(member("big.img", size)))
        for data in writer.hole(size - 3):
            out.write(data)
        out.write(writer.piece(b"end", writer.prepared(b"end")))
        out.write(writer.end(intact=True))
        out.write(prepared_file(writer, "after.txt", b"after"))
        for data in writer.finish():
            out.write(data)
    with zipfile.ZipFile(path) as archive:
        assert archive.getinfo("big.img").file_size == size
        assert (archive.read("before.txt"), archive.read("after.txt")) == (b"before", b"after")
    assert path.stat().st_size < 8 * 1024**2
    # Which also finds that the checksum of zeros, which nobody has gone through, is right.
    done = subprocess.run(["unzip", "-tq", str(path)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_zip_whose_directory_begins_beyond_thirty_two_bits(tmp_path):
    """Stored, so that offsets grow; the file has holes where nobody looks."""
    path = tmp_path / "a.zip"
    writer = ZipWriter()
    with path.open("wb") as out:
        out.write(writer.begin(member("big.img", 4 * GIB + 5)))
        piece = bytes(GIB)
        for _ in range(4):
            writer.piece(b"", b"")
            writer._given(piece)  # as if a gigabyte had been sent
            out.seek(GIB, io.SEEK_CUR)
        out.write(writer.end(intact=True))
        out.write(prepared_file(writer, "after.txt", b"after"))
        for data in writer.finish():
            out.write(data)
    with zipfile.ZipFile(path) as archive:
        assert archive.getinfo("after.txt").header_offset > 4 * GIB
        assert archive.read("after.txt") == b"after"
    listed = subprocess.run(["unzip", "-p", str(path), "after.txt"], capture_output=True)
    assert listed.stdout == b"after"


def test_what_compresses_is_deflated_and_what_does_not_is_stored():
    writer = ZipWriter()
    noise = bytes(range(256))
    parts = [prepared_file(writer, "text", b"text" * 1000), prepared_file(writer, "noise", noise)]
    with zipfile.ZipFile(io.BytesIO(b"".join(parts + list(writer.finish())))) as archive:
        assert [i.compress_type for i in archive.infolist()] == [zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED]
        assert archive.read("text") == b"text" * 1000


def test_a_tar_of_a_file_beyond_eleven_octal_digits(tmp_path):
    path, size = tmp_path / "a.tar", 9 * GIB + 1
    writer = TarWriter()
    with path.open("wb") as out:
        out.write(writer.begin(member("big.img", size)))
        out.seek(size, io.SEEK_CUR)
        out.write(writer.end(intact=True))
        out.write(prepared_file(writer, "after.txt", b"after"))
        for data in writer.finish():
            out.write(data)
    with tarfile.open(path) as archive:
        assert [(m.name, m.size) for m in archive] == [("big.img", size), ("after.txt", 5)]
    listed = subprocess.run(["tar", "-tvf", str(path)], capture_output=True, text=True)
    assert (listed.returncode, str(size) in listed.stdout) == (0, True)


@pytest.mark.parametrize(
    ("seconds", "nanoseconds"),
    [(0, 0), (1, 100), (-1, 999_999_900), (-5, 0), (15_000_000_000, 500), (1_700_000_000, 0)],
)
def test_times_before_1970_and_after_2242_in_a_tar(tmp_path, seconds, nanoseconds):
    writer = TarWriter()
    written = UNIX_EPOCH + seconds * 10_000_000 + nanoseconds // 100
    made = prepared_file(writer, "a", b"x", written=written) + b"".join(writer.finish())
    (tmp_path / "a.tar").write_bytes(made)
    subprocess.run(["tar", "-xf", "a.tar"], cwd=tmp_path, check=True, capture_output=True)
    assert (tmp_path / "a").stat().st_mtime_ns == seconds * 10**9 + nanoseconds


def test_links_owners_and_long_names_in_a_tar():
    writer = TarWriter()
    posix = Posix(5_000_000, 7, 0o1777, 1, "y" * 300)
    made = writer.symbolic_link(member("é" * 200, posix=posix), posix.link_text)
    made += writer.directory(member("d" * 255, is_directory=True, posix=posix)) + b"".join(writer.finish())
    with tarfile.open(fileobj=io.BytesIO(made)) as archive:
        link, directory = archive.getmembers()
    assert (link.name, link.linkname, link.uid, link.gid, link.mode) == ("é" * 200, "y" * 300, 5_000_000, 7, 0o1777)
    assert (directory.name, directory.isdir()) == ("d" * 255, True)
