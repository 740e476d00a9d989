"""The tree and its snapshots against a model that copies everything, in memory and after reloading from disk."""

import tempfile
from contextlib import ExitStack
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from localdev.files_emulator.loading import open_account
from localdev.files_emulator.names import key_of
from localdev.files_emulator.tree import Directory, walk
from tests.support.files_emulator import InProcess

NAMES = st.sampled_from(["a", "B", "c.txt"])
PATHS = st.lists(NAMES, min_size=1, max_size=3).map(tuple)
MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None  # fsync would be most of the time
FILE, DIRECTORY = "file", "directory"


def shape(root):
    """Return a tree as plain values: path -> (kind, name, FileId, change time, content or metadata)."""
    found = {}

    def visit(directory, path):
        for node in directory.children():
            key = key_of(node.name)
            if isinstance(node, Directory):
                found[(*path, key)] = (DIRECTORY, node.name, node.number, node.changed, node.written, node.metadata)
                visit(node, (*path, key))
            else:
                content = b"".join(extent.block.view() for extent in node.extents)
                found[(*path, key)] = (FILE, node.name, node.number, node.changed, node.written, node.metadata, content)
        listed, _ = directory.page("", "", 5_000)
        assert [key_of(node.name) for node in listed] == sorted(key_of(node.name) for node in directory.children())

    visit(root, ())
    return found


class Snapshots(RuleBasedStateMachine):
    """Random operations; every snapshot must go on looking as it did when it was taken."""

    persistent = False

    @initialize()
    def start(self):
        self.stack = ExitStack()
        self.directory = (
            Path(self.stack.enter_context(tempfile.TemporaryDirectory(dir=MEMORY))) if self.persistent else None
        )
        self.frozen = {}
        self.store = None
        self.open()
        self.emulator.create_share("share")

    def open(self):
        if self.persistent:
            if self.store is not None:
                self.store.close()
            account, self.store = open_account(self.directory)
            self.emulator = InProcess(account, self.store)
        else:
            self.emulator = InProcess()

    def share(self):
        return self.emulator.account.shares["share"]

    def call(self, *arguments, **keywords):
        answer = self.emulator.send(*arguments, **keywords)
        assert answer.status < 500
        return answer

    @rule(path=PATHS, body=st.binary(max_size=5))
    def put_file(self, path, body):
        self.emulator.put("share/" + "/".join(path), body)

    @rule(path=PATHS)
    def make_directory(self, path):
        self.call("PUT", "share/" + "/".join(path), {"restype": "directory"})

    @rule(path=PATHS, value=st.text("xyz", max_size=3))
    def set_metadata(self, path, value):
        for query in ({"comp": "metadata"}, {"comp": "metadata", "restype": "directory"}):
            self.call("PUT", "share/" + "/".join(path), query, {"x-ms-meta-k": value})

    @rule(path=PATHS)
    def delete(self, path):
        for query in ({}, {"restype": "directory"}):
            self.call("DELETE", "share/" + "/".join(path), query)

    @rule(path=PATHS, goal=PATHS, replaces=st.sampled_from(["true", "false"]))
    def rename(self, path, goal, replaces):
        headers = {
            "x-ms-file-rename-source": f"http://127.0.0.1/devstoreaccount1/share/{'/'.join(path)}",
            "x-ms-file-rename-replace-if-exists": replaces,
        }
        for query in ({"comp": "rename"}, {"comp": "rename", "restype": "directory"}):
            self.call("PUT", "share/" + "/".join(goal), query, headers)

    @rule()
    def take_snapshot(self):
        id_ = self.emulator.snapshot("share")
        self.frozen[id_] = shape(self.share().root)

    @rule(data=st.data())
    def drop_snapshot(self, data):
        if self.frozen:
            id_ = data.draw(st.sampled_from(sorted(self.frozen)))
            assert self.call("DELETE", "share", {"restype": "share", "sharesnapshot": id_}).status == 202
            del self.frozen[id_]

    @rule()
    def restart(self):
        if self.persistent:
            before = shape(self.share().root)
            epoch = self.share().epoch
            self.open()
            assert shape(self.share().root) == before
            assert self.share().epoch == epoch
            stored = {row[0] for row in self.store.db.execute("SELECT id FROM block")}
            roots = [self.share().root, *(s.root for s in self.share().snapshots.values())]
            files = [node for root in roots for node in walk(root) if not isinstance(node, Directory)]
            assert stored == {extent.block.id for file in files for extent in file.extents}, (
                "nothing lost, nothing kept"
            )

    @invariant()
    def snapshots_do_not_change(self):
        assert {id_: shape(snapshot.root) for id_, snapshot in self.share().snapshots.items()} == self.frozen

    @invariant()
    def every_node_knows_its_parent_and_has_its_own_number(self):
        root = self.share().root
        numbers = [node.number for node in walk(root)]
        assert len(numbers) == len(set(numbers))
        for node in [root, *walk(root)]:
            if isinstance(node, Directory):
                assert all(child.parent_number == node.number for child in node.children())

    def teardown(self):
        with self.stack:
            if self.persistent:
                try:
                    self.restart()
                    self.snapshots_do_not_change()
                finally:
                    self.store.close()


class PersistentSnapshots(Snapshots):
    """The same, with restarts from disk in between."""

    persistent = True


TestSnapshots = Snapshots.TestCase
TestSnapshots.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)
TestPersistentSnapshots = PersistentSnapshots.TestCase
TestPersistentSnapshots.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


def test_a_row_outlives_the_snapshot_that_its_parents_row_died_with():
    machine = PersistentSnapshots()
    machine.start()
    machine.make_directory(("a",))
    machine.make_directory(("a", "B"))
    id_ = machine.emulator.snapshot("share")
    machine.emulator.send("DELETE", "share", {"restype": "share", "sharesnapshot": id_})
    machine.make_directory(("a", "a"))
    machine.teardown()


def test_taking_a_snapshot_copies_no_node():
    emulator = InProcess()
    emulator.create_share("share")
    emulator.make_directory("share/deep")
    for number in range(50):
        emulator.put(f"share/deep/{number}")
    emulator.put("share/other")
    root = emulator.account.shares["share"].root
    emulator.snapshot("share")
    assert emulator.account.shares["share"].root is root
    emulator.put("share/other", b"changed")
    live = emulator.account.shares["share"].root
    assert live is not root
    assert live.child("DEEP") is root.child("DEEP"), "what did not change is shared"
