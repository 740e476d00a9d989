"""Security descriptors: SDDL and bytes say the same, and what is new inherits from its directory."""

import json
import struct
from base64 import b64decode, b64encode
from dataclasses import replace
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localdev.files_emulator import descriptor, inheritance, sddl
from localdev.files_emulator.descriptor import Ace, Descriptor
from localdev.files_emulator.errors import ServiceError
from localdev.files_emulator.permissions import ROOT_DEFAULT, normalise
from tests.support.files_emulator import InProcess

SYSTEM = bytes.fromhex("01 01 00000000 0005 12000000")
EVERYONE = bytes.fromhex("01 01 00000000 0001 00000000")
#: O:SYG:SYD:PAI(A;OICI;FA;;;WD), taken apart by hand.
BY_HAND = (
    bytes.fromhex("01 00 1494 30000000 3c000000 00000000 14000000")
    + bytes.fromhex("02 00 1c00 0100 0000  00 03 1400 ff011f00")
    + EVERYONE
    + SYSTEM
    + SYSTEM
)
#: A descriptor in both formats, and what a file has that was created with it, as recorded from the service.
RECORDED = (
    "O:S-1-5-21-2127521184-1604012920-1887927527-21560751G:S-1-5-21-2127521184-1604012920-1887927527-513"
    "D:AI(A;;FA;;;SY)(A;;FA;;;BA)(A;;0x1200a9;;;S-1-5-21-397955417-626881126-188441444-3053964)S:NO_ACCESS_CONTROL"
)
RECORDED_BINARY = (
    "AQAUhGwAAACIAAAAAAAAABQAAAACAFgAAwAAAAAAFAD/AR8AAQEAAAAAAAUSAAAAAAAYAP8BHwABAgAAAAAABSAAAAAgAgAAAAAkAKkAEgABBQAAAAAA"
    "BRUAAABZUbgXZnJdJWRjOwuMmS4AAQUAAAAAAAUVAAAAoGXPfnhLm1/nfIdwr/1IAQEFAAAAAAAFFQAAAKBlz354S5tf53yHcAECAAA="
)
#: The same, of a file nobody gave a descriptor.
RECORDED_DEFAULT = (
    "AQAEgIgAAACUAAAAAAAAABQAAAACAHQABQAAAAAAGAD/AR8AAQIAAAAAAAUgAAAAIAIAAAAAFAD/AR8AAQEAAAAAAAUSAAAAAAAYAKkAEgABAgAAAAAA"
    "BSAAAAAhAgAAAAAUAL8BEwABAQAAAAAABQsAAAAAABQA/wEfAAEBAAAAAAAFEgAAAAEBAAAAAAAFEgAAAAEBAAAAAAAFEgAAAA=="
)
INHERITED_FILE = "O:SYG:SYD:(A;;FA;;;BA)(A;;FA;;;SY)(A;;0x1200a9;;;BU)(A;;0x1301bf;;;AU)(A;;FA;;;SY)"

sids = st.builds(
    lambda authority, subs: bytes((1, len(subs))) + authority.to_bytes(6, "big") + struct.pack(f"<{len(subs)}I", *subs),
    st.sampled_from([1, 5, 16, 2**32 + 7]) | st.integers(0, 2**48 - 1),
    st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=15),
) | st.sampled_from([SYSTEM, EVERYONE, sddl.parse_sid("BA"), sddl.parse_sid("CO")])
masks = st.integers(0, 2**32 - 1) | st.sampled_from([0x1F01FF, 0x120089, 0x80000000, 0x1200A9, 0, 7])
guids = st.just(b"") | st.binary(min_size=16, max_size=16)
speakable = st.builds(Ace, st.sampled_from([0, 1, 2, 3, 0x11, 0x13]), st.integers(0, 255), masks, sids) | st.builds(
    Ace, st.sampled_from([5, 6, 7, 8]), st.integers(0, 255), masks, sids, guids, guids
)
opaque = st.builds(
    Ace, st.just(9), st.just(0), masks, sids, rest=st.binary(min_size=1, max_size=12).map(lambda b: b"artx" + b)
) | st.builds(Ace, st.just(4), st.integers(0, 255), st.just(0), st.just(b""), rest=st.binary(max_size=12))
controls = st.sets(st.sampled_from([1 << bit for bit in (4, 8, 9, 10, 11, 12, 13)])).map(sum)


