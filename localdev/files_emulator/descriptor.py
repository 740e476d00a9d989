"""Security descriptors as bytes: the self-relative SECURITY_DESCRIPTOR of [MS-DTYP] 2.4.6.

::

    descriptor = u8 1, u8 0, u16 control, u32 owner, u32 group, u32 sacl, u32 dacl      offsets; 0 for none
    acl        = u8 revision, u8 0, u16 bytes, u16 ACEs, u16 0, ace*
    ace        = u8 type, u8 flags, u16 bytes, u32 mask, [u32 which, [16B type], [16B inherited type]], sid, rest
    sid        = u8 1, u8 n, u48 authority (big-endian), n * u32

All little-endian but the authority. What is written is always laid out as the service does (SACL, DACL, owner, group),
so equal descriptors are equal bytes.
"""

import struct
from dataclasses import dataclass

DACL_PRESENT, SACL_PRESENT, SELF_RELATIVE = 0x0004, 0x0010, 0x8000  # a SACL may be present and none
#: Control bits of the DACL; those of the SACL are one bit to the left.
AUTO_INHERIT_REQUIRED, AUTO_INHERITED, PROTECTED = 0x0100, 0x0400, 0x1000
DACL_CONTROL = AUTO_INHERIT_REQUIRED | AUTO_INHERITED | PROTECTED
SACL_CONTROL = DACL_CONTROL << 1 | SACL_PRESENT

OBJECT_INHERIT, CONTAINER_INHERIT, NO_PROPAGATE, INHERIT_ONLY, INHERITED = 0x01, 0x02, 0x04, 0x08, 0x10

_OBJECT_TYPES = frozenset({5, 6, 7, 8, 0xB, 0xC, 0xF, 0x10})
_PLAIN_TYPES = frozenset({0, 1, 2, 3, 9, 0xA, 0xD, 0xE, 0x11, 0x12, 0x13, 0x14, 0x15})
_HAS_TYPE, _HAS_INHERITED_TYPE = 1, 2
_HEADER, _ACL, _ACE = struct.Struct("<BBHIIII"), struct.Struct("<BBHHH"), struct.Struct("<BBH")


@dataclass(frozen=True, slots=True)
class Ace:
    """One entry of an ACL; GUIDs are empty where there is none.

    ``rest`` is what follows the SID (a condition, a claim), or all after the flags if the type is unknown: then there
    is no SID.
    """

    kind: int
    flags: int
    mask: int
    sid: bytes
    object_type: bytes = b""
    inherited_type: bytes = b""
    rest: bytes = b""


Acl = tuple[Ace, ...]


@dataclass(frozen=True, slots=True)
class Descriptor:
    """Owner, group (both SIDs), DACL and SACL; ``None`` is an ACL that does not restrict anything.

    ``control`` has ``SACL_PRESENT`` if the SACL is said to be there, be it none.
    """

    owner: bytes
    group: bytes
    dacl: Acl | None
    sacl: Acl | None = None
    control: int = 0


def from_bytes(data: bytes) -> Descriptor:
    """Read a descriptor.

    :raises ValueError: it is malformed, or lacks owner, group or DACL.
    """
    try:
        revision, _, control, owner, group, sacl, dacl = _HEADER.unpack_from(data)
        if revision != 1 or not control & SELF_RELATIVE or not control & DACL_PRESENT or not owner or not group:
            raise ValueError("not a self-relative descriptor with owner, group and DACL")
        return Descriptor(
            _sid(data, owner, len(data)),
            _sid(data, group, len(data)),
            _acl(data, dacl),
            _acl(data, sacl) if control & SACL_PRESENT else None,
            control & (DACL_CONTROL | SACL_CONTROL if control & SACL_PRESENT else DACL_CONTROL),
        )
    except struct.error:
        raise ValueError("cut short") from None


def _sid(data: bytes, at: int, end: int) -> bytes:
    if at + 8 > end or data[at] != 1 or not 1 <= data[at + 1] <= 15:
        raise ValueError("not a SID")
    sid = data[at : min(at + 8 + 4 * data[at + 1], end)]
    if len(sid) != 8 + 4 * sid[1]:
        raise ValueError("SID cut short")
    return sid


def _acl(data: bytes, at: int) -> Acl | None:
    if not at:
        return None
    revision, _, length, count, _ = _ACL.unpack_from(data, at)
    end = at + length
    if revision not in (2, 4) or end > len(data):
        raise ValueError("not an ACL")
    at += _ACL.size
    found = []
    for _ in range(count):
        kind, flags, size = _ACE.unpack_from(data, at)
        if size < _ACE.size or at + size > end:
            raise ValueError("ACE out of bounds")
        found.append(_ace(kind, flags, data[at + _ACE.size : at + size]))
        at += size
    return tuple(found)


def _ace(kind: int, flags: int, body: bytes) -> Ace:
    if kind not in _PLAIN_TYPES and kind not in _OBJECT_TYPES:
        return Ace(kind, flags, 0, b"", rest=body)
    (mask,) = struct.unpack_from("<I", body)
    at, types = 4, [b"", b""]
    if kind in _OBJECT_TYPES:
        (which,) = struct.unpack_from("<I", body, at)
        at += 4
        for index, bit in enumerate((_HAS_TYPE, _HAS_INHERITED_TYPE)):
            if which & bit:
                types[index] = body[at : at + 16]
                at += 16
    sid = _sid(body, at, len(body))
    return Ace(kind, flags, mask, sid, types[0], types[1], body[at + len(sid) :])


def to_bytes(descriptor: Descriptor) -> bytes:
    """Write a descriptor.

    :raises ValueError: an ACL exceeds its 64 KiB.
    """
    sacl_bytes, dacl_bytes = _acl_bytes(descriptor.sacl), _acl_bytes(descriptor.dacl)
    sacl = _HEADER.size
    dacl = sacl + len(sacl_bytes)
    owner = dacl + len(dacl_bytes)
    group = owner + len(descriptor.owner)
    control = descriptor.control | SELF_RELATIVE | DACL_PRESENT
    header = _HEADER.pack(1, 0, control, owner, group, sacl if sacl_bytes else 0, dacl if dacl_bytes else 0)
    return b"".join((header, sacl_bytes, dacl_bytes, descriptor.owner, descriptor.group))


def _acl_bytes(acl: Acl | None) -> bytes:
    if acl is None:
        return b""
    aces = b"".join(map(_ace_bytes, acl))
    revision = 4 if any(ace.kind in _OBJECT_TYPES for ace in acl) else 2
    try:
        return _ACL.pack(revision, 0, _ACL.size + len(aces), len(acl), 0) + aces
    except struct.error:
        raise ValueError("ACL too long") from None


def _ace_bytes(ace: Ace) -> bytes:
    body = ace.rest
    if ace.sid:
        types = b""
        if ace.kind in _OBJECT_TYPES:
            which = _HAS_TYPE * bool(ace.object_type) | _HAS_INHERITED_TYPE * bool(ace.inherited_type)
            types = struct.pack("<I", which) + ace.object_type + ace.inherited_type
        body = struct.pack("<I", ace.mask) + types + ace.sid + ace.rest
    return _ACE.pack(ace.kind, ace.flags, _ACE.size + len(body)) + body
