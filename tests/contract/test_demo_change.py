"""The demo changes a share in all the ways it says, and knows what a backup will have to do about it."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest

from localdev.demo.account import Account
from localdev.demo.change import RENAMED, change
from localdev.demo.checks import touched
from localdev.demo.compare import compare
from localdev.demo.content import MIB
from localdev.demo.fill import fill
from localdev.demo.library_tree import library_tree
from localdev.demo.made_up import CROWD, made_up
from localdev.demo.plan import Plan
from localdev.demo.reading import read_share

SHARE = "demo-change"


@pytest.fixture(scope="module")
def account(files_emulator):
    account = Account(url=files_emulator.url, name=files_emulator.account, key=files_emulator.key)
    with account.share(SHARE) as share:
        share.create_share()
        yield account
        share.delete_share(delete_snapshots="include")


@pytest.fixture(scope="module")
def plan():
    return Plan.joined([made_up(crowd=60, large_bytes=5 * MIB), library_tree("python", cap=1200)])


@pytest.fixture(scope="module")
def states(account, plan):
    """The share before and after the changes."""
    asyncio.run(fill(account, SHARE, plan))
    with ThreadPoolExecutor(1) as executor:
        before = read_share(account, SHARE, executor=executor)
        change(account, SHARE, sorted(file.path for file in plan.files if file.path.startswith("python/")))
        return before, read_share(account, SHARE, executor=executor, known=before.contents)


def test_all_that_is_planned_is_there_after_filling(states, plan):
    before, _ = states
    planned = {"", *(directory.path for directory in plan.directories), *(file.path for file in plan.files)}
    assert before.nodes.keys() == planned
    for file in plan.files:
        node = before.nodes[file.path]
        assert node.size_bytes == file.content.size_bytes
        assert node.written == (file.facts.written or node.written)
        assert node.created == (file.facts.created or node.created)
        assert node.sddl.startswith(file.facts.sddl)
        assert dict(node.content.metadata) == file.facts.metadata
        if file.facts.sddl:
            assert node.attributes == (file.facts.attributes or "Archive")
    for directory in plan.directories:
        node = before.nodes[directory.path]
        assert node.written == (directory.facts.written or node.written)
        assert node.sddl.startswith(directory.facts.sddl)
        assert dict(node.content.metadata) == directory.facts.metadata


def test_every_kind_of_difference_is_made(states):
    whats = {difference.what.split()[0] for difference in compare(*states)}
    names = "existence kind size_bytes attributes created written changed sddl sha256 metadata header"
    assert whats == set(names.split())


def test_the_crowd_is_carried_along_untouched(states):
    before, after = states
    old, new = RENAMED
    below = [path for path in before.nodes if path.startswith(f"{old}/")]
    assert len([path for path in below if path.startswith(CROWD)]) > 60
    for path in below:
        moved = new + path.removeprefix(old)
        assert after.versions[moved] == before.versions[path]
        assert after.nodes[moved] == before.nodes[path]


def test_what_a_backup_has_to_read_again_is_counted(states):
    before, after = states
    seen = touched(before, after)
    # Edited: two of the library, one byte each of a page and of a recording; replaced: 1; moved or renamed: 5;
    # described: 4; added: 15.
    assert seen.files == 2 + 2 + 1 + 5 + 4 + 15
    assert seen.carried_files == 60 + 1  # the crowd, and the file at the bottom of the directory moved elsewhere
    assert 0 < seen.directories < 30
    assert seen.directories <= seen.listings < 40


def test_nothing_is_touched_between_equal_states(states):
    _, after = states
    seen = touched(after, after)
    assert (seen.files, seen.directories, seen.listings, seen.carried_files) == (0, 0, 0, 0)
