"""The control surface for tests, under ``/-/``, which cannot be a share: counters and fault rules. Loopback only."""

import json
import re
from collections import Counter
from dataclasses import dataclass
from ipaddress import ip_address

from localdev.files_emulator.errors import ServiceError
from localdev.files_emulator.messages import Reply, Request

PREFIX = "/-/"


@dataclass(slots=True)
class Rule:
    """A fault: what it strikes (``operation`` and ``path`` are regular expressions) and what then happens.

    It strikes from the ``nth`` match on, ``count`` times (0: for ever): answers ``status`` and ``code`` instead of
    doing anything, or with ``reset`` drops the connection, or with neither only waits ``delay_s``.
    """

    operation: re.Pattern[str]
    path: re.Pattern[str]
    nth: int = 1
    count: int = 1
    status: int = 0
    code: str = "ServerBusy"
    reset: bool = False
    delay_s: float = 0.0
    message: str = ""
    seen: int = 0

    def strikes(self, operation: str, path: str) -> bool:
        """Count a request, and return whether it is one to fail."""
        if not self.operation.fullmatch(operation) or not self.path.search(path):
            return False
        self.seen += 1
        return self.seen >= self.nth and (not self.count or self.seen < self.nth + self.count)


class Control:
    """Counts requests by operation and holds the fault rules."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.rules: list[Rule] = []

    def fault(self, operation: str, path: str) -> Rule | None:
        """Count a request, and return the rule that strikes it, if one does."""
        self.counts[operation] += 1
        if not self.rules:
            return None
        struck = [rule for rule in self.rules if rule.strikes(operation, path)]
        return struck[0] if struck else None

    def handle(self, request: Request) -> Reply:
        """Answer a request to the control surface."""
        if not ip_address(request.peer_ip).is_loopback:
            raise ServiceError("AuthorizationSourceIPMismatch")
        match (request.method, request.path.removeprefix(PREFIX)):
            case ("GET", "counters"):
                return _json({"operations": dict(sorted(self.counts.items())), "total": self.counts.total()})
            case ("DELETE", "counters"):
                self.counts.clear()
            case ("GET", "faults"):
                return _json([_shown(rule) for rule in self.rules])
            case ("POST", "faults"):
                self.rules += parse_rules(request.body)
            case ("DELETE", "faults"):
                self.rules.clear()
            case _:
                raise ServiceError("InvalidUri")
        return Reply(204)


def parse_rules(body: bytes) -> list[Rule]:
    """Read a JSON list of rules; nothing in it may be unknown or of the wrong type."""
    try:
        sent = json.loads(body)
        return [_rule(dict(item)) for item in sent]
    except (ValueError, TypeError, RecursionError, re.error) as error:
        raise ServiceError("InvalidInput", message=f"fault rules: {error}") from None


def _rule(item: dict[str, object]) -> Rule:
    kinds: dict[str, type] = {
        "operation": str,
        "path": str,
        "nth": int,
        "count": int,
        "status": int,
        "code": str,
        "message": str,
    }
    kinds |= {"reset": bool, "delay_s": (int | float)}  # type: ignore[dict-item]
    for name, value in item.items():
        if name not in kinds or not isinstance(value, kinds[name]):
            raise ValueError(f"{name!r} is not a field of a rule, or {value!r} not a value of it")
    if item.get("status") is not None and not 400 <= int(str(item["status"])) <= 599:
        raise ValueError("status must be from 400 to 599")
    patterns = {name: re.compile(str(item.pop(name, ".*"))) for name in ("operation", "path")}
    return Rule(**patterns, **item)  # type: ignore[arg-type]


def _shown(rule: Rule) -> dict[str, object]:
    return {
        "operation": rule.operation.pattern,
        "path": rule.path.pattern,
        "nth": rule.nth,
        "count": rule.count,
        "status": rule.status,
        "code": rule.code,
        "reset": rule.reset,
        "delay_s": rule.delay_s,
        "seen": rule.seen,
    }


def _json(value: object) -> Reply:
    return Reply(200, [("Content-Type", "application/json")], json.dumps(value).encode())
