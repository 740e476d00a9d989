"""What is different between two security descriptors: entries that came, went or have other rights now."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from shared.core.sddl import AccessList, Descriptor, Entry
from shared.core.sids import Who


class Status(StrEnum):
    """What became of an entry."""

    SAME = "same"
    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class Pair:
    """An entry before and after."""

    status: Status
    before: Entry | None
    after: Entry | None

    @property
    def shown(self) -> Entry:
        """Its newest state."""
        entry = self.after if self.after is not None else self.before
        assert entry is not None
        return entry


@dataclass(frozen=True, slots=True, kw_only=True)
class ListChanges:
    """Two access lists beside one another."""

    pairs: tuple[Pair, ...]
    """In the order of the newer list; those that were removed at the end."""
    protected: tuple[bool, bool]
    """Before and after."""
    absent: tuple[bool, bool]
    reordered: bool
    """The same entries stand in another order, which can decide between allow and deny."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessChanges:
    """Two descriptors beside one another."""

    owner: tuple[Who | None, Who | None]
    group: tuple[Who | None, Who | None]
    access: ListChanges
    audit: ListChanges

    @property
    def differ(self) -> bool:
        """Whether anything that people read is different."""
        return (
            self.owner[0] != self.owner[1]
            or self.group[0] != self.group[1]
            or any(
                one.reordered
                or one.protected[0] != one.protected[1]
                or one.absent[0] != one.absent[1]
                or any(pair.status is not Status.SAME for pair in one.pairs)
                for one in (self.access, self.audit)
            )
        )


_Key = Callable[[Entry], object]


def _whole(entry: Entry) -> object:
    return (entry.kind, entry.who, entry.flags, entry.mask, entry.condition, entry.object_types, entry.odd)


# From equal in all to of the same kind for the same people: an entry is matched by the strictest that finds it a partner.
_KEYS: Final[Sequence[_Key]] = (
    _whole,
    lambda e: (e.kind, e.who, e.flags, e.condition, e.object_types, e.odd),
    lambda e: (e.kind, e.who, e.mask, e.condition, e.object_types, e.odd),
    lambda e: (e.kind, e.who) if e.who is not None else e,
)


def compare(before: Descriptor, after: Descriptor) -> AccessChanges:
    """What changed from one descriptor to another."""
    return AccessChanges(
        owner=(before.owner, after.owner),
        group=(before.group, after.group),
        access=_compare(before.access, after.access),
        audit=_compare(before.audit, after.audit),
    )


def _compare(before: AccessList | None, after: AccessList | None) -> ListChanges:
    lists = [one if one is not None else AccessList() for one in (before, after)]
    old, new = lists[0].entries, lists[1].entries
    partners: dict[int, int] = {}
    for key in _KEYS:
        free: dict[object, list[int]] = {}
        taken = set(partners.values())
        for at, entry in enumerate(old):
            if at not in taken:
                free.setdefault(key(entry), []).append(at)
        for at, entry in enumerate(new):
            if at not in partners and (found := free.get(key(entry))):
                partners[at] = found.pop(0)
    pairs = [_pair(old[partners[at]] if at in partners else None, entry) for at, entry in enumerate(new)]
    gone = [entry for at, entry in enumerate(old) if at not in set(partners.values())]
    order = [partners[at] for at in sorted(partners)]
    return ListChanges(
        pairs=(*pairs, *(Pair(Status.REMOVED, entry, None) for entry in gone)),
        protected=(lists[0].protected, lists[1].protected),
        absent=(lists[0].absent, lists[1].absent),
        reordered=order != sorted(order),
    )


def _pair(before: Entry | None, after: Entry) -> Pair:
    if before is None:
        return Pair(Status.ADDED, None, after)
    return Pair(Status.SAME if _whole(before) == _whole(after) else Status.CHANGED, before, after)