def descriptors(aces):
    acls = st.none() | st.lists(aces, max_size=4).map(tuple)
    return st.builds(Descriptor, sids, sids, acls, acls, controls).map(
        lambda found: (
            replace(found, control=found.control | descriptor.SACL_PRESENT)
            if found.sacl is not None or found.control & descriptor.SACL_CONTROL
            else found
        )
    )


@pytest.fixture
def emulator():
    emulator = InProcess()
    emulator.create_share("share")
    return emulator


@given(descriptors(speakable))
def test_bytes_and_text_both_say_all_of_a_descriptor(found):
    data, text = descriptor.to_bytes(found), sddl.spell(found)
    assert descriptor.from_bytes(data) == found
    assert sddl.parse(text) == found
    filed = text if found.control & descriptor.SACL_PRESENT else f"{text}S:NO_ACCESS_CONTROL"
    assert normalise(text) == filed == normalise(b64encode(data).decode(), is_binary=True)


@given(descriptors(speakable | opaque))
def test_bytes_keep_what_text_cannot_say(found):
    data = descriptor.to_bytes(found)
    assert descriptor.from_bytes(data) == found
    text = b64encode(data).decode()
    present = replace(found, control=found.control | descriptor.SACL_PRESENT)
    filed = sddl.spell(present) or b64encode(descriptor.to_bytes(present)).decode()
    assert normalise(text, is_binary=True) == filed


@given(st.binary(max_size=80), st.lists(st.tuples(st.integers(0, 59), st.integers(0, 255)), max_size=4))
def test_broken_bytes_are_refused(noise, edits):
    edited = bytearray(BY_HAND)
    for position, byte in edits:
        edited[position] = byte
    for data in (noise, bytes(edited), bytes(edited)[: len(noise)]):
        try:
            found = descriptor.from_bytes(data)
        except ValueError:
            continue
        assert descriptor.from_bytes(descriptor.to_bytes(found)) == found


@given(
    st.sampled_from([ROOT_DEFAULT, RECORDED, "O:SYG:SYD:PAI(OA;;CR;00112233-4455-6677-8899-aabbccddeeff;;WD)"]),
    st.lists(
        st.tuples(st.integers(0, 120), st.sampled_from(["", "(", ")", ";", "-", "0x", "A", "S-1-", "é", "1" * 12]))
    ),
)
def test_broken_text_is_refused(text, edits):
    for position, insertion in edits:
        text = text[:position] + insertion + text[position + 1 :]
    try:
        found = sddl.parse(text)
    except ValueError:
        return
    assert sddl.parse(sddl.spell(found)) == found


def test_a_descriptor_taken_apart_by_hand():
    text = "O:SYG:SYD:PAI(A;OICI;FA;;;WD)S:NO_ACCESS_CONTROL"
    assert descriptor.to_bytes(sddl.parse(text)) == BY_HAND
    assert sddl.spell(descriptor.from_bytes(BY_HAND)) == text


