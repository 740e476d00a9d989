"""Owner, group and mode of a node of an NFS share, as people read them."""

from typing import Final

_BITS: Final = ((4, "read"), (2, "write"), (1, "execute"))
_SPECIAL: Final = (
    (0o4000, "runs as its owner (setuid)"),
    (0o2000, "runs as its group, or hands its group on to what is made in it (setgid)"),
    (0o1000, "only owners delete what is in it (sticky)"),
)


def letters(mode: int) -> str:
    """As ``ls`` writes it: ``rwxr-x--x``, with ``s`` and ``t`` for the special bits."""
    told = [
        ("r" if mode >> shift & 4 else "-") + ("w" if mode >> shift & 2 else "-") + _last(mode, shift)
        for shift in (6, 3, 0)
    ]
    return "".join(told)


def _last(mode: int, shift: int) -> str:
    special = mode & {6: 0o4000, 3: 0o2000, 0: 0o1000}[shift]
    letter = "t" if shift == 0 else "s"
    if mode >> shift & 1:
        return letter if special else "x"
    return letter.upper() if special else "-"


def who_may(owner: int, group: int, mode: int) -> list[tuple[str, str]]:
    """Who, and what they may: each of the three, then the special bits."""
    rows = [
        (who, _rights(mode >> shift))
        for who, shift in ((f"user {owner}", 6), (f"group {group}", 3), ("everybody else", 0))
    ]
    return rows + [("special", told) for bit, told in _SPECIAL if mode & bit]


def _rights(bits: int) -> str:
    return ", ".join(name for bit, name in _BITS if bits & bit) or "nothing"
