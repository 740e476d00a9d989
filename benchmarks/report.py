"""Results: numbers by metric, a table of them, and the file they go into."""

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

Results = dict[str, float]
Targets = Mapping[str, tuple[str, float]]


class BenchmarkFailed(Exception):
    """What was measured gave a wrong answer, or none."""


def table(results: Mapping[str, float | None], targets: Targets) -> str:
    """Return a table of ``results``, ``None`` for what was not measured; a target is ``<=`` or ``>=`` and a number."""
    rows = [("metric", "result", "target", "")]
    for name, value in results.items():
        wanted, verdict = "", ""
        if name in targets:
            sign, bound = targets[name]
            wanted = f"{sign} {number(bound) if bound % 1 else f'{bound:,.0f}'}"
            if value is not None:
                verdict = "reached" if (value <= bound if sign == "<=" else value >= bound) else "MISSED"
        rows.append((name, "-" if value is None else number(value), wanted, verdict))
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    return "\n".join(
        f"{name:<{widths[0]}}  {value:>{widths[1]}}  {wanted:<{widths[2]}}  {verdict}".rstrip()
        for name, value, wanted, verdict in rows
    )


def number(value: float) -> str:
    """Spell a result with as many digits as mean something."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:,.2f}" if abs(value) >= 1 else f"{value:.3f}"


def write(path: Path, results: Mapping[str, float | None]) -> None:
    """Write ``results`` as one flat JSON object, ``null`` for what was not measured."""
    rounded = {name: None if value is None else round(value, 4) for name, value in results.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(rounded, indent=2) + "\n", encoding="utf-8")


def add_files(parser: argparse.ArgumentParser) -> None:
    """Declare where :func:`tell` writes."""
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results as one flat JSON object")
    parser.add_argument("--details", type=Path, metavar="FILE", help="write what else was seen, in the same form")


def tell(
    options: argparse.Namespace,
    results: Mapping[str, float | None],
    targets: Targets,
    details: Mapping[str, float | None],
    detail_targets: Targets = MappingProxyType({}),
) -> None:
    """Print what else was seen and then the results, and write both where the options of :func:`add_files` say."""
    print(table(details, detail_targets))
    print(table(results, targets))
    if options.json:
        write(options.json, results)
    if options.details:
        write(options.details, details)


def count(text: str) -> int:
    """Read how many of something an option wants, at least 1."""
    try:
        number = int(text.replace("_", ""))
    except ValueError:
        number = 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 on")
    return number


def add_phases(parser: argparse.ArgumentParser, needs: Mapping[str, tuple[str, ...]]) -> None:
    """Declare which phases are run, all unless it is said: ``needs`` has those that each needs, in their order."""
    parser.add_argument(
        "--only",
        type=lambda text: phases(text, needs),
        default=tuple(needs),
        metavar="PHASE,...",
        help=f"of {', '.join(needs)}; with what these need",
    )


def phases(text: str, needs: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """Read which phases an option wants, with those that they need, in the order of ``needs``."""
    wanted = set(text.split(","))
    unknown = wanted - needs.keys()
    if unknown:
        raise argparse.ArgumentTypeError(f"{min(unknown)!r} is not one of {', '.join(needs)}")
    for name in reversed(tuple(needs)):
        if name in wanted:
            wanted.update(needs[name])
    return tuple(name for name in needs if name in wanted)
