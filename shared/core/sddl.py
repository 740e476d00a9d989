"""Security descriptors as people read them: who may do what to a file or a directory.

The service gives a descriptor as SDDL ([MS-DTYP] 2.5.1)::

    O:<owner>G:<group>D:<flags>(<entry>)(<entry>)...S:<flags>(<entry>)...
    entry = type;flags;rights;object;inherited object;who[;condition]

Whatever the text is, it is read: what is not understood is kept as it stands (:attr:`Descriptor.odd`, :attr:`Entry.odd`) and hides nothing else.
Conditions and resource attributes (2.4.4.17, 2.4.4.15) are shown as text. Nobody is looked up: an account is named if its SID is the same
everywhere (:mod:`shared.core.sids`).
"""

from dataclasses import dataclass
from enum import IntFlag, StrEnum
from typing import Final

from shared.core.sids import Who, who_is


class Kind(StrEnum):
    """What an entry does."""

    ALLOW = "allow"
    DENY = "deny"
    AUDIT = "audit"
    """Use is written into the log of the server that the share is on."""
    ALARM = "alarm"
    LABEL = "label"
    """The integrity that a process needs."""
    ATTRIBUTE = "attribute"
    """A property of the file that conditions can ask for."""
    POLICY = "policy"
    """A central access policy holds, too."""
    OTHER = "other"


class Flag(IntFlag):
    """Of an entry: [MS-DTYP] 2.4.4.1."""

    OBJECT_INHERIT = 0x01
    CONTAINER_INHERIT = 0x02
    NO_PROPAGATE = 0x04
    INHERIT_ONLY = 0x08
    INHERITED = 0x10
    CRITICAL = 0x20
    ON_SUCCESS = 0x40
    ON_FAILURE = 0x80


