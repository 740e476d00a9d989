"""Leases: the documented table of states against a model of it, and what a lease keeps others from doing."""

from dataclasses import replace

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from localdev.files_emulator import leases
from localdev.files_emulator.errors import ServiceError
from localdev.files_emulator.loading import open_account
from tests.support.files_emulator import InProcess

A, B, C = (f"{letter * 8}-0000-0000-0000-000000000000" for letter in "abc")
SECOND = 10_000_000

#: (action, state) -> outcome with the lease's id, outcome with another: the state it is in then, or a refusal's code.
TABLE = {
    "acquire": {
        "available": ("leased", "leased"),
        "leased": ("leased", "LeaseAlreadyPresent"),
        "breaking": ("LeaseIsBreakingAndCannotBeAcquired", "LeaseAlreadyPresent"),
        "broken": ("leased", "leased"),
        "expired": ("leased", "leased"),
    },
    "renew": {
        "available": ("LeaseIdMismatchWithLeaseOperation",) * 2,
        "leased": ("leased", "LeaseIdMismatchWithLeaseOperation"),
        "breaking": ("LeaseIsBrokenAndCannotBeRenewed", "LeaseIdMismatchWithLeaseOperation"),
        "broken": ("LeaseIsBrokenAndCannotBeRenewed", "LeaseIdMismatchWithLeaseOperation"),
        "expired": ("leased", "LeaseIdMismatchWithLeaseOperation"),
    },
    "change": {
        "available": ("LeaseNotPresentWithLeaseOperation",) * 2,
        "leased": ("leased", "LeaseIdMismatchWithLeaseOperation"),
        "breaking": ("LeaseIsBreakingAndCannotBeChanged", "LeaseIdMismatchWithLeaseOperation"),
        "broken": ("LeaseNotPresentWithLeaseOperation",) * 2,
        "expired": ("LeaseNotPresentWithLeaseOperation",) * 2,
    },
    "release": {
        "available": ("LeaseIdMismatchWithLeaseOperation",) * 2,
        "leased": ("available", "LeaseIdMismatchWithLeaseOperation"),
        "breaking": ("available", "LeaseIdMismatchWithLeaseOperation"),
        "broken": ("available", "LeaseIdMismatchWithLeaseOperation"),
        "expired": ("available", "LeaseIdMismatchWithLeaseOperation"),
    },
}


class LeaseStates(RuleBasedStateMachine):
    """One lease and its model: a state, an id, and how many seconds are left until the state changes by itself."""

    def __init__(self):
        super().__init__()
        self.lease = None
        self.now = 1_000 * SECOND
        self.state, self.id, self.asked, self.left, self.breaks_in = "available", None, None, None, None

    def outcome(self, action, id_):
        return TABLE[action][self.state][id_ != self.id]

    def expect(self, outcome, call):
        """Carry out ``call``; return whether it was done, which must be what ``outcome`` says."""
        if outcome.startswith("Lease"):
            with pytest.raises(ServiceError) as caught:
                call()
            assert caught.value.code == outcome
            return False
        result = call()
        self.lease = None if outcome == "available" else result
        self.state = outcome
        return True

    @rule(id_=st.sampled_from([A, B, C]), seconds=st.sampled_from([-1, 15, 60]))
    def acquire(self, id_, seconds):
        if self.expect(self.outcome("acquire", id_), lambda: leases.acquire(self.lease, id_, seconds, self.now)):
            self.id, self.asked, self.breaks_in = id_, seconds, None
            self.left = None if seconds == -1 else seconds

    @rule(id_=st.sampled_from([A, B, C]))
    def renew(self, id_):
        if self.expect(self.outcome("renew", id_), lambda: leases.renew(self.lease, id_, self.now)):
            self.left = None if self.asked == -1 else self.asked

    @rule(id_=st.sampled_from([A, B, C]), wanted=st.sampled_from([A, B, C]))
    def change(self, id_, wanted):
        given = self.id if wanted == self.id else id_  # changing into what it is already succeeds
        if self.expect(self.outcome("change", given), lambda: leases.change(self.lease, id_, wanted, self.now)):
            self.id = wanted

    @rule(id_=st.sampled_from([A, B, C]))
    def release(self, id_):
        if self.expect(self.outcome("release", id_), lambda: leases.release(self.lease, id_, self.now)):
            self.id = None

    @rule(id_=st.sampled_from(["", A, B]), period=st.sampled_from([None, 0, 5, 60]))
    def break_(self, id_, period):
        if self.state == "available":
            self.expect("LeaseNotPresentWithLeaseOperation", lambda: leases.break_(None, id_, period, self.now))
            return
        if id_ not in ("", self.id):
            self.expect("LeaseIdMismatchWithLeaseOperation", lambda: leases.break_(self.lease, id_, period, self.now))
            return
        self.lease, left = leases.break_(self.lease, id_, period, self.now)
        if self.state in ("broken", "expired"):
            expected = 0
        else:
            remaining = self.breaks_in if self.state == "breaking" else self.left
            expected = min(
                n for n in (remaining, period, 0 if remaining is None and period is None else None) if n is not None
            )
        assert left == expected
        self.state = "breaking" if expected else "broken"
        self.breaks_in = expected or None

    @rule(seconds=st.sampled_from([1, 4, 14, 15, 60]))
    def wait(self, seconds):
        self.now += seconds * SECOND
        if self.state == "leased" and self.left is not None:
            self.left = max(self.left - seconds, 0)
            self.state = "leased" if self.left else "expired"
        elif self.state == "breaking":
            self.left = None if self.left is None else self.left - seconds
            self.breaks_in = max(self.breaks_in - seconds, 0)
            self.state = "breaking" if self.breaks_in else "broken"

    @invariant()
    def they_agree(self):
        assert leases.state_of(self.lease, self.now) == self.state


