"""Times, ETags, FileIds and header orders against values the real service or its SDK produced."""

import pytest
from azure.storage.fileshare._shared.authentication import _storage_header_sort
from hypothesis import given
from hypothesis import strategies as st

from localdev.files_emulator import smb, times
from localdev.files_emulator.auth_sharedkey import culture_order
from localdev.files_emulator.errors import ServiceError
from localdev.files_emulator.names import check_share, key_of
from localdev.files_emulator.permissions import normalise
from localdev.files_emulator.tree import file_id


def test_the_etag_is_the_change_time_in_hexadecimal_ticks():
    ticks = times.parse_iso("2022-09-28T21:24:10.6974229Z")
    assert times.etag(ticks) == '"0x8DAA197C8C72415"'
    assert times.iso(ticks) == "2022-09-28T21:24:10.6974229Z"
    assert times.rfc1123(ticks) == "Wed, 28 Sep 2022 21:24:10 GMT"


@given(st.integers(0, times.LAST_TICKS))
def test_a_time_survives_being_spelled_out(ticks):
    assert times.parse_iso(times.iso(ticks)) == ticks


@pytest.mark.parametrize(
    "text", ["", "now", "2020-13-01T00:00:00Z", "2020-01-01T00:00:00.12345678Z", "٢020-01-01Z", "2020-02-30"]
)
def test_what_is_not_a_time_is_not_read_as_one(text):
    assert times.parse_iso(text) is None


def test_the_clock_never_gives_the_same_tick_twice():
    clock = times.Clock()
    ticks = [clock.tick() for _ in range(10_000)]
    assert ticks == sorted(set(ticks))


def test_file_ids_follow_the_services_sequence():
    tops = ["C0004", "A0004", "E0004", "90004", "D0004", "B0004", "F0004"]
    assert [f"{int(file_id(n)):X}"[:5] for n in range(1, 8)] == tops
    assert file_id(1) == "13835128424026341376"
    assert file_id(0) == "0"


@given(st.sets(st.integers(1, 1 << 40), max_size=50))
def test_file_ids_are_unique_and_above_two_to_the_63(numbers):
    ids = {int(file_id(number)) for number in numbers}
    assert len(ids) == len(numbers)
    assert all(1 << 63 < id_ < 1 << 64 for id_ in ids)


@given(st.sets(st.text("abcxyz0189-_.", min_size=1, max_size=8), max_size=12))
def test_headers_sort_as_the_sdk_sorts_them(names):
    headers = [(f"x-ms-{name}", "v") for name in sorted(names)]
    assert culture_order(headers) == _storage_header_sort(headers)


def test_names_are_equal_if_they_differ_in_case_only():
    assert key_of("Ärger.TXT") == key_of("äRGER.txt")
    assert key_of("ß") != key_of("ss")
    assert key_of("\u0131") != key_of("i")


@pytest.mark.parametrize("name", ["ab", "a" * 64, "-ab", "ab-", "a--b", "Abc", "a_b", "äbc", "a.b"])
def test_what_cannot_name_a_share(name):
    with pytest.raises(ServiceError):
        check_share(name)


def test_what_can_name_a_share():
    for name in ("abc", "a-b", "0-0-0", "a" * 63):
        check_share(name)


def test_attributes_are_read_in_any_case_and_order_with_duplicates():
    bits = smb.parse_attributes("archive|ReadOnly | archive", is_directory=False)
    assert smb.attributes_text(bits) == "ReadOnly | Archive"
    assert smb.attributes_text(smb.parse_attributes("Directory|Directory", is_directory=True)) == "Directory"
    assert smb.attributes_text(smb.parse_attributes("None", is_directory=False)) == "None"


def test_a_descriptor_without_sacl_gets_the_one_that_says_so():
    text = "O:SYG:SYD:(A;;FA;;;SY)"
    assert normalise(text) == text + "S:NO_ACCESS_CONTROL"
    assert normalise(normalise(text)) == normalise(text)


@pytest.mark.parametrize(
    "sddl",
    [
        "",
        "D:(A;;FA;;;SY)",
        "O:SYD:(A;;FA;;;SY)",
        "O:SYG:SY",
        "O:DAG:SYD:(A;;FA;;;SY)",
        "O:SYG:SYD:(A;;FA;;;DU)",
        "O:SYG:SYD:(A;;FA)",
    ],
)
def test_a_descriptor_needs_owner_group_and_dacl_and_no_domain(sddl):
    with pytest.raises(ServiceError, match="FileInvalidPermission"):
        normalise(sddl)