def test_an_object_ace_by_hand():
    guid = UUID("00112233-4455-6677-8899-aabbccddeeff")
    data = descriptor.to_bytes(sddl.parse(f"O:SYG:SYD:(OA;;CR;{guid};;WD)"))
    acl = data[20:-24]
    assert acl[:2] == b"\x04\x00"  # the revision of ACLs with object ACEs
    assert acl[8:] == struct.pack("<BBHII", 5, 0, 40, 0x100, 1) + guid.bytes_le + EVERYONE


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("O:S-1-5-18G:S-1-5-32-544D:(A;;FA;;;WD)", "O:SYG:BAD:(A;;FA;;;S-1-1-0)"),
        ("O:SYG:SYD:(A;;0x1f01ff;;;WD)", "O:SYG:SYD:(A;;2032127;;;WD)"),
        ("O:SYG:SYD:(A;CIOI;GRGX;;;WD)", "O:SYG:SYD:(A;OICI;GXGR;;;WD)"),
        ("O:SYG:SYD:AIP(A;;FR;;;WD)", "O:SYG:SYD:PAI(A;;0x120089;;;WD)S:NO_ACCESS_CONTROL"),
        ("O:SYG:SYD:(A;;CCDCLCSWRPWPDTLOCRSDRCWDWO;;;WD)", "O:SYG:SYD:(A;;0xf01ff;;;WD)"),
        ("O:SYG:SYD:S:(ML;;NWNR;;;HI)", "O:SYG:SYD:S:(ML;;0x3;;;S-1-16-12288)"),
        ("O:SYG:SYD:NO_ACCESS_CONTROL", "O:SYG:SYD:NO_ACCESS_CONTROLS:NO_ACCESS_CONTROL"),
    ],
)
def test_spellings_of_one_descriptor_are_one(one, other):
    assert normalise(one) == normalise(other)


@pytest.mark.parametrize(
    "text",
    [
        "O:LAG:SYD:(A;;FA;;;SY)",
        "O:SYG:SYD:(A;;FA;;;ZZ)",
        "O:SYG:SYD:(A;XX;FA;;;SY)",
        "O:SYG:SYD:(A;;QQ;;;SY)",
        "O:SYG:SYD:(A;;0x1ffffffff;;;SY)",
        "O:SYG:SYD:(A;;FA;00112233-4455-6677-8899-aabbccddeeff;;SY)",
        "O:SYG:SYD:(OA;;FA;0011;;SY)",
        "O:SYG:SYD:PP(A;;FA;;;SY)",
        "O:SYG:SYD:NO_ACCESS_CONTROL(A;;FA;;;SY)",
        "O:S-1-5-4294967296G:SYD:(A;;FA;;;SY)",
        "O:S-1-5G:SYD:(A;;FA;;;SY)",
        '(XA;;FX;;;WD;(@User.Title=="PM"))',
        "O:SYG:SYD:(A;;FA;;;SY)" + "(A;;FA;;;SY)" * 6000,
    ],
)
def test_what_sddl_cannot_mean_is_refused(text):
    with pytest.raises(ServiceError, match="FileInvalidPermission"):
        normalise(text)


def test_an_acl_that_outgrows_its_64_kib_is_refused():
    with pytest.raises(ServiceError, match="FileInvalidPermission"):
        normalise("O:SYG:SYD:" + "(D;;FA;;;WD)" * 3300)


def create_permission(emulator, **body):
    answer = emulator.send(
        "PUT", "share", {"restype": "share", "comp": "filepermission"}, body=json.dumps(body).encode()
    )
    return answer.headers.get("x-ms-file-permission-key", answer.code)


def get_permission(emulator, key, form=None):
    headers = {"x-ms-file-permission-key": key} | ({"x-ms-file-permission-format": form} if form else {})
    return emulator.get("share", {"restype": "share", "comp": "filepermission"}, headers)


def test_a_descriptor_has_one_key_in_both_formats(emulator):
    binary = b64encode(BY_HAND).decode()
    key = create_permission(emulator, permission=binary, format="binary")
    assert key == create_permission(emulator, permission="O:SYG:SYD:PAI(A;OICI;FA;;;WD)", format="SDDL")
    assert json.loads(get_permission(emulator, key).body) == {
        "permission": "O:SYG:SYD:PAI(A;OICI;FA;;;WD)S:NO_ACCESS_CONTROL"
    }
    assert get_permission(emulator, key).body.startswith(b'{"permission":"O:'), "compact, as recorded"
    assert json.loads(get_permission(emulator, key, "sddl").body)["format"] == "sddl"
    answer = json.loads(get_permission(emulator, key, "Binary").body)
    assert answer["format"] == "binary"
    assert descriptor.from_bytes(b64decode(answer["permission"])) == descriptor.from_bytes(BY_HAND)
    header = {"x-ms-file-permission": binary, "x-ms-file-permission-format": "binary"}
    semantics = {"x-ms-file-property-semantics": "Restore"}
    assert emulator.put("share/f", headers=header | semantics).headers["x-ms-file-permission-key"] == key
    changed = emulator.send("PUT", "share/f", {"comp": "properties"}, header)
    assert changed.headers["x-ms-file-permission-key"] == key