LeaseStates.TestCase.settings = settings(max_examples=150, stateful_step_count=30, deadline=None)
test_a_lease_goes_through_the_documented_states = LeaseStates.TestCase


@pytest.fixture
def emulator():
    found = InProcess()
    found.create_share("share")
    found.make_directory("share/d")
    assert found.put("share/d/f", b"content").status == 201
    return found


def lease(emulator, path="share/d/f", action="acquire", **headers):
    query = {"comp": "lease"} if "/" in path else {"comp": "lease", "restype": "share"}
    snapshot = headers.pop("sharesnapshot", None)
    if snapshot:
        query["sharesnapshot"] = snapshot
    if action == "acquire":
        headers.setdefault("duration", "-1")
    names = {
        "id": "x-ms-lease-id",
        "proposed": "x-ms-proposed-lease-id",
        "duration": "x-ms-lease-duration",
        "period": "x-ms-lease-break-period",
    }
    return emulator.send(
        "PUT", path, query, {"x-ms-lease-action": action, **{names[name]: value for name, value in headers.items()}}
    )


def lease_of(emulator, path="share/d/f", **query):
    found = emulator.send("HEAD", path, query).headers
    return tuple(found.get(f"x-ms-lease-{name}") for name in ("status", "state", "duration"))


def test_the_life_of_a_file_lease(emulator):
    before = emulator.send("HEAD", "share/d/f").headers["etag"]
    taken = lease(emulator, proposed=A.upper())
    assert (taken.status, taken.headers["x-ms-lease-id"]) == (201, A)
    assert lease_of(emulator) == ("locked", "leased", "infinite")
    assert lease(emulator, proposed=A).status == 201
    assert lease(emulator).code == "LeaseAlreadyPresent"
    changed = lease(emulator, action="change", id=A, proposed=B)
    assert (changed.status, changed.headers["x-ms-lease-id"]) == (200, B)
    assert lease(emulator, action="release", id=A).code == "LeaseIdMismatchWithLeaseOperation"
    broken = lease(emulator, action="break")
    assert (broken.status, broken.headers["x-ms-lease-time"]) == (202, "0")
    assert lease_of(emulator) == ("unlocked", "broken", None)
    assert lease(emulator, action="release", id=B).status == 200
    assert lease_of(emulator) == ("unlocked", "available", None)
    assert emulator.send("HEAD", "share/d/f").headers["etag"] == before


@pytest.mark.parametrize(
    ("action", "headers", "code", "header"),
    [
        ("acquire", {"duration": "15"}, "InvalidHeaderValue", "x-ms-lease-duration"),
        ("acquire", {"duration": ""}, "MissingRequiredHeader", "x-ms-lease-duration"),
        ("acquire", {"proposed": "mine"}, "InvalidHeaderValue", "x-ms-proposed-lease-id"),
        ("renew", {"id": A}, "InvalidHeaderValue", "x-ms-lease-action"),
        ("release", {}, "MissingRequiredHeader", "x-ms-lease-id"),
        ("release", {"id": "{" + A}, "InvalidHeaderValue", "x-ms-lease-id"),
        ("change", {"id": A}, "MissingRequiredHeader", "x-ms-proposed-lease-id"),
        ("steal", {}, "InvalidHeaderValue", "x-ms-lease-action"),
    ],
)
def test_a_lease_request_that_makes_no_sense_is_refused_by_name(emulator, action, headers, code, header):
    answer = lease(emulator, action=action, **headers)
    assert (answer.status, answer.code) == (400, code)
    assert header.encode() in answer.body
    assert lease_of(emulator)[1] == "available"


