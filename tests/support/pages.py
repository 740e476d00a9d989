"""Pages that Hypothesis invents: any that the catalogue can hold."""

from hypothesis import strategies as st

from shared.model.manifest import ManifestRef
from shared.model.node import SLOT_MAX
from shared.model.page import FileRow, Page

_edges = st.sampled_from([0, 1, 255, 256, 65_535, 65_536, 2**24, 2**32 - 1, 2**32, 2**40, 2**63 - 1])
sizes = _edges | st.integers(0, 2**63 - 1) | st.integers(0, 70_000)
seconds = (
    st.integers(1_600_000_000, 1_800_000_000)
    | st.integers(-62_135_596_800, 253_402_300_799)  # years 1 to 9999
    | st.sampled_from([-1, 0, 1, 2**31 - 1, 2**31, 2**32 - 1, 2**32])
)
u32 = st.sampled_from([0, 255, 256, 65_536, 2**24, 2**32 - 1]) | st.integers(0, 2**32 - 1)
u64 = st.sampled_from([0, 1, 2**63 - 1, 2**63, 2**64 - 1]) | st.integers(0, 2**64 - 1)
# No surrogates (not text), no NUL (not Postgres'), no slash (not a name).
names = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0/"), max_size=30)
affixes = st.sampled_from(["", "", "IMG_", "é", "a", "\U0001f5fa"])
refs = st.builds(ManifestRef, u32, u32, u32, u32)


@st.composite
def _slots(draw, count):
    """Mostly as they come: counting up from 1 or another first, sometimes with gaps, sometimes in any order."""
    first = draw(st.sampled_from([1, 1, 1, 2, 200, 4097, SLOT_MAX + 1 - count]))
    counting = list(range(first, first + count))
    if draw(st.booleans()) or not count:
        return counting
    return draw(st.lists(st.integers(1, SLOT_MAX) | st.integers(1, 300), min_size=count, max_size=count, unique=True))


@st.composite
def pages(draw):
    """One page: mostly few files, the number often beside the one from which numpy takes over."""
    number = draw(st.sampled_from([0, 0, 1, SLOT_MAX]))
    count = draw(st.integers(0, 12) | st.sampled_from([47, 48, 49]))
    deleted_run = draw(st.none() | st.none() | u32)
    if deleted_run is not None:
        count = 0
    prefix, suffix = draw(affixes), draw(affixes)
    chosen = sorted(prefix + n + suffix for n in draw(st.lists(names, min_size=count, max_size=count, unique=True)))
    slots = draw(_slots(count))
    implied = max(slots, default=0) + 1 if number == 0 else 1
    # One clock for most pages, so that narrow mtimes occur at all.
    base = draw(seconds)
    mtimes = st.integers(base, base + 300) | seconds
    return Page(
        directory_id=draw(st.integers(1, 2**39 - 1)) << 24,
        page_no=number,
        name=draw(names),
        parent_id=draw(st.none() | st.integers(1, 2**39 - 1).map(lambda no: no << 24)) if number == 0 else None,
        file_id=draw(st.none() | u64) if number == 0 else None,
        mtime=draw(st.just(base) | seconds) if number == 0 else 0,
        fingerprint=draw(st.none() | u64) if number == 0 else None,
        page_fingerprint=draw(st.none() | u64),
        manifest=draw(st.none() | refs),
        next_slot=draw(st.just(implied) | st.integers(implied, SLOT_MAX + 1)),
        deleted_run=deleted_run,
        files=tuple(
            FileRow(name, slot, draw(sizes), draw(mtimes), draw(u64)) for name, slot in zip(chosen, slots, strict=True)
        ),
    )