def test_a_conditional_ace_is_kept_but_has_no_sddl(emulator):
    conditional = Ace(9, 0, 0x1200A0, EVERYONE, rest=b"artx\xf8\x00\x00\x00")
    data = descriptor.to_bytes(Descriptor(SYSTEM, SYSTEM, (conditional,), control=descriptor.SACL_PRESENT))
    key = create_permission(emulator, permission=b64encode(data).decode(), format="binary")
    assert get_permission(emulator, key).code == "CannotConvertToSddlDueToCustomAce"
    assert b64decode(json.loads(get_permission(emulator, key, "binary").body)["permission"]) == data


@pytest.mark.parametrize("text", ["", "AAAA", "not base64!", b64encode(BY_HAND[:-1]).decode()])
def test_a_wrong_binary_permission_is_refused(emulator, text):
    assert create_permission(emulator, permission=text, format="binary") == "FileInvalidPermission"


def test_a_permission_in_a_header_has_a_limit_and_a_format(emulator):
    long = {"x-ms-file-permission": "O:SYG:SYD:" + "(A;;FA;;;SY)" * 700}
    answer = emulator.put("share/f", headers=long)
    assert (answer.status, answer.code) == (400, "InvalidHeaderValue")
    assert b"<HeaderName>x-ms-file-permission</HeaderName>" in answer.body
    odd = emulator.put("share/f", headers={"x-ms-file-permission-format": "xml"})
    assert b"<HeaderName>x-ms-file-permission-format</HeaderName>" in odd.body
    assert emulator.put("share/f", headers={"x-ms-file-permission": "D:(A;;FA;;;SY)"}).code == "FileInvalidPermission"
    assert emulator.send("HEAD", "share/f").status == 404


def test_a_refused_request_files_no_permission_and_takes_none_away(emulator):
    imported = emulator.account.permissions.key("O:SYG:SYD:(A;;GR;;;BG)")  # by who fills shares without a request
    sent = "O:SYG:SYD:(A;;GW;;;BG)"
    headers = {"x-ms-type": "file", "x-ms-content-length": "0", "x-ms-file-permission": sent}
    assert emulator.send("PUT", "share/none/file", {}, headers).code == "ParentNotFound"
    assert get_permission(emulator, imported).status == 200
    assert emulator.send("PUT", "share/file", {}, headers).status == 201
    filed = emulator.account.permissions.key(sent)
    assert emulator.send("PUT", "share/none/file", {}, headers).code == "ParentNotFound"
    assert get_permission(emulator, filed).status == 200


def sddl_at(emulator, path, query=None):
    key = emulator.send("HEAD", path, query).headers["x-ms-file-permission-key"]
    return json.loads(get_permission(emulator, key).body)["permission"]


DIRECTORY = {"restype": "directory"}


def test_what_is_new_inherits_and_depth_makes_no_difference(emulator):
    for path in ("share/a", "share/a/b", "share/a/b/c"):
        emulator.make_directory(path)
        emulator.put(f"{path}/f")
        assert sddl_at(emulator, path, DIRECTORY) == ROOT_DEFAULT
        assert sddl_at(emulator, f"{path}/f") == INHERITED_FILE
    assert sddl_at(emulator, "share/", DIRECTORY) == ROOT_DEFAULT


def test_a_file_gets_by_default_what_the_service_gives_it(emulator):
    emulator.put("share/f")
    key = emulator.send("HEAD", "share/f").headers["x-ms-file-permission-key"]
    assert json.loads(get_permission(emulator, key, "binary").body)["permission"] == RECORDED_DEFAULT


