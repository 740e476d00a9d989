"""Security descriptors as people read them."""

import pytest

from shared.core.access_changes import Status, compare
from shared.core.posix_mode import letters, who_may
from shared.core.sddl import Kind, parse
from shared.core.sids import who_is

DOMAIN = "S-1-5-21-2127521184-1604012920-1887927527"
OFFICE = f"O:{DOMAIN}-1013G:DUD:PAI(D;;FW;;;BG)(A;OICI;FA;;;BA)(A;OICIID;0x1200a9;;;{DOMAIN}-513)(A;CIIO;0x1301bf;;;CO)S:AI(AU;OICISAFA;SDDCLC;;;WD)"


def test_an_office_share_is_told_as_its_admins_would():
    told = parse(OFFICE)
    assert told.owner.shown == f"{DOMAIN}-1013"
    assert told.group.shown == "Domain Users"
    assert told.access.protected
    assert told.access.inherits
    rows = [(e.who.shown, str(e.kind), e.level, e.applies_to(directory=True), e.inherited) for e in told.access.entries]
    assert rows == [
        ("Guests", "deny", "write", "this folder only", False),
        ("Administrators", "allow", "full control", "this folder, subfolders and files", False),
        ("Domain Users", "allow", "read and execute", "this folder, subfolders and files", True),
        ("Creator Owner", "allow", "modify", "subfolders only", False),
    ]
    [audit] = told.audit.entries
    assert (audit.kind, audit.audited, audit.level) == (Kind.AUDIT, "success and failure", "special")
    assert audit.rights == ("write data, create files", "append data, create folders", "delete")
    assert told.odd == ()


@pytest.mark.parametrize(
    ("rights", "level"),
    [
        ("FA", "full control"),
        ("GA", "full control"),
        ("0x1f01ff", "full control"),
        ("2032127", "full control"),
        ("0x1301bf", "modify"),
        ("FRFWFX", "read, write and execute"),
        ("FRFW", "read and write"),
        ("GRGX", "read and execute"),
        ("FR", "read"),
        ("FW", "write"),
        ("0x100116", "write"),
        ("", "nothing"),
        ("0x100000", "nothing"),
        ("SD", "special"),
        ("0x4000000", "special"),
    ],
)
def test_rights_are_told_in_the_words_of_the_security_tab(rights, level):
    assert parse(f"D:(A;;{rights};;;WD)").access.entries[0].level == level


def test_rights_without_a_word_are_told_one_by_one():
    [entry] = parse("D:(A;;SDRCCC0;;;WD)").access.entries
    assert entry.rights == ("read data, list folders", "delete", "read permissions")
    assert entry.odd == "0"
    assert parse("D:(A;;0x4000001;;;WD)").access.entries[0].rights == ("read data, list folders", "0x4000000")


def test_conditions_and_attributes_are_shown_as_text():
    text = 'D:(XA;;FX;;;S-1-1-0;(@User.Title=="PM;(x" && (Member_of {SID(BA)})))(A;;FR;;;WD)S:(RA;;;;;WD;("Project",TS,0,"Windows;)","SQL"))'
    told = parse(text)
    assert [entry.kind for entry in told.access.entries] == [Kind.ALLOW, Kind.ALLOW]
    assert told.access.entries[0].condition == '(@User.Title=="PM;(x" && (Member_of {SID(BA)}))'
    assert told.audit.entries[0].kind is Kind.ATTRIBUTE
    assert told.audit.entries[0].condition == '("Project",TS,0,"Windows;)","SQL")'


def test_what_is_odd_is_shown_and_hides_nothing_else():
    told = parse("nonsense O:BAD:XX(A;;FA;;;WD)(what)(ZZ;;FA;;;BA)(A;QQ;FA;;;BA)((")
    assert told.owner.shown == "Administrators"
    assert told.odd == ("nonsense",)
    assert told.access.odd == "XX (("
    assert [(e.kind, e.odd) for e in told.access.entries] == [
        (Kind.ALLOW, ""),
        (Kind.OTHER, "what"),
        (Kind.OTHER, "ZZ"),
        (Kind.ALLOW, "QQ"),
    ]


def test_no_list_is_not_an_empty_list():
    assert parse("D:NO_ACCESS_CONTROL").access.absent
    assert not parse("D:P").access.absent
    assert parse("O:BA").access is None
    label = parse("S:(ML;;NWNR;;;HI)").audit.entries[0]
    assert (label.who.shown, label.level) == (
        "High integrity",
        "lower integrity may not write; lower integrity may not read",
    )


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("SY", "Local System"),
        ("S-1-5-18", "Local System"),
        (f"{DOMAIN}-500", "Administrator"),
        (f"{DOMAIN}-1013", ""),
        ("S-1-22-1-1000", "Unix user 1000"),
        (
            "S-1-12-1-1943430372-1249052806-2496021943-3034400218",
            "Entra ID object 73d664e4-0886-4a73-b745-c694da45ddb4",
        ),
        ("S-1-12-1-9999999999-1-1-1", ""),
        ("ZZ", "ZZ"),
    ],
)
def test_who_is_the_same_everywhere_has_a_name(text, name):
    assert who_is(text).name == name


def test_two_versions_are_told_entry_by_entry():
    before = parse("O:BAG:SYD:(A;;FR;;;BU)(A;OICI;FA;;;BA)(A;;FX;;;WD)")
    after = parse("O:SYG:SYD:P(A;OICI;FA;;;BA)(A;;0x1301bf;;;BU)(D;;FA;;;AN)")
    told = compare(before, after)
    assert [who.shown for who in told.owner] == ["Administrators", "Local System"]
    assert told.access.protected == (False, True)
    assert told.access.reordered
    assert [(pair.status, pair.shown.who.shown) for pair in told.access.pairs] == [
        (Status.SAME, "Administrators"),
        (Status.CHANGED, "Users"),
        (Status.ADDED, "Anonymous"),
        (Status.REMOVED, "Everyone"),
    ]
    assert told.differ
    assert not compare(before, before).differ


def test_modes_are_told_as_ls_does_and_in_words():
    assert letters(0o754) == "rwxr-xr--"
    assert letters(0o7640) == "rwSr-S--T"
    assert letters(0o4755) == "rwsr-xr-x"
    assert who_may(1000, 100, 0o1750) == [
        ("user 1000", "read, write, execute"),
        ("group 100", "read, execute"),
        ("everybody else", "nothing"),
        ("special", "only owners delete what is in it (sticky)"),
    ]
