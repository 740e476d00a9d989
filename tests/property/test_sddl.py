"""Any descriptor, and any text at all."""

from hypothesis import given
from hypothesis import strategies as st

from localdev.files_emulator import sddl as other
from localdev.files_emulator.descriptor import AUTO_INHERITED, PROTECTED, SACL_PRESENT, Ace, Descriptor
from shared.core.access_changes import Status, compare
from shared.core.sddl import parse

SIDS = st.sampled_from(
    ["SY", "BA", "WD", "CO", "S-1-5-21-1-2-3-500", "S-1-5-21-4294967295-2-3-4", "S-1-12-1-1-2-3-4"]
).map(other.parse_sid)
# The generic rights stand for those of files here, so they are left out where masks are compared.
MASKS = st.integers(0, 0x0FFF_FFFF) | st.sampled_from([0x1F01FF, 0x120089, 0x1301BF, 0x10000])
ACES = st.builds(Ace, st.sampled_from([0, 1]), st.integers(0, 31), MASKS, SIDS, st.just(b""), st.just(b""))
AUDITS = st.builds(Ace, st.just(2), st.sampled_from([0x40, 0x80, 0xC3]), MASKS, SIDS, st.just(b""), st.just(b""))
DESCRIPTORS = st.builds(
    lambda owner, group, dacl, sacl, control: Descriptor(
        owner, group, tuple(dacl), tuple(sacl), control | SACL_PRESENT
    ),
    SIDS,
    SIDS,
    st.lists(ACES, max_size=8),
    st.lists(AUDITS, max_size=4),
    st.sampled_from([0, PROTECTED, AUTO_INHERITED, PROTECTED | AUTO_INHERITED]),
)
PIECES = [
    "O:",
    "G:",
    "D:",
    "S:",
    "(",
    ")",
    ";",
    '"',
    "A",
    "XA",
    "RA",
    "FA",
    "0x",
    "S-1-5-",
    "BA",
    "P",
    "AI",
    " ",
    "&&",
    "é",
    "\0",
]


@given(DESCRIPTORS)
def test_what_the_emulator_spells_is_read_as_it_was_meant(descriptor):
    told = parse(other.spell(descriptor))
    assert told.odd == ()
    assert told.access.protected == bool(descriptor.control & PROTECTED)
    assert told.access.inherits == bool(descriptor.control & AUTO_INHERITED)
    for shown, meant in ((told.access, descriptor.dacl), (told.audit, descriptor.sacl)):
        assert [(int(e.flags), e.mask, e.odd) for e in shown.entries] == [(a.flags, a.mask, "") for a in meant]
        assert [other.parse_sid(e.who.sid) for e in shown.entries] == [a.sid for a in meant]
    assert other.parse_sid(told.owner.sid) == descriptor.owner


@given(st.text() | st.lists(st.sampled_from(PIECES)).map("".join))
def test_any_text_is_read_and_every_letter_of_it_is_somewhere(text):
    told = parse(text)
    lists = [one for one in (told.access, told.audit) if one is not None]
    for entry in (entry for one in lists for entry in one.entries):
        assert entry.text in text
        assert isinstance(entry.level + entry.applies_to(directory=True) + entry.applies_to(directory=False), str)
    if not lists and told.owner is None and told.group is None:
        assert "".join(told.odd).replace(" ", "") or not text.strip().strip(" :OGDS")


@given(DESCRIPTORS, DESCRIPTORS)
def test_a_comparison_accounts_for_every_entry_once(old, new):
    before, after = parse(other.spell(old)), parse(other.spell(new))
    told = compare(before, after)
    for changes, lists in ((told.access, (before.access, after.access)), (told.audit, (before.audit, after.audit))):
        befores = [pair.before for pair in changes.pairs if pair.before is not None]
        assert sorted(e.text for e in befores) == sorted(e.text for e in lists[0].entries)
        assert [pair.after for pair in changes.pairs if pair.after is not None] == list(lists[1].entries)
        assert all((pair.before == pair.after) == (pair.status is Status.SAME) for pair in changes.pairs)
    assert not compare(before, before).differ
