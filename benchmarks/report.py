"""Results: numbers by metric, a table of them, and the file they go into."""

import json
from collections.abc import Mapping
from pathlib import Path

Results = dict[str, float]


class BenchmarkFailed(Exception):
    """What was measured gave a wrong answer, or none."""


def table(results: Mapping[str, float], targets: Mapping[str, tuple[str, float]]) -> str:
    """Return a table of ``results``; a target is ``<=`` or ``>=`` and a number."""
    rows = [("metric", "result", "target", "")]
    for name, value in results.items():
        wanted, verdict = "", ""
        if name in targets:
            sign, bound = targets[name]
            wanted = f"{sign} {bound:,g}"
            verdict = "reached" if (value <= bound if sign == "<=" else value >= bound) else "MISSED"
        rows.append((name, number(value), wanted, verdict))
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    return "\n".join(
        f"{name:<{widths[0]}}  {value:>{widths[1]}}  {wanted:<{widths[2]}}  {verdict}".rstrip()
        for name, value, wanted, verdict in rows
    )


def number(value: float) -> str:
    """Spell a result with as many digits as mean something."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:,.2f}" if abs(value) >= 1 else f"{value:.3f}"


def write(path: Path, results: Mapping[str, float]) -> None:
    """Write ``results`` as one flat JSON object."""
    rounded = {name: round(value, 4) for name, value in results.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(rounded, indent=2) + "\n", encoding="utf-8")