@pytest.mark.parametrize(
    ("flags", "file", "directory"),
    [
        ("", "", ""),
        ("OI", "(A;ID;FR;;;WD)", "(A;OIIOID;FR;;;WD)"),
        ("CI", "", "(A;CIID;FR;;;WD)"),
        ("OICI", "(A;ID;FR;;;WD)", "(A;OICIID;FR;;;WD)"),
        ("OICIIO", "(A;ID;FR;;;WD)", "(A;OICIID;FR;;;WD)"),
        ("OICINP", "(A;ID;FR;;;WD)", "(A;ID;FR;;;WD)"),
        ("OINP", "(A;ID;FR;;;WD)", ""),
    ],
)
def test_flags_decide_who_inherits(flags, file, directory):
    nothing = "(A;;FA;;;SY)(A;;0x1200a9;;;BA)"
    for is_directory, expected in ((False, file), (True, directory)):
        automatic = sddl.parse(f"O:SYG:SYD:AI(A;{flags};FR;;;WD)")
        text = sddl.spell(inheritance.inherited(automatic, is_directory=is_directory))
        assert text == f"O:SYG:SYD:{f'AI{expected}' if expected else nothing}"
        plain = sddl.parse(f"O:SYG:SYD:(A;{flags};FR;;;WD)")
        text = sddl.spell(inheritance.inherited(plain, is_directory=is_directory))
        assert text == f"O:SYG:SYD:{expected.replace('ID;', ';') or nothing}"


def test_creators_and_generic_rights_become_real_in_the_heir():
    parent = sddl.parse("O:BAG:BUD:AI(A;OICI;GA;;;CO)(A;CI;FR;;;CG)S:(AU;OISA;GW;;;WD)")
    file = sddl.spell(inheritance.inherited(parent, is_directory=False))
    assert file == "O:SYG:SYD:AI(A;ID;FA;;;SY)S:(AU;SA;FW;;;WD)"
    directory = sddl.spell(inheritance.inherited(parent, is_directory=True))
    assert directory == (
        "O:SYG:SYD:AI(A;ID;FA;;;SY)(A;OICIIOID;GA;;;CO)(A;ID;FR;;;SY)(A;CIIOID;FR;;;CG)S:(AU;OIIOSA;GW;;;WD)"
    )


def test_a_copy_takes_the_permission_it_is_told_to(emulator):
    protected = "O:BAG:BAD:P(A;;FA;;;BA)"
    emulator.put("share/f", headers={"x-ms-file-permission": protected})
    source = {"x-ms-copy-source": "http://127.0.0.1/devstoreaccount1/share/f"}

    def copied(mode="", permission=""):
        wanted = {"x-ms-file-permission-copy-mode": mode, "x-ms-file-permission": permission}
        headers = source | {name: value for name, value in wanted.items() if value}
        answer = emulator.send("PUT", "share/copy", {}, headers)
        return sddl_at(emulator, "share/copy") if answer.status == 202 else answer.code

    assert copied() == INHERITED_FILE
    assert copied("source") == protected
    assert copied("Override", GIVEN) == copied("", GIVEN) == GIVEN
    assert copied("override") == "MissingRequiredHeader"
    assert copied("both") == "InvalidHeaderValue"


GIVEN = "O:BAG:BAD:(A;;FR;;;WD)(A;ID;FA;;;BU)"


@pytest.mark.parametrize("form", ["sddl", "binary"])
def test_what_is_given_to_something_new_loses_its_marks_and_what_is_set_does_not(emulator, form):
    given = {"x-ms-file-permission": RECORDED if form == "sddl" else RECORDED_BINARY}
    given["x-ms-file-permission-format"] = form
    unmarked = RECORDED.replace("D:AI", "D:").removesuffix("S:NO_ACCESS_CONTROL")
    emulator.put("share/new", headers=given)
    assert sddl_at(emulator, "share/new") == unmarked
    assert emulator.send("PUT", "share/new", {"comp": "properties"}, given).status == 200
    assert sddl_at(emulator, "share/new") == RECORDED
    key = emulator.send("HEAD", "share/new").headers["x-ms-file-permission-key"]
    assert json.loads(get_permission(emulator, key, "binary").body)["permission"] == RECORDED_BINARY
    emulator.put("share/restored", headers=given | {"x-ms-file-property-semantics": "Restore"})
    assert sddl_at(emulator, "share/restored") == RECORDED
    for semantics, expected in (("New", unmarked), ("Restore", RECORDED)):
        path = f"share/directory-{semantics}"
        emulator.send("PUT", path, DIRECTORY, given | {"x-ms-file-property-semantics": semantics})
        assert sddl_at(emulator, path, DIRECTORY) == expected


