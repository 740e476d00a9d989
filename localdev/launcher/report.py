"""How a stack is: for people a table, for programs JSON."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from localdev.launcher.stack import Stack
from localdev.launcher.state import State


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One service.  ``health`` is ``well``, ``not answering`` or ``gone``."""

    service: str
    address: str
    health: str
    pid: int
    log: str


def look(state: State, stack: Stack) -> list[Line]:
    """Ask every service of ``state`` how it is; ``stack`` is the same stack, to ask through."""
    services = {service.name: service for service in (*stack.services, stack.downloads)}
    lines = []
    for member in state.members:
        answering = "well" if services[member.name].is_ready() else "not answering"
        health = answering if member.process.alive else "gone"
        lines.append(
            Line(
                service=member.name,
                address=member.address,
                health=health,
                pid=member.process.pid,
                log=_short(member.log),
            )
        )
    return lines


def table(lines: Iterable[Line]) -> str:
    """Set ``lines`` in columns."""
    rows = [("SERVICE", "ADDRESS", "HEALTH", "PID", "LOG")]
    rows += [(line.service, line.address, line.health, str(line.pid), line.log) for line in lines]
    return _columns(rows)


def doorway(state: State) -> str:
    """Say how to open the app in a browser. Whoever is on this machine is signed in: ``AFB_LOCAL_SIGN_IN``."""
    host = next((member.address for member in state.members if member.name == "host"), "")
    return f"open {host}/" if host else ""


def wire(state: State, lines: Iterable[Line]) -> dict[str, Any]:
    """Say all of it as JSON values.  ``settings`` is what the app was started with."""
    return {
        "running": state.launcher.alive,
        "ready": state.ready,
        "launcher_pid": state.launcher.pid,
        "services": [asdict(line) for line in lines],
        "settings": state.settings,
    }


def _columns(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def _short(path: str) -> str:
    """Name a file as one would type it here, if that is shorter."""
    try:
        return str(Path(path).relative_to(Path.cwd()))
    except ValueError:
        return path
