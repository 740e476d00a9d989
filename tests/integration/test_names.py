"""Whatever the service allows for a name comes back; what requests cannot say is named, with what to do about it."""

import asyncio
import secrets
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from localdev.files_emulator.names import key_of
from shared.model.run import RunState
from tests.support.share_tree import differences, mkdir, put, read_tree
from tests.support.world import world

RESERVED = {"CON", "PRN", "AUX", "NUL", "CLOCK$", ".", ".."} | {f"{d}{n}" for d in ("COM", "LPT") for n in range(1, 10)}
FORBIDDEN = '"\\/:|<>*?\ue000'
CATEGORIES = (
    "Lu",
    "Ll",
    "Lt",
    "Lm",
    "Lo",
    "Mn",
    "Mc",
    "Me",
    "Nd",
    "Nl",
    "No",
    "Pc",
    "Pd",
    "Ps",
    "Pe",
    "Pi",
    "Pf",
    "Po",
)
CATEGORIES += ("Sm", "Sc", "Sk", "So", "Zs", "Zl", "Zp", "Cf", "Co", "Cn")

characters = st.sampled_from(CATEGORIES).flatmap(
    lambda category: st.characters(categories=(category,), exclude_characters=FORBIDDEN)
)
names = (
    st.text(characters | st.sampled_from(" .%&+#;'~\ufffe\uffff\u0301\U0001f600"), min_size=1, max_size=40)
    | st.builds(
        str.__add__, st.text(characters, min_size=1, max_size=9), st.sampled_from([".", " ", "...", " .", ".  "])
    )
    | st.builds(lambda text: text * (255 // len(text)), st.text(characters, min_size=1, max_size=9))
).filter(lambda name: name.upper() not in RESERVED)


@pytest.fixture
async def files(postgres_url, azurite, files_emulator):
    async with world(postgres_url, azurite, files_emulator) as found:
        yield found


async def round_trip(files):
    expected = read_tree(files.client())
    point = await files.backup()
    assert point.state is RunState.SUCCEEDED, (point.error, await files.journal(point))
    target = f"restored-{secrets.token_hex(4)}"
    run = await files.restore(point.run_no, target)
    assert run.state is RunState.SUCCEEDED, (run.error, await files.journal(run))
    assert differences(expected, read_tree(files.client(target))) == []
    return expected


@settings(
    max_examples=2,
    deadline=None,
    phases=[Phase.generate],  # a failure names the file; making it small would take an hour
    suppress_health_check=list(HealthCheck),
)
@given(st.lists(names, min_size=40, max_size=50, unique_by=key_of))
def test_names_of_every_class_come_back(postgres_url, azurite, files_emulator, invented):
    async def work():
        async with world(postgres_url, azurite, files_emulator) as files:
            share = files.client()
            for n, name in enumerate(invented):
                if n % 4 == 0:
                    mkdir(share, name)
                    put(share, f"{name}/{invented[-1 - n]}", b"below")
                else:
                    put(share, name, name.encode())
            tree = await round_trip(files)
            assert {path for path in tree if "/" not in path} == set(invented)

    asyncio.run(work())


async def test_names_and_paths_at_their_limits_come_back(files):
    """255 characters of a name, 250 levels, 2,048 characters of a path, which percent-encoded are 18,000."""
    share = files.client()
    files.app.limits = replace(files.app.limits, batch_directories=100, wave_directories=20, claim_directories=20)
    for name in ("x" * 255, "é" * 255, "日" * 255, "." * 254 + "x", "x" + "." * 254):
        put(share, f"names/{name}", name.encode())
    put(share, "/".join(["d"] * 249 + ["leaf"]), b"deep")
    long = "/".join(["日" * 226] * 8 + ["本" * 232])
    assert len(long) == 2_048
    put(share, long, b"long")
    tree = await round_trip(files)
    assert (tree[long].content, len(tree)) == (b"long", 5 + 1 + 249 + 1 + 9)


UNSPEAKABLE = {
    "tab\there": "holds U+0009",
    "escape\x1b": "holds U+001B",
    "high\x81": "holds U+0081",
    "colon:name": "holds U+003A",
    "CON": "is reserved",
    "half\ud83d": "is not valid Unicode",
    "..": "is reserved",
    "x" * 256: "256 characters",
}


async def test_what_requests_cannot_name_is_named_in_the_journal_and_the_rest_is_saved(files):
    share, plant = files.client(), files.control.plant
    put(share, "d/good", b"good")
    mkdir(share, "e")
    name = files.share.share_name
    for bad in UNSPEAKABLE:
        plant(name, "d", bad, content="lost")
    plant(name, "e", "dir\x01")
    plant(name, "e", "dir\x01", "below", content="lost too")
    first = await files.backup()
    assert first.state is RunState.COMPLETED_WITH_ERRORS
    lines = await files.journal(first)
    for bad, said in UNSPEAKABLE.items():
        shown = f"d/{bad}" if bad.isascii() or ord(bad[-1]) < 0xD800 else "d/?half%ED%A0%BD"
        [line] = [line for line in lines if line.path == shown]
        assert (line.kind, said in line.hint) == ("unreadable", True), line
        assert line.reason
    assert {line.kind for line in lines if line.path == "e/dir\x01"} == {"unreadable", "not_listed"}
    assert all("rename it over SMB" in line.hint for line in lines if line.path == "e/dir\x01")
    assert first.counters.errors == len(lines) == len(UNSPEAKABLE) + 2

    target = f"restored-{secrets.token_hex(4)}"
    run = await files.restore(first.run_no, target)
    assert run.state is RunState.COMPLETED_WITH_ERRORS
    assert read_tree(files.client(target))["d/good"].content == b"good"

    second = await files.backup()  # nothing has changed, and nothing is forgotten
    assert (second.state, second.counters.errors) == (RunState.COMPLETED_WITH_ERRORS, first.counters.errors)


async def test_a_path_that_a_move_has_made_too_long_is_named_in_the_journal(files):
    share = files.client()
    put(share, "/".join(["l" * 200] * 5 + ["file"]), b"deep")
    put(share, "/".join(["m" * 200] * 5 + ["near"]), b"near")
    first = await files.backup()
    assert first.state is RunState.SUCCEEDED
    above = "/".join(["m" * 200] * 5)
    share.get_directory_client("l" * 200).rename_directory(f"{above}/{'n' * 240}")
    put(share, f"{above}/{'n' * 240}/at", b"within reach")
    second = await files.backup()
    assert second.state is RunState.COMPLETED_WITH_ERRORS, second.error
    lines = await files.journal(second)
    assert lines
    assert all("move it up" in line.hint for line in lines), lines
