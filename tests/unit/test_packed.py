"""The bytes of a packed page, one law at a time. The grammar is at the head of shared/formats/packed.py."""

import dataclasses

import pytest

from shared.errors import IntegrityError
from shared.formats import packed
from shared.model.manifest import ManifestRef
from shared.model.page import FileRow, Page

PAGE = Page(
    directory_id=5 << 24,
    name="letters",
    parent_id=1 << 24,
    file_id=2**64 - 2,
    mtime=1_700_000_000,
    fingerprint=0x0102030405060708,
    manifest=ManifestRef(run_no=3, batch_no=300, offset=70_000, length=2_000),
    next_slot=3,
    files=(FileRow("a.txt", 1, 1_000, 1_699_999_000, 2**64 - 1), FileRow("b.txt", 2, 20, 1_699_999_300, 7)),
)


def unpack(page: Page, names: str, data: bytes) -> Page:
    return packed.unpack(page.directory_id | page.page_no, page.parent_id, page.file_id, page.name, names, data)


def round_trip(page: Page) -> Page:
    return unpack(page, *packed.pack(page))


def with_files(*slots: int, next_slot: int) -> Page:
    files = tuple(FileRow(f"{i:03}", slot, 0, 0, 0) for i, slot in enumerate(slots))
    return dataclasses.replace(PAGE, files=files, next_slot=next_slot)


def test_the_bytes_are_those_of_the_grammar():
    names, data = packed.pack(PAGE)
    assert names == "/.txt/a/b"
    assert (
        data.hex(" ")
        == (
            "12 85 20 1d "  # version 1, sizes of 2 bytes; fingerprint, manifest, factored names; mtimes of 2, slots of 0; 29 bytes of header
            "65 53 f1 00 "  # the directory's mtime
            "01 02 03 04 05 06 07 08 "  # its fingerprint
            "19 03 01 2c 01 11 70 07 d0 "  # widths 1 2 3 2, then run, batch, offset, length
            "65 53 ed 18 "  # the least mtime
            "03 e8 00 14 "  # sizes
            "00 00 01 2c "  # mtimes
            "ff ff ff ff ff ff ff ff 00 00 00 00 00 00 00 07"  # hashes
        )
    )


def test_a_page_comes_back_as_it_was():
    assert round_trip(PAGE) == PAGE


def test_a_directory_without_files_costs_a_header_only():
    page = Page(directory_id=1 << 24, name="", mtime=5)
    assert packed.pack(page) == ("", bytes.fromhex("10 00 00 08 00000005"))
    assert round_trip(page) == page


def test_no_file_is_not_one_file_without_a_name():
    nameless = dataclasses.replace(PAGE, files=(FileRow("", 1, 1, 1, 1),), next_slot=2)
    assert packed.pack(nameless)[0] == packed.pack(dataclasses.replace(PAGE, files=(), next_slot=1))[0] == ""
    assert round_trip(nameless) == nameless


def test_counting_slots_and_the_next_one_cost_nothing():
    plain = len(packed.pack(with_files(1, 2, 3, next_slot=4))[1])
    assert len(packed.pack(with_files(1, 2, 3, next_slot=9))[1]) == plain + 4
    assert len(packed.pack(with_files(7, 8, 9, next_slot=10))[1]) == plain + 3
    assert len(packed.pack(with_files(1, 3, 2, next_slot=4))[1]) == plain + 3 * 1
    assert len(packed.pack(with_files(1, 300, 2, next_slot=301))[1]) == plain + 3 * 2


@pytest.mark.parametrize(
    "page",
    [
        with_files(1, 2, 3, next_slot=9),
        with_files(7, 8, 9, next_slot=10),
        with_files(3, 2, 1, next_slot=4),
        with_files(2**24 - 1, next_slot=2**24),
        dataclasses.replace(PAGE, page_no=7, next_slot=1),
        dataclasses.replace(PAGE, mtime=-11_644_473_600),  # 1601: where Windows' clock starts
        dataclasses.replace(PAGE, mtime=2**32),
        dataclasses.replace(PAGE, deleted_run=12, files=(), next_slot=3, fingerprint=None),
        dataclasses.replace(PAGE, page_fingerprint=2**64 - 1),
        dataclasses.replace(PAGE, manifest=ManifestRef(0, 0, 2**32 - 1, 2**32 - 1)),
        dataclasses.replace(PAGE, files=(FileRow("x", 1, 2**63 - 1, -62_135_596_800, 0),), next_slot=2),
    ],
)
def test_extremes_come_back(page: Page):
    assert round_trip(page) == page