def test_a_file_of_an_nfs_share_cannot_be_leased(emulator):
    emulator.send("PUT", "nfs", {"restype": "share"}, {"x-ms-enabled-protocols": "NFS"})
    assert emulator.put("nfs/f", b"content").status == 201
    answer = lease(emulator, "nfs/f")
    assert (answer.status, answer.code) == (400, "UnsupportedQueryParameter")
    assert lease(emulator, "nfs").status == 201


SOURCE = f"http://127.0.0.1/{'devstoreaccount1'}/share/d/"
WRITES = {
    "create": ("PUT", "share/d/f", {}, {"x-ms-type": "file", "x-ms-content-length": "3"}, b"new"),
    "delete": ("DELETE", "share/d/f", {}, {}, b""),
    "properties": ("PUT", "share/d/f", {"comp": "properties"}, {"x-ms-content-length": "3"}, b""),
    "metadata": ("PUT", "share/d/f", {"comp": "metadata"}, {"x-ms-meta-a": "1"}, b""),
    "range": ("PUT", "share/d/f", {"comp": "range"}, {"x-ms-write": "update", "x-ms-range": "bytes=0-2"}, b"new"),
    "clear": ("PUT", "share/d/f", {"comp": "range"}, {"x-ms-write": "clear", "x-ms-range": "bytes=0-2"}, b""),
    "range from": (
        "PUT",
        "share/d/f",
        {"comp": "range"},
        {
            "x-ms-write": "update",
            "x-ms-range": "bytes=0-2",
            "x-ms-source-range": "bytes=0-2",
            "x-ms-copy-source": f"{SOURCE}g",
        },
        b"",
    ),
    "copy onto": ("PUT", "share/d/f", {}, {"x-ms-copy-source": f"{SOURCE}g"}, b""),
    "rename": ("PUT", "share/d/h", {"comp": "rename"}, {"x-ms-file-rename-source": f"{SOURCE}f"}, b""),
    "rename onto": (
        "PUT",
        "share/d/f",
        {"comp": "rename"},
        {"x-ms-file-rename-source": f"{SOURCE}g", "x-ms-file-rename-replace-if-exists": "true"},
        b"",
    ),
}
ID_HEADER = {"rename": "x-ms-source-lease-id", "rename onto": "x-ms-destination-lease-id"}


@pytest.mark.parametrize("write", WRITES)
def test_a_lease_keeps_others_out(emulator, write):
    emulator.put("share/d/g", b"another")
    lease(emulator, proposed=A)
    method, path, query, headers, body = WRITES[write]
    name = ID_HEADER.get(write, "x-ms-lease-id")

    missing = emulator.send(method, path, query, headers, body)
    assert (missing.status, missing.code) == (412, "LeaseIdMissing")
    wrong = emulator.send(method, path, query, {**headers, name: B}, body)
    assert (wrong.status, wrong.code) == (412, "LeaseIdMismatchWithFileOperation")
    assert emulator.send(method, path, query, {**headers, name: "x"}, body).code == "InvalidHeaderValue"
    assert emulator.get("share/d/f").body == b"content"
    assert emulator.send(method, path, query, {**headers, name: A}, body).status < 300


@pytest.mark.parametrize("write", WRITES)
def test_a_lease_that_is_not_there_is_no_key(emulator, write):
    emulator.put("share/d/g", b"another")
    method, path, query, headers, body = WRITES[write]
    name = ID_HEADER.get(write, "x-ms-lease-id")
    answer = emulator.send(method, path, query, {**headers, name: A}, body)
    assert (answer.status, answer.code) == (412, "LeaseNotPresentWithFileOperation")
    assert emulator.get("share/d/f").body == b"content"


@pytest.mark.parametrize("write", ["create", "properties", "metadata", "range", "copy onto"])
def test_writing_after_a_break_makes_the_file_available(emulator, write):
    emulator.put("share/d/g", b"another")
    lease(emulator, proposed=A)
    lease(emulator, action="break")
    method, path, query, headers, body = WRITES[write]
    assert emulator.send(method, path, query, {**headers, "x-ms-lease-id": A}, body).code == "LeaseLost"
    assert lease_of(emulator)[1] == "broken"
    assert emulator.send(method, path, query, headers, body).status < 300
    assert lease_of(emulator)[1] == "available"


