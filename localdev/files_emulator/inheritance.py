"""What a new file or directory inherits from its parent's descriptor: [MS-DTYP] 2.5.3.4, in the service's place."""

from dataclasses import replace

from localdev.files_emulator.descriptor import (
    AUTO_INHERITED,
    CONTAINER_INHERIT,
    INHERIT_ONLY,
    INHERITED,
    NO_PROPAGATE,
    OBJECT_INHERIT,
    PROTECTED,
    Ace,
    Acl,
    Descriptor,
)
from localdev.files_emulator.sddl import parse_sid

_SYSTEM = parse_sid("SY")  # whoever creates something over REST
_CREATORS = (parse_sid("CO"), parse_sid("CG"))
_GENERIC = ((0x80000000, 0x120089), (0x40000000, 0x120116), (0x20000000, 0x1200A0), (0x10000000, 0x1F01FF))
_ALL_GENERIC = 0xF0000000
_SPREADS = OBJECT_INHERIT | CONTAINER_INHERIT

#: The DACL of something whose parent hands nothing down: what Windows gives to whatever SYSTEM makes.
_NOTHING_INHERITED = (Ace(0, 0, 0x1F01FF, _SYSTEM), Ace(0, 0, 0x1200A9, parse_sid("BA")))


def inherited(parent: Descriptor, *, is_directory: bool) -> Descriptor:
    """Return the descriptor of something new that nobody gave one."""
    dacl = _handed_down(parent.dacl, _SYSTEM, _SYSTEM, is_directory=is_directory)
    sacl = _handed_down(parent.sacl, _SYSTEM, _SYSTEM, is_directory=is_directory)
    control = (AUTO_INHERITED if dacl else 0) | (AUTO_INHERITED << 1 if sacl else 0)
    return Descriptor(_SYSTEM, _SYSTEM, dacl or _NOTHING_INHERITED, sacl or None, control)


def merged(parent: Descriptor, given: Descriptor, *, is_directory: bool) -> Descriptor:
    """Return ``given`` with what it lacks of the parent's inheritable entries; a protected ACL stays as it is."""
    dacl = _merge(parent.dacl, given, given.dacl, given.control, is_directory=is_directory)
    sacl = _merge(parent.sacl, given, given.sacl, given.control >> 1, is_directory=is_directory)
    control = given.control
    if dacl is not given.dacl:
        control |= AUTO_INHERITED
    if sacl is not given.sacl:
        control |= AUTO_INHERITED << 1
    return replace(given, dacl=dacl, sacl=sacl, control=control)


def _merge(parent: Acl | None, given: Descriptor, acl: Acl | None, control: int, *, is_directory: bool) -> Acl | None:
    """Keep the explicit entries and put the parent's in place of the inherited ones.

    The same object comes back if nothing is added: protected, or no ACL on one of the two sides.
    """
    if control & PROTECTED or acl is None or parent is None:
        return acl
    explicit = tuple(ace for ace in acl if not ace.flags & INHERITED)
    return explicit + _handed_down(parent, given.owner, given.group, is_directory=is_directory)


def _handed_down(acl: Acl | None, owner: bytes, group: bytes, *, is_directory: bool) -> Acl:
    found: list[Ace] = []
    for ace in acl or ():
        keeps = ace.flags & ~(_SPREADS | NO_PROPAGATE | INHERIT_ONLY) | INHERITED
        if not is_directory:
            if ace.flags & OBJECT_INHERIT:
                found.append(_effective(ace, keeps, owner, group))
        elif ace.flags & CONTAINER_INHERIT:
            effective = _effective(ace, keeps, owner, group)
            if ace.flags & NO_PROPAGATE:
                found.append(effective)
            elif replace(effective, flags=ace.flags) == ace:  # one entry both applies here and is handed on
                found.append(replace(ace, flags=ace.flags & ~INHERIT_ONLY | INHERITED))
            else:
                found += [effective, replace(ace, flags=ace.flags | INHERIT_ONLY | INHERITED)]
        elif ace.flags & OBJECT_INHERIT and not ace.flags & NO_PROPAGATE:
            found.append(replace(ace, flags=ace.flags | INHERIT_ONLY | INHERITED))
    return tuple(found)


def _effective(ace: Ace, flags: int, owner: bytes, group: bytes) -> Ace:
    """Return the entry as it applies to the new object itself: real accounts, specific rights."""
    mask = ace.mask & ~_ALL_GENERIC
    for generic, specific in _GENERIC:
        if ace.mask & generic:
            mask |= specific
    sid = dict(zip(_CREATORS, (owner, group), strict=True)).get(ace.sid, ace.sid)
    return replace(ace, flags=flags, mask=mask, sid=sid)
