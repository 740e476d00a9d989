"""Security descriptors as text: SDDL, [MS-DTYP] 2.5.1, spelled as Windows spells it.

What text cannot say here: conditional ACEs, resource attributes and types unknown, and accounts relative to a domain,
which the service does not resolve.
"""

import re
from functools import lru_cache
from uuid import UUID

from localdev.files_emulator.descriptor import (
    AUTO_INHERIT_REQUIRED,
    AUTO_INHERITED,
    PROTECTED,
    SACL_PRESENT,
    Ace,
    Acl,
    Descriptor,
)

_KINDS = {"A": 0, "D": 1, "AU": 2, "AL": 3, "OA": 5, "OD": 6, "OU": 7, "OL": 8, "ML": 0x11, "SP": 0x13, "TL": 0x14}
_OBJECT_KINDS = frozenset({"OA", "OD", "OU", "OL"})
_LABEL = 0x11
_FLAGS = {"OI": 0x01, "CI": 0x02, "NP": 0x04, "IO": 0x08, "ID": 0x10, "CR": 0x20, "SA": 0x40, "FA": 0x80}
_CONTROL = {"P": PROTECTED, "AR": AUTO_INHERIT_REQUIRED, "AI": AUTO_INHERITED}
_NO_ACL = "NO_ACCESS_CONTROL"

_SINGLE_RIGHTS = {
    "CC": 0x1, "DC": 0x2, "LC": 0x4, "SW": 0x8, "RP": 0x10, "WP": 0x20, "DT": 0x40, "LO": 0x80, "CR": 0x100,
    "SD": 0x10000, "RC": 0x20000, "WD": 0x40000, "WO": 0x80000,
    "GA": 0x10000000, "GX": 0x20000000, "GW": 0x40000000, "GR": 0x80000000,
}  # fmt: skip
_FILE_RIGHTS = {"FA": 0x1F01FF, "FR": 0x120089, "FW": 0x120116, "FX": 0x1200A0}
_KEY_RIGHTS = {"KA": 0xF003F, "KR": 0x20019, "KW": 0x20006, "KX": 0x20019}
_LABEL_RIGHTS = {"NW": 0x1, "NR": 0x2, "NX": 0x4}
_RIGHTS = _SINGLE_RIGHTS | _FILE_RIGHTS | _KEY_RIGHTS | _LABEL_RIGHTS
_FILE_NAMES = {mask: name for name, mask in _FILE_RIGHTS.items()}

#: Accounts that are the same everywhere. Others of two letters mean something only within a domain or a machine.
_SIDS = {
    "AA": "S-1-5-32-579", "AC": "S-1-15-2-1", "AN": "S-1-5-7", "AO": "S-1-5-32-548", "AS": "S-1-18-1",
    "AU": "S-1-5-11", "BA": "S-1-5-32-544", "BG": "S-1-5-32-546", "BO": "S-1-5-32-551", "BU": "S-1-5-32-545",
    "CD": "S-1-5-32-574", "CG": "S-1-3-1", "CO": "S-1-3-0", "CY": "S-1-5-32-569", "ED": "S-1-5-9",
    "ER": "S-1-5-32-573", "ES": "S-1-5-32-576", "HA": "S-1-5-32-578", "HI": "S-1-16-12288", "IS": "S-1-5-32-568",
    "IU": "S-1-5-4", "LS": "S-1-5-19", "LU": "S-1-5-32-559", "LW": "S-1-16-4096", "ME": "S-1-16-8192",
    "MP": "S-1-16-8448", "MS": "S-1-5-32-577", "MU": "S-1-5-32-558", "NO": "S-1-5-32-556", "NS": "S-1-5-20",
    "NU": "S-1-5-2", "OW": "S-1-3-4", "PO": "S-1-5-32-550", "PS": "S-1-5-10", "PU": "S-1-5-32-547",
    "RA": "S-1-5-32-575", "RC": "S-1-5-12", "RD": "S-1-5-32-555", "RE": "S-1-5-32-552", "RM": "S-1-5-32-580",
    "RU": "S-1-5-32-554", "SI": "S-1-16-16384", "SO": "S-1-5-32-549", "SS": "S-1-18-2", "SU": "S-1-5-6",
    "SY": "S-1-5-18", "UD": "S-1-5-84-0-0-0-0-0", "WD": "S-1-1-0", "WR": "S-1-5-33",
}  # fmt: skip

_SID_TEXT = r"(?:S-1-(?:\d{1,15}|0x[0-9A-Fa-f]{1,12})(?:-\d{1,10}){1,15}|[A-Z]{2})"
_ACL_TEXT = r"[A-Z_]{0,24}(?:\([^()]*\))*"
_WHOLE = re.compile(rf"O:({_SID_TEXT})G:({_SID_TEXT})D:({_ACL_TEXT})(?:S:({_ACL_TEXT}))?", re.ASCII)
_ACE = re.compile(r"\(([A-Z]{1,2});((?:[A-Z]{2})*);([0-9A-Za-z]*);([0-9A-Fa-f-]*);([0-9A-Fa-f-]*);([^;]+)\)", re.ASCII)
_PARTS = re.compile(r"\([^()]*\)")


def parse(text: str) -> Descriptor:
    """Read SDDL.

    :raises ValueError: it is malformed, says what this module cannot, or lacks owner, group or DACL.
    """
    match = _WHOLE.fullmatch(text)
    if match is None:
        raise ValueError("not SDDL with owner, group and DACL")
    owner, group, dacl_text, sacl_text = match.groups()
    dacl, control = _parse_acl(dacl_text)
    if sacl_text is None:
        return Descriptor(parse_sid(owner), parse_sid(group), dacl, None, control)
    sacl, sacl_control = _parse_acl(sacl_text)
    return Descriptor(parse_sid(owner), parse_sid(group), dacl, sacl, control | sacl_control << 1 | SACL_PRESENT)