def test_anybody_may_read_but_not_with_a_wrong_key(emulator):
    lease(emulator, proposed=A)
    ranges = {"comp": "rangelist"}
    for method, query in (("GET", {}), ("HEAD", {}), ("GET", ranges)):
        assert emulator.send(method, "share/d/f", query).status == 200
        assert emulator.send(method, "share/d/f", query, {"x-ms-lease-id": A}).status == 200
        wrong = emulator.send(method, "share/d/f", query, {"x-ms-lease-id": B})
        assert (wrong.status, wrong.code) == (412, "LeaseIdMismatchWithFileOperation")


def test_a_lease_is_not_part_of_a_snapshot(emulator):
    lease(emulator, proposed=A)
    snapshot = emulator.snapshot("share")
    assert lease_of(emulator, sharesnapshot=snapshot)[1] == "available"
    assert emulator.get("share/d/f", {"sharesnapshot": snapshot}, {"x-ms-lease-id": A}).status == 412
    assert lease_of(emulator)[1] == "leased"
    assert lease(emulator, sharesnapshot=snapshot, proposed=B).code == "ShareSnapshotOperationNotSupported"


def test_a_lease_goes_where_its_file_goes_and_ends_with_it(emulator):
    lease(emulator, proposed=A)
    method, path, query, headers, body = WRITES["rename"]
    emulator.send(method, path, query, {**headers, "x-ms-source-lease-id": A}, body)
    assert lease_of(emulator, "share/d/h")[1] == "leased"
    assert emulator.send("DELETE", "share/d/h", {}, {"x-ms-lease-id": A}).status == 202
    assert emulator.put("share/d/h").status == 201
    assert lease_of(emulator, "share/d/h")[1] == "available"
    assert emulator.account.shares["share"].leases == {}


def test_a_replaced_file_stays_leased(emulator):
    lease(emulator, proposed=A)
    assert emulator.put("share/d/f", b"new", {"x-ms-lease-id": A}).status == 201
    assert emulator.put("share/d/f", b"newer").code == "LeaseIdMissing"


def test_a_leased_file_keeps_its_lease_when_it_is_renamed_onto_a_leased_one(emulator):
    emulator.put("share/d/g", b"another")
    lease(emulator, "share/d/g", proposed=A)
    lease(emulator, proposed=B)
    method, path, query, headers, body = WRITES["rename onto"]
    ids = {"x-ms-source-lease-id": A, "x-ms-destination-lease-id": B}
    assert emulator.send(method, path, query, {**headers, **ids}, body).status == 200
    assert lease(emulator, action="release", id=A).status == 200
    assert emulator.account.shares["share"].leases == {}


def delete_share(emulator, snapshot="", **headers):
    query = {"restype": "share"} | ({"sharesnapshot": snapshot} if snapshot else {})
    return emulator.send("DELETE", "share", query, {n.replace("_", "-"): v for n, v in headers.items()})


def test_a_leased_share_cannot_be_deleted_but_used(emulator):
    assert lease(emulator, "share", duration="60", proposed=A).status == 201
    assert lease_of(emulator, "share", restype="share") == ("locked", "leased", "fixed")
    assert delete_share(emulator).code == "LeaseIdMissing"
    assert delete_share(emulator, x_ms_lease_id=B).code == "LeaseIdMismatchWithShareOperation"
    assert emulator.put("share/d/f", b"new").status == 201
    metadata = {"restype": "share", "comp": "metadata"}
    assert emulator.send("PUT", "share", metadata, {"x-ms-meta-a": "1"}).status == 200
    for comp in ("metadata", "properties", "acl"):
        answer = emulator.send("PUT", "share", {"restype": "share", "comp": comp}, {"x-ms-lease-id": B})
        assert (answer.status, answer.code) == (412, "LeaseIdMismatchWithShareOperation")
    for query in ({"restype": "share"}, {"restype": "share", "comp": "stats"}, {"restype": "share", "comp": "acl"}):
        assert emulator.send("GET", "share", query, {"x-ms-lease-id": B}).status == 412
        assert emulator.send("GET", "share", query, {"x-ms-lease-id": A}).status == 200
    assert delete_share(emulator, x_ms_lease_id=A).status == 202