def test_a_default_changes_its_key_when_it_is_set_by_key(emulator):
    """As recorded: what was inherited says nothing of a SACL, what is set says that there is none."""
    emulator.put("share/f")
    key = emulator.send("HEAD", "share/f").headers["x-ms-file-permission-key"]
    same = {"x-ms-file-permission-key": key}
    changed = emulator.send("PUT", "share/f", {"comp": "properties"}, same).headers["x-ms-file-permission-key"]
    assert changed != key
    assert sddl_at(emulator, "share/f") == f"{INHERITED_FILE}S:NO_ACCESS_CONTROL"
    assert create_permission(emulator, permission=INHERITED_FILE) == changed
    assert emulator.put("share/g", headers=same).headers["x-ms-file-permission-key"] == key
    created = emulator.put("share/h", headers={"x-ms-file-permission-key": changed})
    assert created.headers["x-ms-file-permission-key"] == key


def test_what_is_given_to_something_new_stays_protected_and_audited(emulator):
    kept = "O:BAG:BAD:P(A;;FR;;;WD)S:(AU;SA;FA;;;WD)"
    emulator.put("share/f", headers={"x-ms-file-permission": kept.replace("S:", "S:AI")})
    assert sddl_at(emulator, "share/f") == kept


def test_what_was_inherited_stays_the_same_when_given_again(emulator):
    emulator.put("share/f")
    key = emulator.send("HEAD", "share/f").headers["x-ms-file-permission-key"]
    assert emulator.put("share/g", headers={"x-ms-file-permission-key": key}).headers["x-ms-file-permission-key"] == key


def test_setting_inherits_preserves_or_replaces(emulator):
    emulator.make_directory("share/d")
    given = {"x-ms-file-permission": GIVEN}
    for path, query, inherited in (
        ("share/d", DIRECTORY, ROOT_DEFAULT),
        ("share/d/f", {}, INHERITED_FILE),
    ):
        if not query:
            emulator.put(path)

        def set_properties(headers, path=path, query=query):
            assert emulator.send("PUT", path, {**query, "comp": "properties"}, headers).status == 200
            return sddl_at(emulator, path, query)

        assert set_properties(given) == f"{GIVEN}S:NO_ACCESS_CONTROL"
        assert set_properties({"x-ms-file-permission": "Preserve"}) == f"{GIVEN}S:NO_ACCESS_CONTROL"
        assert set_properties({}) == f"{GIVEN}S:NO_ACCESS_CONTROL"
        assert set_properties({"x-ms-file-permission": "Inherit"}) == inherited
    root = {**DIRECTORY, "comp": "properties"}
    for headers, expected in (
        (given, f"{GIVEN}S:NO_ACCESS_CONTROL"),
        ({"x-ms-file-permission": "inherit"}, ROOT_DEFAULT),
    ):
        assert emulator.send("PUT", "share/", root, headers).status == 200
        assert sddl_at(emulator, "share/", DIRECTORY) == expected


def test_inheriting_follows_the_parent_of_the_moment(emulator):
    emulator.make_directory("share/d")
    emulator.put("share/d/before")
    permission = {"x-ms-file-permission": "O:SYG:SYD:P(A;OICI;FR;;;WD)"}
    emulator.send("PUT", "share/d", {**DIRECTORY, "comp": "properties"}, permission)
    emulator.put("share/d/after")
    assert sddl_at(emulator, "share/d/before") == INHERITED_FILE
    assert sddl_at(emulator, "share/d/after") == "O:SYG:SYD:(A;;FR;;;WD)"
    source = {"x-ms-file-rename-source": "http://127.0.0.1/devstoreaccount1/share/d/after"}
    assert emulator.send("PUT", "share/moved", {"comp": "rename"}, source).status == 200
    assert sddl_at(emulator, "share/moved") == "O:SYG:SYD:(A;;FR;;;WD)"
