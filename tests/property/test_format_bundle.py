"""Any bundle reads back the same through tarfile and zstd, and member by member."""

import io
import tarfile

import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.formats import bundle
from tests.support import records

# A path that is exactly as long as the old header holds, give or take a byte, and contents at the edges of blocks.
paths = st.lists(records.names, min_size=1, max_size=4).map("/".join) | st.integers(99, 102).map(lambda n: "p" * n)
mtimes = st.integers(-11_644_473_600, 253_402_300_799) | st.sampled_from([-1, 0, (1 << 33) - 1, 1 << 33])
contents = st.binary(max_size=100) | st.sampled_from([511, 512, 513, 1024]).map(lambda n: b"x" * n)


@given(st.lists(st.tuples(paths, mtimes, contents), max_size=6))
@settings(deadline=None)
def test_it_is_a_tar_that_the_standard_library_reads(members):
    writer = bundle.BundleWriter()
    places = [writer.add(*member) for member in members]
    data = writer.finish()
    for (offset, length), (_, _, content) in zip(places, members, strict=True):
        assert bundle.member_content(data[offset : offset + length], len(content)) == content
    raw = zstandard.ZstdDecompressor().stream_reader(data, read_across_frames=True).read()
    with tarfile.open(fileobj=io.BytesIO(raw)) as archive:
        assert [(one.name, one.mtime, archive.extractfile(one).read()) for one in archive] == members