def test_a_share_lease_is_broken_in_time(emulator):
    lease(emulator, "share", proposed=A)
    broken = lease(emulator, "share", action="break", period="60")
    assert (broken.status, broken.headers["x-ms-lease-time"]) == (202, "60")
    assert lease_of(emulator, "share", restype="share") == ("locked", "breaking", None)
    assert lease(emulator, "share", proposed=A).code == "LeaseIsBreakingAndCannotBeAcquired"
    assert delete_share(emulator).code == "LeaseIdMissing"
    assert lease(emulator, "share", action="break", period="0").headers["x-ms-lease-time"] == "0"
    assert lease(emulator, "share", action="renew", id=A).code == "LeaseIsBrokenAndCannotBeRenewed"
    assert delete_share(emulator, x_ms_lease_id=A).code == "LeaseLost"
    assert delete_share(emulator).status == 202


def test_a_share_lease_that_ran_out_can_be_renewed_or_taken(emulator):
    lease(emulator, "share", duration="15", proposed=A)
    share = emulator.account.shares["share"]
    share.set_lease("", replace(share.leases[""], ends=1))
    assert lease_of(emulator, "share", restype="share") == ("unlocked", "expired", None)
    assert lease(emulator, "share", action="renew", id=A).status == 200
    assert lease_of(emulator, "share", restype="share") == ("locked", "leased", "fixed")
    share.set_lease("", replace(share.leases[""], ends=1))
    assert lease(emulator, "share", proposed=B).status == 201


@pytest.mark.parametrize(
    ("action", "headers", "header"),
    [
        ("acquire", {"duration": "14"}, "x-ms-lease-duration"),
        ("acquire", {"duration": "61"}, "x-ms-lease-duration"),
        ("acquire", {"duration": "0"}, "x-ms-lease-duration"),
        ("break", {"period": "61"}, "x-ms-lease-break-period"),
        ("break", {"period": "-1"}, "x-ms-lease-break-period"),
    ],
)
def test_a_share_lease_has_bounds(emulator, action, headers, header):
    answer = lease(emulator, "share", action=action, **headers)
    assert (answer.status, answer.code) == (400, "InvalidHeaderValue")
    assert f"<HeaderName>{header}<".encode() in answer.body


def test_a_leased_snapshot_protects_itself_and_its_share(emulator):
    first, second = emulator.snapshot("share"), emulator.snapshot("share")
    assert lease(emulator, "share", sharesnapshot=first, proposed=A).status == 201
    assert lease_of(emulator, "share", restype="share", sharesnapshot=first)[1] == "leased"
    assert lease_of(emulator, "share", restype="share", sharesnapshot=second)[1] == "available"
    assert lease_of(emulator, "share", restype="share")[1] == "available"
    assert delete_share(emulator, first).code == "LeaseIdMissing"
    assert delete_share(emulator).code == "ShareHasSnapshots"
    refused = delete_share(emulator, x_ms_delete_snapshots="include")
    assert (refused.status, refused.code) == (409, "DeleteShareWhenSnapshotLeased")
    assert delete_share(emulator, second).status == 202
    assert delete_share(emulator, x_ms_delete_snapshots="include-leased").status == 202


def test_a_snapshot_is_deleted_with_the_key_to_it(emulator):
    snapshot = emulator.snapshot("share")
    lease(emulator, "share", sharesnapshot=snapshot, proposed=A)
    assert delete_share(emulator, snapshot, x_ms_lease_id=A).status == 202
    assert emulator.account.shares["share"].leases == {}


def test_leases_are_kept_on_disk(tmp_path):
    account, store = open_account(tmp_path)
    emulator = InProcess(account, store)
    emulator.create_share("share")
    emulator.make_directory("share/d")
    for name in "fgh":
        emulator.put(f"share/d/{name}", b"content")
        lease(emulator, f"share/d/{name}", proposed=A)
    snapshot = emulator.snapshot("share")
    lease(emulator, "share", sharesnapshot=snapshot, duration="60", proposed=B)
    lease(emulator, "share", proposed=C)
    lease(emulator, "share", action="break", period="60")
    lease(emulator, "share/d/g", action="release", id=A)
    emulator.send("DELETE", "share/d/h", {}, {"x-ms-lease-id": A})
    before = dict(account.shares["share"].leases)
    store.close()

    account, store = open_account(tmp_path)
    assert account.shares["share"].leases == before
    assert len(before) == 3
    emulator = InProcess(account, store)
    assert emulator.put("share/d/f", b"new").code == "LeaseIdMissing"
    assert lease_of(emulator, "share", restype="share")[1] == "breaking"
    store.close()
