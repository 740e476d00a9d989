"""The control API's own routes: fault rules and counters. Others add theirs in ``server``."""

from localdev.files_emulator.control import Control, Rule
from localdev.files_emulator.fields import Fields, Unexpected
from localdev.files_emulator.routes import Ask, Json, Routes


class ControlApi:
    """Handlers of the routes that read and change one ``Control``."""

    def __init__(self, control: Control) -> None:
        self._control = control

    def add_to(self, routes: Routes) -> None:
        """Add the routes to a table."""
        routes.add("GET", "/counters", self._counters, "requests per operation since the start, or since DELETE")
        routes.add("DELETE", "/counters", self._reset_counters, "begin to count anew")
        routes.add("GET", "/faults", self._faults, "the rules in force")
        routes.add("POST", "/faults", self._add_faults, "add a rule or a list of rules")
        routes.add("DELETE", "/faults", self._clear_faults, "remove all rules")

    async def _counters(self, _ask: Ask) -> Json:
        counts = self._control.counts
        return {"operations": dict(sorted(counts.items())), "total": counts.total()}

    async def _reset_counters(self, _ask: Ask) -> Json:
        self._control.counts.clear()
        return None

    async def _faults(self, _ask: Ask) -> Json:
        return [_shown(rule) for rule in self._control.rules]

    async def _add_faults(self, ask: Ask) -> Json:
        sent = ask.body if isinstance(ask.body, list) else [ask.body]
        rules = [_rule(Fields(item, f"[{n}]" if isinstance(ask.body, list) else "")) for n, item in enumerate(sent)]
        self._control.rules += rules
        return [_shown(rule) for rule in rules]

    async def _clear_faults(self, _ask: Ask) -> Json:
        self._control.rules.clear()
        return None


def _rule(fields: Fields) -> Rule:
    rule = Rule(
        operation=fields.pattern("operation", ".*"),
        path=fields.pattern("path"),
        nth=fields.integer("nth", 1, low=1),
        count=fields.integer("count", 1),
        status=fields.integer("status", 0, low=400, high=599),
        code=fields.text("code", "ServerBusy"),
        reset=fields.flag("reset", False),
        delay_s=fields.number("delay_s", 0.0, high=3600),
        message=fields.text("message", ""),
    )
    fields.done()
    if not (rule.status or rule.reset or rule.delay_s):
        raise Unexpected("", "a rule with status, reset or delay_s")
    return rule


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
