"""Shares that are created, leased, deleted, restored and read back from disk, against a model that keeps it all."""

import copy
import tempfile
from contextlib import ExitStack
from pathlib import Path
from xml.etree import ElementTree

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from localdev.files_emulator.loading import open_account
from tests.support.files_emulator import InProcess

SHARES = st.sampled_from(["one", "two"])
FILES = st.sampled_from(["a", "b"])
SHARE = {"restype": "share"}
LEASE = {"x-ms-lease-action": "acquire", "x-ms-lease-duration": "-1"}
KEEP = (
    b"<StorageServiceProperties><ShareDeleteRetentionPolicy><Enabled>true</Enabled><Days>1</Days>"
    b"</ShareDeleteRetentionPolicy></StorageServiceProperties>"
)
MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None  # fsync would be most of the time


class Histories(RuleBasedStateMachine):
    """The model of a share is {"files": {name: content}, "snapshots": {id: files}, "leases": {file or "": id}}."""

    @initialize()
    def start(self):
        self.stack = ExitStack()
        self.directory = Path(self.stack.enter_context(tempfile.TemporaryDirectory(dir=MEMORY)))
        self.store = None
        self.live, self.deleted = {}, []
        self.reopen()
        self.emulator.send("PUT", "", {"restype": "service", "comp": "properties"}, {}, KEEP)

    @rule()
    def reopen(self):
        if self.store is not None:
            self.store.close()
        account, self.store = open_account(self.directory)
        self.emulator = InProcess(account, self.store)

    @rule(name=SHARES)
    def create(self, name):
        answer = self.emulator.send("PUT", name, SHARE)
        assert answer.code == ("ShareAlreadyExists" if name in self.live else "")
        self.live.setdefault(name, {"files": {}, "snapshots": {}, "leases": {}})

    @rule(name=SHARES)
    def delete(self, name):
        share = self.live.get(name)
        id_ = share["leases"].get("") if share else None
        if id_:
            assert (
                self.emulator.send("DELETE", name, SHARE, {"x-ms-delete-snapshots": "include"}).code == "LeaseIdMissing"
            )
        headers = {"x-ms-delete-snapshots": "include"} | ({"x-ms-lease-id": id_} if id_ else {})
        answer = self.emulator.send("DELETE", name, SHARE, headers)
        assert answer.code == ("" if share else "ShareNotFound")
        if share:
            share["leases"].pop("", None)
            version = max(version for found, _, version in self.listed() if found == name)
            self.deleted.append((name, version, self.live.pop(name)))

    @rule(number=st.integers(0, 3))
    def restore(self, number):
        if number >= len(self.deleted):
            return
        name, version, share = self.deleted[number]
        headers = {"x-ms-deleted-share-name": name, "x-ms-deleted-share-version": version}
        answer = self.emulator.send("PUT", name, {**SHARE, "comp": "undelete"}, headers)
        assert answer.code == ("ShareAlreadyExists" if name in self.live else "")
        if not answer.code:
            self.live[name] = share
            del self.deleted[number]

    @rule(name=SHARES, file=FILES, content=st.binary(max_size=3))
    def put(self, name, file, content):
        if name in self.live:
            id_ = self.live[name]["leases"].get(file)
            answer = self.emulator.put(f"{name}/{file}", content, {"x-ms-lease-id": id_} if id_ else {})
            assert answer.status == 201
            self.live[name]["files"][file] = content

    @rule(name=SHARES, file=FILES)
    def remove(self, name, file):
        if file in self.live.get(name, {"files": {}})["files"]:
            id_ = self.live[name]["leases"].pop(file, None)
            answer = self.emulator.send("DELETE", f"{name}/{file}", {}, {"x-ms-lease-id": id_} if id_ else {})
            assert answer.status == 202
            del self.live[name]["files"][file]

    @rule(name=SHARES)
    def snapshot(self, name):
        if name in self.live:
            self.live[name]["snapshots"][self.emulator.snapshot(name)] = copy.copy(self.live[name]["files"])

    @rule(name=SHARES, holder=st.sampled_from(["", "a", "b"]))
    def lease(self, name, holder):
        if name not in self.live or (holder and holder not in self.live[name]["files"]):
            return
        path, query = (f"{name}/{holder}", {"comp": "lease"}) if holder else (name, {**SHARE, "comp": "lease"})
        answer = self.emulator.send("PUT", path, query, LEASE)
        assert answer.code == ("LeaseAlreadyPresent" if holder in self.live[name]["leases"] else "")
        if not answer.code:
            self.live[name]["leases"][holder] = answer.headers["x-ms-lease-id"]

    def listed(self):
        answer = self.emulator.get("", {"comp": "list", "include": "deleted,snapshots"})
        items = ElementTree.fromstring(answer.body).findall("Shares/Share")
        return [tuple(item.findtext(tag) or "" for tag in ("Name", "Snapshot", "Version")) for item in items]

    @invariant()
    def they_agree(self):
        expected = [(name, "", version) for name, version, _ in self.deleted]
        for name, share in self.live.items():
            expected += [(name, "", ""), *((name, id_, "") for id_ in share["snapshots"])]
            for file in "ab":
                self.agree_on(f"{name}/{file}", {}, share["files"].get(file))
                for id_, files in share["snapshots"].items():
                    self.agree_on(f"{name}/{file}", {"sharesnapshot": id_}, files.get(file))
            held = self.emulator.account.shares[name].leases
            assert sorted(lease.id for lease in held.values()) == sorted(share["leases"].values())
        assert sorted(self.listed()) == sorted(expected)

    def agree_on(self, path, query, content):
        answer = self.emulator.get(path, query)
        assert (answer.status, answer.body if answer.status == 200 else None) == (
            404 if content is None else 200,
            content,
        )

    def teardown(self):
        self.store.close()
        self.stack.close()


Histories.TestCase.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
test_shares_go_through_any_history_and_outlive_a_restart = Histories.TestCase
