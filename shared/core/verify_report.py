"""What a verify came to, and what to do about each thing it found."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from shared.core import sampling
from shared.model.run import Counters, Run
from shared.model.verify import Finding, FindingKind
from shared.model.verify_order import VerifyLevel, VerifyOrder

COMPARED = ("content", "size", "times", "attributes", "permissions", "metadata", "content headers")
"""What a drill compares of each file; of one of an NFS share owner, group and mode in place of attributes and permissions."""
PARTS: Final = 100
"""Verifies after which everything has been read, unless asked for otherwise: 1 % each time."""
DRILL_FILES: Final = 1_000
"""Files that a drill restores, about, unless asked for otherwise: enough to exclude that 0.7 % cannot be."""
_KINDS: Final = frozenset(kind.value for kind in FindingKind)
_AGAIN = "the next backup saves it again, whether or not it has changed"
_OLDER = "restore it from a restore point that is not named here"
_ROW = "the vault has all that the row is about: rebuild the catalogue from the vault"


def advice(finding: Finding) -> str:
    """What to do about a finding, for people."""
    kind, name = finding.kind, finding.object
    if kind is FindingKind.ORPHANS:
        return "nothing: they are swept"
    if kind is FindingKind.POINT:
        return "restores from it may be incomplete: look at the other findings; if there are none, rebuild the catalogue from the vault"
    if kind is FindingKind.ROW:
        return f"{_AGAIN}; {_ROW}" if finding.current else _ROW
    if kind is FindingKind.NOT_RESTORED:
        return (
            "their content is whole in the vault: look in this journal for what the restore says of them, remove the cause, and"
            " drill again"
        )
    if kind is FindingKind.RESTORED_OTHERWISE:
        return (
            "the content is whole in the vault, and this was not kept by the account of the scratch share: look whether its kind, its"
            " version or the rights of the credential are those of the account that you would restore to, and drill again"
        )
    if kind is FindingKind.HISTORY:
        return f"older restore points of this directory may be out of reach; {_ROW}"
    folder = name.split("/")[1:2]
    if folder == ["point"]:
        return "the catalogue still knows the restore point, but it cannot be restored: use another one"
    if folder == ["permission"]:
        return "nodes that have it are restored without it and inherit: note their permissions while the share is there"
    if not finding.files and not finding.points:
        return (
            "no file that was looked at is concerned; without it the catalogue cannot be rebuilt wholly from the vault"
        )
    if folder == ["chunk"] and kind is not FindingKind.LOST:
        again = f"delete this object, which is of no use, and {_AGAIN}: that mends all restore points that have it"
    elif folder == ["chunk"]:
        again = f"{_AGAIN}: that mends all restore points that have it"
    else:
        again = f"{_AGAIN}: what is restored from later restore points is whole"
    if not finding.current:
        return f"{_OLDER}; nothing brings these versions back"
    return f"{again}. Until then, and if it is gone from the share, {_OLDER}"


def details(finding: Finding) -> dict[str, str]:
    """What a line of the journal tells beside path, reason and hint; all texts. :func:`finding_of` is the opposite."""
    told = {"object": finding.object, "files": str(finding.files), "bytes": str(finding.bytes)}
    if finding.points:
        told["restore_points"] = _ranges(finding.points)
    if finding.paths:
        told["paths"] = "\n".join(finding.paths)
    if finding.current:
        told["newest"] = "yes"
    return told


def finding_of(kind: str, reason: str, node_id: int, told: Mapping[str, str]) -> Finding | None:
    """The finding that a line of a journal tells of, as far as it does; None if it tells of something else.

    :param told: the line's details; of a release before this they do not say whether the newest state is concerned.
    """
    if kind not in _KINDS or "object" not in told:
        return None
    return Finding(
        kind=FindingKind(kind),
        object=told["object"],
        reason=reason.removeprefix(f"{told['object']}: "),
        current=told.get("newest") == "yes",
        files=int(told.get("files", 0)),
        bytes=int(told.get("bytes", 0)),
        paths=told.get("paths", "").splitlines(),
        points=_numbers(told.get("restore_points", "")),
        node_id=node_id,
    )


def report(
    run: Run, counters: Counters, found: Mapping[str, int], points: Sequence[int], cycle: Sequence[Run]
) -> dict[str, Any]:
    """What the API shows of a verify that has ended.

    :param found: how many findings there are of each kind.
    :param points: the restore points that were verified.
    :param cycle: SAMPLE: earlier verifies that belong to it, newest first: see :func:`cycle_of`.
    """
    order = run.verify
    assert order is not None
    told: dict[str, Any] = {
        "level": order.level.value,
        "restore_points": {"newest": order.restore_point, "oldest": points[0], "count": len(points)},
        "checked": {
            "directories": counters.directories,
            "files": counters.files,
            "bytes": counters.bytes,
            "records": counters.records,
        },
        "read": {"files": counters.reread_files, "bytes": counters.reread_bytes, "unreadable": counters.unreadable},
        "unsaved": counters.unsaved,
        "damaged_objects": sum(n for kind, n in found.items() if FindingKind(kind).is_damage),
        "findings": dict(found),
    }
    if order.level is VerifyLevel.SAMPLE:
        told["sample"] = _sample(run, order, counters, cycle)
        told["statement"] = sampling.statement(counters.reread_files, counters.unreadable)
    return told


def drill_report(
    run: Run,
    counters: Counters,
    found: Mapping[str, int],
    cycle: Sequence[Run],
    scratch: Mapping[str, Any],
    seconds: float,
    restored_s: float,
) -> dict[str, Any]:
    """The same of a drill.

    :param scratch: the scratch share, and whether it is gone.
    :param seconds: how long restoring and comparing took together.
    :param restored_s: how long restoring took, pauses included.
    """
    order = run.verify
    assert order is not None
    damaged = sum(n for kind, n in found.items() if FindingKind(kind).is_damage)
    return {
        "level": order.level.value,
        "restore_points": {"newest": order.restore_point, "oldest": order.restore_point, "count": 1},
        "seconds": round(seconds, 1),
        "restored": {
            "files": counters.files,
            "bytes": counters.bytes,
            "seconds": round(restored_s, 1),
            "exceptions": counters.errors - damaged,
        },
        "compared": {
            "files": counters.reread_files,
            "bytes": counters.reread_bytes,
            "directories": counters.reread_directories,
            "files_otherwise": counters.unreadable,
            "of_each": list(COMPARED),
        },
        "unsaved": counters.unsaved,
        "damaged_objects": damaged,
        "findings": dict(found),
        "sample": _sample(run, order, counters, cycle, "cannot be restored as they were saved"),
        "statement": sampling.statement(
            counters.reread_files, counters.unreadable, "cannot be restored as they were saved"
        ),
        "scratch_share": dict(scratch),
    }


def cycle_of(order: VerifyOrder, earlier: Iterable[Run]) -> list[Run]:
    """Of earlier sampling verifies, newest first, those that read the parts before this one's, since part 0 was last read."""
    found: list[Run] = []
    part = order.part
    for run in earlier:
        if part == 0 or run.verify is None:
            break
        if run.verify.parts == order.parts and run.verify.part == part - 1:
            found.append(run)
            part -= 1
    return found