@pytest.mark.parametrize(
    ("names", "column"),
    [
        (["a.txt", "b.txt"], "/.txt/a/b"),
        (["IMG_1.jpg", "IMG_20.jpg"], "IMG_/.jpg/1/20"),
        (["aa", "aaa", "aaaa"], "aa///a/aa"),  # a name is not cut twice where beginning and end overlap
        (["xxx", "xyxxx"], "x/xx//yx"),
        (["x", "xy"], "x/xy"),  # it would save one byte and cost two
        (["only.txt"], "only.txt"),
        (["", "a"], "/a"),
        (["a", "a.b", "b.b"], "a/a.b/b.b"),
    ],
)
def test_what_all_names_begin_and_end_with_is_written_once(names: list[str], column: str):
    page = dataclasses.replace(
        PAGE, files=tuple(FileRow(n, i, 0, 0, 0) for i, n in enumerate(names, 1)), next_slot=len(names) + 1
    )
    assert packed.pack(page)[0] == column
    assert round_trip(page) == page


@pytest.mark.parametrize("count", [1, packed._NUMPY_FROM - 1, packed._NUMPY_FROM, packed._NUMPY_FROM + 1, 4096])
def test_loop_and_numpy_write_the_same(count: int, monkeypatch: pytest.MonkeyPatch):
    files = tuple(FileRow(f"{i:04}", 2 * i + 1, i**5, i * 1_000, 2**64 - 1 - i) for i in range(count))
    page = dataclasses.replace(PAGE, files=files, next_slot=2 * count)
    by_default = packed.pack(page)
    monkeypatch.setattr(packed, "_NUMPY_FROM", 0)
    by_numpy = packed.pack(page)
    assert unpack(page, *by_numpy) == page
    monkeypatch.setattr(packed, "_NUMPY_FROM", 10**9)
    assert by_numpy == by_default == packed.pack(page)
    assert unpack(page, *by_numpy) == page


def test_the_head_needs_only_the_first_bytes():
    page = dataclasses.replace(
        PAGE,
        mtime=-1,
        page_fingerprint=9,
        deleted_run=2**32 - 1,
        manifest=ManifestRef(2**32 - 1, 2**32 - 1, 2**32 - 1, 2**32 - 1),
        next_slot=2**24,
        files=tuple(FileRow(f"{i:03}", i + 900, 2**60, i, i) for i in range(100)),
    )
    data = packed.pack(page)[1]
    assert data[3] <= packed.HEAD_BYTES
    head = packed.unpack_head(data[: packed.HEAD_BYTES])
    assert (head.mtime, head.fingerprint, head.page_fingerprint) == (-1, page.fingerprint, 9)
    assert (head.manifest, head.deleted_run) == (page.manifest, 2**32 - 1)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ((FileRow("a/b", 1, 0, 0, 0),), "a file name holds '/'"),
        ((FileRow("a", 0, 0, 0, 0),), "slots 0 to 0 are not in"),
        ((FileRow("a", 2**24, 0, 0, 0),), "slots 16777216 to 16777216 are not in"),
        ((FileRow("a", 1, -1, 0, 0),), "out of range"),
        ((FileRow("a", 1, 2**64, 0, 0),), "out of range"),
        ((FileRow("a", 1, 0, 0, 0), FileRow("b", 2, 0, 2**60, 0)), "out of range"),
    ],
)
def test_what_does_not_fit_is_refused(files: tuple[FileRow, ...], message: str):
    with pytest.raises(ValueError, match=message):
        packed.pack(dataclasses.replace(PAGE, files=files))


def test_an_unknown_version_is_refused_with_a_sentence():
    names, data = packed.pack(PAGE)
    newer = bytes([data[0] + 16]) + data[1:]
    for read in (lambda: packed.unpack_head(newer), lambda: unpack(PAGE, names, newer)):
        with pytest.raises(IntegrityError, match=r"version 2; this program reads version 1$"):
            read()


def test_bytes_cut_short_or_too_many_are_damage():
    names, data = packed.pack(PAGE)
    for damaged in [data[:n] for n in range(len(data))] + [data + b"x", data + data[-10:]]:
        with pytest.raises(IntegrityError):
            unpack(PAGE, names, damaged)


def test_names_of_another_page_are_damage():
    names, data = packed.pack(PAGE)
    for other in ("", "a.txt", names + "/c.txt"):
        with pytest.raises(IntegrityError, match="names are not those of 2 files"):
            unpack(PAGE, other, data)


@pytest.mark.parametrize("at", range(4))
def test_no_value_of_a_header_byte_crashes(at: int):
    names, data = packed.pack(PAGE)
    for value in range(256):
        damaged = data[:at] + bytes([value]) + data[at + 1 :]
        try:
            unpack(PAGE, names, damaged)
        except IntegrityError:
            continue
