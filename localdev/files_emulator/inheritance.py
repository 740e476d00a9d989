"""What descriptor a new file or directory gets: its parent's, handed down as [MS-DTYP] 2.5.3.4 has it, or its own.

Recordings of the service agree with Windows in this: entries are marked as inherited only below a directory whose own
DACL says that it was inherited automatically, and what is given to something new loses that mark.
"""

from dataclasses import replace

from localdev.files_emulator.descriptor import (
    AUTO_INHERIT_REQUIRED,
    AUTO_INHERITED,
    CONTAINER_INHERIT,
    INHERIT_ONLY,
    INHERITED,
    NO_PROPAGATE,
    OBJECT_INHERIT,
    SACL_CONTROL,
    SACL_PRESENT,
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
    mark, sacl_mark = (
        INHERITED if control & AUTO_INHERITED else 0 for control in (parent.control, parent.control >> 1)
    )
    dacl = _handed_down(parent.dacl, mark, is_directory=is_directory)
    sacl = _handed_down(parent.sacl, sacl_mark, is_directory=is_directory)
    control = parent.control & AUTO_INHERITED if dacl else 0
    if sacl:
        control |= parent.control & AUTO_INHERITED << 1 | SACL_PRESENT
    return Descriptor(_SYSTEM, _SYSTEM, dacl or _NOTHING_INHERITED, sacl or None, control)


def as_new(given: Descriptor) -> Descriptor:
    """Return what something new gets if it is given a descriptor: the parent then adds nothing to it."""
    control = given.control & ~(3 * (AUTO_INHERIT_REQUIRED | AUTO_INHERITED))
    return replace(given, control=control & ~SACL_CONTROL if given.sacl is None else control)


def as_set(given: Descriptor) -> Descriptor:
    """Return what something gets on which a descriptor is set, and what Create Permission files: it says it has a SACL."""
    return replace(given, control=given.control | SACL_PRESENT)


def _handed_down(acl: Acl | None, mark: int, *, is_directory: bool) -> Acl:
    found: list[Ace] = []
    for handed in acl or ():
        ace = replace(handed, flags=handed.flags & ~INHERITED | mark)
        keeps = ace.flags & ~(_SPREADS | NO_PROPAGATE | INHERIT_ONLY)
        if not is_directory:
            if ace.flags & OBJECT_INHERIT:
                found.append(_effective(ace, keeps))
        elif ace.flags & CONTAINER_INHERIT:
            effective = _effective(ace, keeps)
            if ace.flags & NO_PROPAGATE:
                found.append(effective)
            elif replace(effective, flags=ace.flags) == ace:  # one entry both applies here and is handed on
                found.append(replace(ace, flags=ace.flags & ~INHERIT_ONLY))
            else:
                found += [effective, replace(ace, flags=ace.flags | INHERIT_ONLY)]
        elif ace.flags & OBJECT_INHERIT and not ace.flags & NO_PROPAGATE:
            found.append(replace(ace, flags=ace.flags | INHERIT_ONLY))
    return tuple(found)


def _effective(ace: Ace, flags: int) -> Ace:
    """Return the entry as it applies to the new object itself: real accounts, specific rights."""
    mask = ace.mask & ~_ALL_GENERIC
    for generic, specific in _GENERIC:
        if ace.mask & generic:
            mask |= specific
    return replace(ace, flags=flags, mask=mask, sid=_SYSTEM if ace.sid in _CREATORS else ace.sid)