def parts_for(
    level: VerifyLevel,
    files: int,
    *,
    over_runs: int | None = None,
    percent: float | None = None,
    drill_files: int | None = None,
) -> int:
    """After how many samples or drills like this one everything of a restore point with ``files`` files has been read."""
    if over_runs is not None:
        return over_runs
    if level is VerifyLevel.SAMPLE:
        return PARTS
    if percent is not None:
        return max(1, round(100 / percent))
    # A power of two, so that a share that grows a little goes on with its cycle instead of beginning another.
    wanted = max(1, math.ceil(files / (drill_files or DRILL_FILES)))
    return 1 << (wanted - 1).bit_length()


def next_part(parts: int, last: VerifyOrder | None) -> int:
    """Which part the next sampling verify reads after ``last``, the newest that has read its own."""
    return 0 if last is None or last.parts != parts else (last.part + 1) % parts


def _sample(
    run: Run, order: VerifyOrder, counters: Counters, cycle: Sequence[Run], claim: str = "are unreadable"
) -> dict[str, Any]:
    total = Counters()
    for one in (counters, *(earlier.counters for earlier in cycle)):
        total.add(one)
    began = cycle[-1].started_at if cycle else run.started_at
    return {
        "part": order.part,
        "parts": order.parts,
        "percent": round(100 / order.parts, 4),
        "since": began.isoformat() if began is not None else None,
        "parts_read": 1 + len(cycle),
        "files_read": total.reread_files,
        "bytes_read": total.reread_bytes,
        "coverage_percent": round(100 * (1 + len(cycle)) / order.parts, 4),
        "statement": sampling.statement(total.reread_files, total.unreadable, claim),
    }


def _numbers(ranges: str) -> set[int]:
    """The opposite of :func:`_ranges`."""
    found: set[int] = set()
    for stretch in filter(None, ranges.split(", ")):
        first, _, last = stretch.partition("-")
        found.update(range(int(first), int(last or first) + 1))
    return found


def _ranges(numbers: Iterable[int]) -> str:
    """``1-3, 7``: stretches of numbers that follow one another."""
    stretches: list[list[int]] = []
    for number in sorted(numbers):
        if stretches and number == stretches[-1][-1] + 1:
            stretches[-1] = [stretches[-1][0], number]
        else:
            stretches.append([number, number])
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in stretches)
