"""What moved is counted once as moved, at either end."""

from dataclasses import replace

from shared.core import tally
from shared.core.changes import changes
from shared.core.tally import Reckoning, Tally, settle
from shared.model.content import NO_CONTENT, UNSAVED
from shared.model.entry import Posix
from shared.model.manifest import ContentHeaders, SavedEntry
from tests.support.records import entry


def file(file_id=1, size_bytes=10, **fields):
    return SavedEntry(
        entry(file_id=file_id, size_bytes=size_bytes, **fields), file_id, 1, NO_CONTENT, b"d" * 32, b"q" * 20
    )


def test_a_file_that_went_from_one_to_another_moved():
    a, b = Reckoning(), Reckoning()
    a.file(file(1, 10), None)
    a.file(file(2, 20), None)
    b.file(None, file(1, 15))
    b.file(None, file(3, 30))
    (of_a, of_b), total = settle([a, b])
    assert of_a == Tally(deleted_files=1, deleted_bytes=20, moved_files=1, moved_bytes=10)
    assert of_b == Tally(added_files=1, added_bytes=30, moved_files=1, moved_bytes=15)
    assert total == Tally(
        added_files=1, added_bytes=30, deleted_files=1, deleted_bytes=20, moved_files=1, moved_bytes=15
    )


def test_within_one_subtree_a_move_is_one():
    a = Reckoning()
    a.file(file(1), None)
    a.file(None, file(1))
    a.moved_directories.add(5)
    (of_a,), total = settle([a])
    assert of_a == total == Tally(moved_files=1, moved_bytes=10, moved_directories=1)


def test_a_second_name_of_a_file_is_added_and_not_moved():
    a = Reckoning()
    a.file(file(1), None)
    a.file(None, file(1, name="x"))
    a.file(None, file(1, name="y"))
    assert settle([a])[1] == Tally(added_files=1, added_bytes=10, moved_files=1, moved_bytes=10)


def test_a_directory_that_moved_from_one_to_another_is_one_in_all():
    a, b = Reckoning(), Reckoning()
    a.moved_directories.add(5)
    b.moved_directories.add(5)
    each, total = settle([a, b])
    assert [one.moved_directories for one in each] == [1, 1]
    assert total.moved_directories == 1


def test_renamed_is_moved_and_anything_else_changed():
    a = Reckoning()
    a.file(file(1), file(1))
    a.file(file(2), file(2, name="other"))
    a.file(file(3), file(3, name="other", attributes=1))
    a.file(file(4), replace(file(4), digest=b"e" * 32, quickxor=b"r" * 20))
    assert settle([a])[1] == Tally(changed_files=2, changed_bytes=20, moved_files=1, moved_bytes=10)


def test_too_much_to_keep_is_counted_without_a_match_and_said_so(monkeypatch):
    monkeypatch.setattr(tally, "KEPT_MAX", 1)
    a = Reckoning()
    a.file(file(1), None)
    a.file(None, file(1))
    assert settle([a])[1] == Tally(added_files=1, added_bytes=10, deleted_files=1, deleted_bytes=10)
    assert not a.moves_known


def test_every_aspect_is_told_by_its_name():
    before = file()
    e = before.entry
    cases = {
        (): before,
        ("content",): replace(before, digest=b"e" * 32, quickxor=b"r" * 20),
        ("name",): replace(before, entry=replace(e, name="other")),
        ("permission",): replace(before, entry=replace(e, permission_key="9*9", changed=e.changed + 1)),
        ("times",): replace(before, entry=replace(e, written=e.written + 1)),
        ("attributes",): replace(before, entry=replace(e, attributes=1)),
        ("metadata",): replace(before, metadata=(("a", "b"),)),
        ("headers",): replace(before, headers=ContentHeaders(content_type="text/plain")),
        ("readable",): replace(before, content=UNSAVED, digest=b"", quickxor=b""),
        ("replaced",): replace(before, node_id=77),
    }
    for expected, after in cases.items():
        assert changes(before, after) == expected
    assert changes(before, replace(before, entry=replace(e, changed=e.changed + 1))) == ("times",)
    assert changes(before, replace(before, entry=replace(e, accessed=1))) == ()
    cut_differently = replace(before, digest=b"e" * 32)
    assert changes(before, cut_differently) == ()
    both = replace(before, entry=replace(e, size_bytes=11, written=1))
    assert changes(before, both) == ("content", "times")


def test_of_an_nfs_share_owner_group_and_mode_are_the_permission_and_the_text_of_a_link_the_content():
    before = replace(file(), posix=Posix(1, 2, 0o644))
    for posix in (Posix(9, 2, 0o644), Posix(1, 9, 0o644), Posix(1, 2, 0o600)):
        assert changes(before, replace(before, posix=posix)) == ("permission",)
    assert changes(before, replace(before, posix=Posix(1, 2, 0o644, links=2))) == ()
    link = replace(before, posix=Posix(1, 2, 0o777, link_text="a"))
    assert changes(link, replace(link, posix=Posix(1, 2, 0o777, link_text="b"))) == ("content",)