NO_FLAGS: Final = Flag(0)
_KINDS: Final = {
    **dict.fromkeys(("A", "OA", "XA", "ZA"), Kind.ALLOW),
    **dict.fromkeys(("D", "OD", "XD"), Kind.DENY),
    **dict.fromkeys(("AU", "OU", "XU"), Kind.AUDIT),
    **dict.fromkeys(("AL", "OL"), Kind.ALARM),
    **dict.fromkeys(("ML", "TL"), Kind.LABEL),
    "RA": Kind.ATTRIBUTE,
    "SP": Kind.POLICY,
}
_FLAGS: Final = {
    "OI": Flag.OBJECT_INHERIT,
    "CI": Flag.CONTAINER_INHERIT,
    "NP": Flag.NO_PROPAGATE,
    "IO": Flag.INHERIT_ONLY,
    "ID": Flag.INHERITED,
    "CR": Flag.CRITICAL,
    "SA": Flag.ON_SUCCESS,
    "FA": Flag.ON_FAILURE,
}
_RIGHTS: Final = {
    "CC": 0x1, "DC": 0x2, "LC": 0x4, "SW": 0x8, "RP": 0x10, "WP": 0x20, "DT": 0x40, "LO": 0x80, "CR": 0x100,
    "SD": 0x1_0000, "RC": 0x2_0000, "WD": 0x4_0000, "WO": 0x8_0000,
    "GA": 0x1000_0000, "GX": 0x2000_0000, "GW": 0x4000_0000, "GR": 0x8000_0000,
    "FA": 0x1F_01FF, "FR": 0x12_0089, "FW": 0x12_0116, "FX": 0x12_00A0,
    "KA": 0xF_003F, "KR": 0x2_0019, "KW": 0x2_0006, "KX": 0x2_0019,
}  # fmt: skip
_LABEL_RIGHTS: Final = {"NW": 0x1, "NR": 0x2, "NX": 0x4}
_GENERIC: Final = {0x1000_0000: 0x1F_01FF, 0x8000_0000: 0x12_0089, 0x4000_0000: 0x12_0116, 0x2000_0000: 0x12_00A0}
_SYNCHRONIZE: Final = 0x10_0000
"""Every useful set of rights has it, and it says nothing to people."""
_LEVELS: Final = {
    0x0F_01FF: "full control",
    0x03_01BF: "modify",
    0x02_01BF: "read, write and execute",
    0x02_019F: "read and write",
    0x02_00A9: "read and execute",
    0x02_0089: "read",
    0x02_0116: "write",
    0x00_0116: "write",
    0x02_00A0: "execute",
}
_SINGLE: Final = (
    (0x1, "read data, list folders"),
    (0x2, "write data, create files"),
    (0x4, "append data, create folders"),
    (0x8, "read extended attributes"),
    (0x10, "write extended attributes"),
    (0x20, "execute, traverse folders"),
    (0x40, "delete what is in a folder"),
    (0x80, "read attributes"),
    (0x100, "write attributes"),
    (0x1_0000, "delete"),
    (0x2_0000, "read permissions"),
    (0x4_0000, "change permissions"),
    (0x8_0000, "take ownership"),
    (0x100_0000, "read and change auditing"),
    (0x200_0000, "as much as allowed"),
)
_LABELS: Final = (
    (0x1, "lower integrity may not write"),
    (0x2, "lower integrity may not read"),
    (0x4, "lower integrity may not execute"),
)
_NO_ACL: Final = "NO_ACCESS_CONTROL"
SPECIAL: Final = "special"
FIELDS_MAX: Final = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One entry of an access list."""

    text: str
    """As it stands in the SDDL, without its parentheses."""
    kind: Kind = Kind.OTHER
    who: Who | None = None
    flags: Flag = NO_FLAGS
    mask: int = 0
    """What is allowed or denied, as bits: [MS-DTYP] 2.4.3. Generic rights are in it as those of files that they stand for."""
    condition: str = ""
    """Under which it holds, or what a resource attribute is."""
    object_types: tuple[str, str] = ("", "")
    """GUIDs of directory services: of no meaning to files."""
    odd: str = ""
    """What of it was not understood."""

    @property
    def inherited(self) -> bool:
        """Whether it came from the directory above."""
        return Flag.INHERITED in self.flags

    @property
    def level(self) -> str:
        """Its rights in a word or two; :data:`SPECIAL` if there is none for them: see :attr:`rights`."""
        if self.kind is Kind.LABEL:
            return "; ".join(self.rights) or "no limit"
        if self.kind in (Kind.ATTRIBUTE, Kind.POLICY):
            return ""
        return _LEVELS.get(self.mask & ~_SYNCHRONIZE, SPECIAL if self.rights else "nothing")

    @property
    def rights(self) -> tuple[str, ...]:
        """Its rights one by one."""
        table = _LABELS if self.kind is Kind.LABEL else _SINGLE
        known = sum(bit for bit, _ in table) | _SYNCHRONIZE
        others = self.mask & ~known
        told = [name for bit, name in table if self.mask & bit]
        return (*told, f"0x{others:x}") if others else tuple(told)

    def applies_to(self, *, directory: bool) -> str:
        """On what it acts: this directory, what is in it, or both."""
        if not directory:
            return "nothing here" if Flag.INHERIT_ONLY in self.flags else "this file"
        places = [] if Flag.INHERIT_ONLY in self.flags else ["this folder"]
        places += ["subfolders"] if Flag.CONTAINER_INHERIT in self.flags else []
        places += ["files"] if Flag.OBJECT_INHERIT in self.flags else []
        if not places:
            return "nothing here"
        told = places[0] if len(places) == 1 else f"{', '.join(places[:-1])} and {places[-1]}"
        if Flag.NO_PROPAGATE in self.flags and places[-1] != "this folder":
            return f"{told}, one level deep"
        return told if len(places) > 1 else f"{told} only"

    @property
    def audited(self) -> str:
        """Of an audit entry, when it writes: ``success``, ``failure``, ``success and failure``; else empty."""
        told = [
            name for flag, name in ((Flag.ON_SUCCESS, "success"), (Flag.ON_FAILURE, "failure")) if flag in self.flags
        ]
        return " and ".join(told) if self.kind in (Kind.AUDIT, Kind.ALARM) else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessList:
    """The entries that say who may, or those that say what is audited."""

    entries: tuple[Entry, ...] = ()
    protected: bool = False
    """Nothing is inherited from the directory above."""
    inherits: bool = False
    """Entries from the directory above were handed down automatically."""
    absent: bool = False
    """There is no list, which is not the same as an empty one: who may is everybody."""
    odd: str = ""
    """Flags that were not understood."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Descriptor:
    """A security descriptor."""

    text: str
    owner: Who | None = None
    group: Who | None = None
    access: AccessList | None = None
    """Who may do what; None: the text says nothing of it."""
    audit: AccessList | None = None
    odd: tuple[str, ...] = ()
    """Parts that were not understood."""


def parse(text: str) -> Descriptor:
    """Read SDDL, or whatever it is: see the module's text. Never raises."""
    owner: Who | None = None
    group: Who | None = None
    access: AccessList | None = None
    audit: AccessList | None = None
    odd: list[str] = []
    for marker, part in _components(text.strip()):
        if marker == "O" and owner is None and part:
            owner = who_is(part)
        elif marker == "G" and group is None and part:
            group = who_is(part)
        elif marker == "D" and access is None:
            access = _list(part)
        elif marker == "S" and audit is None:
            audit = _list(part)
        elif marker or part:
            odd.append(f"{marker}:{part}" if marker else part)
    return Descriptor(text=text, owner=owner, group=group, access=access, audit=audit, odd=tuple(odd))


