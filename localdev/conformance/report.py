"""What came of a comparison: for people lines, for programs ``report.json``.

Exit codes: 0 as the real host; 1 not so, or a scenario could not be played; 2 something could not be started; 3 no real host is
here, and what could be compared is as written down: nothing is known about Azure.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from localdev.conformance.differences import Difference, compare
from localdev.conformance.hazards import SCENARIOS
from localdev.conformance.seen import Seen

ALIKE, DIFFERS, FAILED, UNKNOWN = 0, 1, 2, 3

_ABOUT = {scenario.name: scenario.about for scenario in SCENARIOS}
_ON_PURPOSE = {scenario.name: scenario.on_purpose for scenario in SCENARIOS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One app on both sides.  ``theirs`` is ``None`` if there was nothing to compare with."""

    app: str
    ours: Mapping[str, Seen]
    theirs: Mapping[str, Seen] | None
    reference: str
    """What it was compared with, in a few words."""
    version: str
    """Of that."""
    real: bool
    """Whether that was a real host, here and now."""
    differences: Mapping[str, Sequence[Difference]]
    """By scenario; those without are not in it."""

    @property
    def problems(self) -> list[str]:
        """Scenarios that could not be played on our side: equal problems on both sides are not conformance."""
        return [name for name, what in self.ours.items() if "problem" in what]

    @property
    def unexpected(self) -> list[str]:
        """Scenarios that differ and should not."""
        return [name for name in self.differences if not _ON_PURPOSE.get(name)]


def compared(
    app: str, ours: Mapping[str, Seen], theirs: Mapping[str, Seen] | None, *, reference: str, version: str, real: bool
) -> Compared:
    """Compare what was seen of one app.  What only the reference has is a difference only if our side played all of it."""
    differences = {}
    if theirs is not None:
        for name, what in ours.items():
            if found := compare(what, theirs.get(name)):
                differences[name] = found
    return Compared(
        app=app, ours=ours, theirs=theirs, reference=reference, version=version, real=real, differences=differences
    )


def code(all_of_it: Sequence[Compared]) -> int:
    """The exit code."""
    if any(one.unexpected or one.problems for one in all_of_it):
        return DIFFERS
    return ALIKE if all(one.real for one in all_of_it) else UNKNOWN


def lines(one: Compared) -> list[str]:
    """Tell it to people."""
    wide = max(map(len, one.ours), default=0)
    told = [f"{one.app}: localdev against {one.reference} ({one.version})"]
    for name, what in one.ours.items():
        if "problem" in what:
            told.append(f"  {name:<{wide}}  COULD NOT BE PLAYED: {what['problem']}")
        elif name not in one.differences:
            told.append(f"  {name:<{wide}}  {'alike' if one.theirs is not None else 'nothing to compare with'}")
        else:
            purpose = _ON_PURPOSE.get(name)
            told.append(f"  {name:<{wide}}  {f'differs on purpose: {purpose}' if purpose else 'DIFFERS'}")
            if about := _ABOUT.get(name):
                told.append(f"    {about}")
            for difference in one.differences[name]:
                told += [f"    {line}" for line in difference.lines("localdev", one.reference)]
    alike = len(one.ours) - len({*one.differences, *one.problems}) if one.theirs is not None else 0
    told.append(f"  {alike} of {len(one.ours)} alike")
    return told


def write(all_of_it: Sequence[Compared], file: Path, *, ours: str) -> None:
    """Write all of it down."""
    file.parent.mkdir(parents=True, exist_ok=True)
    wire: dict[str, Any] = {
        "localdev": ours,
        "apps": [
            {
                "app": one.app,
                "reference": one.reference,
                "version": one.version,
                "real": one.real,
                "differences": {
                    name: [difference.to_wire() for difference in found] for name, found in one.differences.items()
                },
                "localdev_gave": one.ours,
                "reference_gave": one.theirs,
            }
            for one in all_of_it
        ],
    }
    file.write_text(json.dumps(wire, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