def _parse_acl(text: str) -> tuple[Acl | None, int]:
    words, _, _ = text.partition("(")
    has_none = words.endswith(_NO_ACL)
    words, control = words.removesuffix(_NO_ACL), 0
    while words:
        word = words[:1] if words[0] == "P" else words[:2]
        bit = _CONTROL.get(word, 0)
        if not bit or control & bit:
            raise ValueError("unknown ACL flag")
        control |= bit
        words = words[len(word) :]
    aces = tuple(map(_parse_ace, _PARTS.findall(text)))
    if has_none and aces:
        raise ValueError("an ACL that is none has no entries")
    return None if has_none else aces, control


def _parse_ace(text: str) -> Ace:
    match = _ACE.fullmatch(text)
    if match is None or match[1] not in _KINDS:
        raise ValueError("not an ACE")
    kind, flags, rights, object_type, inherited_type, sid = match.groups()
    if (object_type or inherited_type) and kind not in _OBJECT_KINDS:
        raise ValueError("GUID in an ACE that has none")
    bits = 0
    for index in range(0, len(flags), 2):
        bit = _FLAGS.get(flags[index : index + 2])
        if bit is None:
            raise ValueError("unknown ACE flag")
        bits |= bit
    return Ace(
        _KINDS[kind], bits, _parse_rights(rights), parse_sid(sid), _parse_guid(object_type), _parse_guid(inherited_type)
    )


def _parse_rights(text: str) -> int:
    if text[:1].isdigit():
        mask = int(text, 16) if text[:2] in ("0x", "0X") else int(text, 8 if text.startswith("0") else 10)
        if mask >= 1 << 32:
            raise ValueError("rights too large")
        return mask
    mask = 0
    for index in range(0, len(text), 2):
        bit = _RIGHTS.get(text[index : index + 2])
        if bit is None:
            raise ValueError("unknown right")
        mask |= bit
    return mask


def _parse_guid(text: str) -> bytes:
    if not text:
        return b""
    if len(text) != 36:
        raise ValueError("not a GUID")
    return UUID(text).bytes_le


@lru_cache(maxsize=1024)
def parse_sid(text: str) -> bytes:
    """Return a SID's bytes; ``text`` may be an alias.

    :raises ValueError: it is malformed, or an alias that means nothing outside a domain.
    """
    if len(text) == 2:
        if text not in _SIDS:
            raise ValueError("unknown alias")
        text = _SIDS[text]
    _, _, authority, *rest = text.split("-")
    if not re.fullmatch(_SID_TEXT, text, re.ASCII):
        raise ValueError("not a SID")
    number = int(authority, 16) if authority.startswith("0x") else int(authority)
    subs = [int(part) for part in rest]
    if number >= 1 << 48 or any(sub >= 1 << 32 for sub in subs):
        raise ValueError("SID out of range")
    return b"".join((bytes((1, len(subs))), number.to_bytes(6, "big"), *(sub.to_bytes(4, "little") for sub in subs)))


def spell(descriptor: Descriptor) -> str | None:
    """Return the SDDL of ``descriptor``; ``None`` if it has entries that SDDL cannot say here."""
    dacl, sacl = _spell_acl(descriptor.dacl, descriptor.control), _spell_acl(descriptor.sacl, descriptor.control >> 1)
    if dacl is None or sacl is None:
        return None
    text = f"O:{spell_sid(descriptor.owner)}G:{spell_sid(descriptor.group)}D:{dacl}"
    return f"{text}S:{sacl}" if descriptor.control & SACL_PRESENT else text


def _spell_acl(acl: Acl | None, control: int) -> str | None:
    words = "".join(word for word, bit in _CONTROL.items() if control & bit)
    if acl is None:
        return words + _NO_ACL
    aces = [_spell_ace(ace) for ace in acl]
    return None if None in aces else words + "".join(filter(None, aces))


def _spell_ace(ace: Ace) -> str | None:
    kind = _KIND_NAMES.get(ace.kind)
    if kind is None or ace.rest:
        return None
    flags = "".join(word for word, bit in _FLAGS.items() if ace.flags & bit)
    types = ";".join(str(UUID(bytes_le=guid)) if guid else "" for guid in (ace.object_type, ace.inherited_type))
    return f"({kind};{flags};{_spell_rights(ace)};{types};{spell_sid(ace.sid)})"


def _spell_rights(ace: Ace) -> str:
    mask, table = ace.mask, _LABEL_RIGHTS if ace.kind == _LABEL else _SINGLE_RIGHTS
    if mask in _FILE_NAMES:
        return _FILE_NAMES[mask]
    if mask & ~sum(table.values()):
        return f"0x{mask:x}"
    return "".join(name for name, bit in table.items() if mask & bit)


@lru_cache(maxsize=1024)
def spell_sid(sid: bytes) -> str:
    """Return a SID as its alias, or in full."""
    known = _ALIASES.get(sid)
    if known is not None:
        return known
    authority = int.from_bytes(sid[2:8], "big")
    head = f"0x{authority:x}" if authority >= 1 << 32 else str(authority)
    return "-".join(["S", "1", head, *(str(int.from_bytes(sid[i : i + 4], "little")) for i in range(8, len(sid), 4))])


_KIND_NAMES = {kind: name for name, kind in _KINDS.items()}
_ALIASES = {parse_sid(alias): alias for alias in _SIDS}