def _components(text: str) -> list[tuple[str, str]]:
    """``O``, ``G``, ``D`` and ``S`` with what follows each; what is before the first has an empty marker."""
    found: list[tuple[str, str]] = []
    marker, begin = "", 0
    depth, quoted = 0, False
    for at, character in enumerate(text):
        if quoted or (character == '"' and depth):
            quoted = (character == '"') != quoted
        elif character in "()":
            depth = max(0, depth + (1 if character == "(" else -1))
        elif character == ":" and not depth and at > begin and text[at - 1] in "OGDS":
            found.append((marker, text[begin : at - 1].strip()))
            marker, begin = text[at - 1], at + 1
    found.append((marker, text[begin:].strip()))
    return found if found[0] != ("", "") else found[1:]


def _list(text: str) -> AccessList:
    words, entries, rest = _parts(text)
    absent = words.endswith(_NO_ACL)
    words = words.removesuffix(_NO_ACL)
    flags: set[str] = set()
    while words:
        word = next((known for known in ("P", "AR", "AI") if words.startswith(known)), "")
        if not word:
            break
        flags.add(word)
        words = words[len(word) :].strip()
    return AccessList(
        entries=tuple(_entry(entry) for entry in entries),
        protected="P" in flags,
        inherits="AI" in flags,
        absent=absent,
        odd=" ".join(part for part in (words, rest) if part),
    )


def _parts(text: str) -> tuple[str, list[str], str]:
    """What is before the first parenthesis, what is in each pair of them, and what is neither."""
    head, _, _ = text.partition("(")
    entries: list[str] = []
    rest: list[str] = []
    depth, quoted, begin = 0, False, len(head)
    for at in range(len(head), len(text)):
        character = text[at]
        if quoted or (character == '"' and depth):
            quoted = (character == '"') != quoted
        elif character == "(":
            if not depth:
                rest.append(text[begin:at].strip())
                begin = at + 1
            depth += 1
        elif character == ")" and depth:
            depth -= 1
            if not depth:
                entries.append(text[begin:at])
                begin = at + 1
    rest.append(text[begin:].strip() if not depth else f"({text[begin:]}")
    return head.strip(), entries, " ".join(part for part in rest if part)


def _fields(text: str) -> list[str]:
    """The fields of an entry; a condition, the last, may have semicolons in its texts."""
    fields = text.split(";", FIELDS_MAX - 1)
    return [field.strip() for field in fields]


def _entry(text: str) -> Entry:
    fields = _fields(text)
    if len(fields) < 6 or not fields[0]:
        return Entry(text=text, odd=text)
    kind, flags_text, rights_text, object_type, inherited_type, who, *condition = fields
    flags, odd_flags = _flags(flags_text)
    what = _KINDS.get(kind, Kind.OTHER)
    mask, odd_rights = _mask(rights_text, _LABEL_RIGHTS if what is Kind.LABEL else _RIGHTS)
    odd = [part for part in ("" if kind in _KINDS else kind, odd_flags, odd_rights) if part]
    return Entry(
        text=text,
        kind=what,
        who=who_is(who) if who else None,
        flags=flags,
        mask=mask,
        condition=condition[0] if condition else "",
        object_types=(object_type, inherited_type),
        odd=" ".join(odd),
    )


def _flags(text: str) -> tuple[Flag, str]:
    found = NO_FLAGS
    for at in range(0, len(text), 2):
        flag = _FLAGS.get(text[at : at + 2])
        if flag is None:
            return found, text[at:]
        found |= flag
    return found, ""


def _mask(text: str, table: dict[str, int]) -> tuple[int, str]:
    """The bits of rights, as a number or as words, and what was no right."""
    mask = 0
    if text[:1].isdigit():
        base = 16 if text[:2].lower() == "0x" else 8 if text.startswith("0") else 10
        try:
            mask = int(text, base)
        except ValueError:
            return 0, text
        if mask >= 1 << 32:
            return 0, text
    else:
        for at in range(0, len(text), 2):
            word = text[at : at + 2]
            if word not in table:
                return _of_files(mask), text[at:]
            mask |= table[word]
    return _of_files(mask), ""


def _of_files(mask: int) -> int:
    for generic, rights in _GENERIC.items():
        if mask & generic:
            mask = mask & ~generic | rights
    return mask
