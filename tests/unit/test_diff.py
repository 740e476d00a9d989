"""What a changed directory means for its files and subdirectories."""

from dataclasses import replace

from shared.core.diff import match_subdirectories, plan_files
from shared.model.content import NO_CONTENT, UNSAVED
from shared.model.manifest import SavedEntry
from shared.model.node import ROOT_ID, SLOT_MAX
from shared.model.page import DirectoryHead
from tests.support.entries import entry


def saved(e, slot, **kwargs):
    return SavedEntry(entry=e, node_id=ROOT_ID | slot, saved_run=1, **({"content": NO_CONTENT} | kwargs))


def plan(entries, previous, next_slot=10):
    return plan_files(entries, previous, directory_id=ROOT_ID, next_slot=next_slot)


def test_an_entry_with_the_same_file_id_and_etag_is_not_read_again():
    before = saved(entry("a", file_id=7), 3)
    [found], next_slot = plan([entry("a", file_id=7)], [before])
    assert found.unchanged
    assert found.kept() == before
    assert next_slot == 10


def test_a_changed_etag_means_reading_and_the_slot_stays():
    [found], _ = plan([entry("a", file_id=7, changed=1)], [saved(entry("a", file_id=7), 3)])
    assert (found.unchanged, found.node_id) == (False, ROOT_ID | 3)


def test_a_renamed_file_keeps_its_node():
    [found], _ = plan([entry("b", file_id=7, changed=1)], [saved(entry("a", file_id=7), 3)])
    assert found.node_id == ROOT_ID | 3


def test_a_file_replaced_by_another_of_the_same_name_gets_a_new_node():
    [found], next_slot = plan([entry("a", file_id=8)], [saved(entry("a", file_id=7), 3)])
    assert (found.node_id, found.previous, next_slot) == (ROOT_ID | 10, None, 11)


def test_what_was_not_safe_is_read_again_even_if_nothing_changed():
    for unsafe in (saved(entry("a", file_id=7), 3, content=UNSAVED), saved(entry("a", file_id=7), 3, stale=True)):
        [found], _ = plan([entry("a", file_id=7)], [unsafe])
        assert not found.unchanged


def test_every_hard_link_of_a_file_is_a_node_of_its_own():
    plans, next_slot = plan([entry("a", file_id=7), entry("b", file_id=7)], [])
    assert ([p.node_id for p in plans], next_slot) == ([ROOT_ID | 10, ROOT_ID | 11], 12)


def test_hard_links_keep_their_nodes_by_name_then_by_file_id():
    """b got the name a0, and a new link c came: what is called as before is as before, whatever the order."""
    before = [saved(entry("a", file_id=7), 3), saved(entry("b", file_id=7), 4)]
    found, _ = plan([entry("a", file_id=7), entry("a0", file_id=7), entry("c", file_id=7)], before)
    assert [p.node_id for p in found] == [ROOT_ID | 3, ROOT_ID | 4, ROOT_ID | 10]
    assert [p.previous for p in found] == [*before, None]


def test_of_hard_links_one_that_goes_takes_its_own_node_along():
    [found], _ = plan([entry("b", file_id=7)], [saved(entry("a", file_id=7), 3), saved(entry("b", file_id=7), 4)])
    assert found.node_id == ROOT_ID | 4


def test_a_directory_without_slots_left_gives_its_next_file_none():
    plans, next_slot = plan([entry("a"), entry("b")], [], next_slot=SLOT_MAX)
    assert [p.node_id for p in plans] == [ROOT_ID | SLOT_MAX, 0]
    assert next_slot == SLOT_MAX + 1


def head(node_id, name, file_id):
    return DirectoryHead(node_id=node_id, parent_id=ROOT_ID, name=name, file_id=file_id, mtime=0, fingerprint=None)


def test_subdirectories_are_matched_by_file_id_not_by_name():
    children = [head(2 << 24, "same", 1), head(3 << 24, "old name", 2), head(4 << 24, "gone", 3)]
    listed = [entry(n, file_id=f, is_directory=True) for n, f in (("same", 1), ("new name", 2), ("gone", 9))]
    found = match_subdirectories([*listed, entry("a file", file_id=3)], children)
    assert [(e.name, c.name) for e, c in found.same] == [("same", "same"), ("new name", "old name")]
    assert [e.file_id for e in found.unknown] == [9]
    assert [c.name for c in found.missing] == ["gone"]


def test_kept_entries_carry_what_the_listing_says_now():
    before = saved(entry("a", file_id=7), 3)
    now = replace(before.entry, accessed=before.entry.accessed + 5)
    [found], _ = plan([now], [before])
    assert found.kept().entry == now
