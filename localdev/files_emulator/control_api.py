"""The control API's own routes: faults, limits, counters, the request log. Others add theirs in ``server``."""

from dataclasses import asdict

from localdev.files_emulator import operations
from localdev.files_emulator.control import Control
from localdev.files_emulator.control_fields import limits_from, rule_from, rule_shown
from localdev.files_emulator.fields import Fields, Unexpected
from localdev.files_emulator.limits import PRESETS, Limits
from localdev.files_emulator.request_log import MAX_SIZE
from localdev.files_emulator.routes import Ask, Json, Refused, Routes

_MAX_PAGE = 10_000


class ControlApi:
    """Handlers of the routes that read and change one ``Control``."""

    def __init__(self, control: Control) -> None:
        self._control = control
        self._given_ids = 0

    def add_to(self, routes: Routes) -> None:
        """Add the routes to a table."""
        add = routes.add
        add("GET", "/faults", self._faults, "the rules, with how often each matched (seen) and struck (hits)")
        add("POST", "/faults", self._add_faults, "add a rule or a list of rules, after those there are")
        add("DELETE", "/faults", self._clear_faults, "remove all rules")
        add("GET", "/faults/{id}", self._fault, "one rule")
        add("DELETE", "/faults/{id}", self._remove_fault, "remove one rule")
        add("GET", "/operations", self._operations, "the names of all operations, for rules and the log")
        add("GET", "/limits", self._limits, "the limits of the account and of shares, and the presets there are")
        add("PUT", "/limits", self._set_limits, "replace the account's limits")
        add("DELETE", "/limits", self._clear_limits, "lift all limits, of shares too")
        add("GET", "/shares/{name}/limits", self._share_limits, "a share's limits; null: none of its own")
        add("PUT", "/shares/{name}/limits", self._set_limits, "replace a share's limits; the share need not be there")
        add("DELETE", "/shares/{name}/limits", self._clear_share_limits, "lift a share's limits")
        add("GET", "/counters", self._counters, "requests, statuses and bytes in total, by operation and by share")
        add("DELETE", "/counters", self._reset_counters, "begin to count anew")
        add("GET", "/shares/{name}/counters", self._share_counters, "the same of one share")
        add("GET", "/log", self._log, "logged requests; ?since=SEQ&operation=REGEX&limit=N")
        add("PUT", "/log", self._set_log, "{size}: keep the last so many requests; 0: none, as at the start")
        add("DELETE", "/log", self._clear_log, "forget what is logged, and keep logging")

    # -- faults

    async def _faults(self, _ask: Ask) -> Json:
        return [rule_shown(rule) for rule in self._control.rules]

    async def _add_faults(self, ask: Ask) -> Json:
        sent = ask.body if isinstance(ask.body, list) else [ask.body]
        rules = list(self._control.rules)
        ids = {rule.id for rule in rules}
        for n, item in enumerate(sent):
            rule = rule_from(Fields(item, f"[{n}]" if isinstance(ask.body, list) else ""), self._new_id)
            if rule.id in ids:
                raise Unexpected("id", "an id that no other rule has", rule.id)
            ids.add(rule.id)
            rules.append(rule)
        added = rules[len(self._control.rules) :]
        self._control.set_rules(rules)
        return [rule_shown(rule) for rule in added]

    async def _clear_faults(self, _ask: Ask) -> Json:
        self._control.set_rules([])
        return None

    async def _fault(self, ask: Ask) -> Json:
        for rule in self._control.rules:
            if rule.id == ask.params["id"]:
                return rule_shown(rule)
        raise Refused(404, f"there is no rule {ask.params['id']!r}")

    async def _remove_fault(self, ask: Ask) -> Json:
        await self._fault(ask)
        self._control.set_rules([rule for rule in self._control.rules if rule.id != ask.params["id"]])
        return None

    def _new_id(self) -> str:
        taken = {rule.id for rule in self._control.rules}
        while True:
            self._given_ids += 1
            if f"fault-{self._given_ids}" not in taken:
                return f"fault-{self._given_ids}"

    async def _operations(self, _ask: Ask) -> Json:
        return operations.names()

    # -- limits

    async def _limits(self, _ask: Ask) -> Json:
        control = self._control
        shares = {name: _limits_shown(limits) for name, limits in sorted(control.share_limits.items())}
        return {"account": _limits_shown(control.account_limits), "shares": shares, "presets": PRESETS}

    async def _set_limits(self, ask: Ask) -> Json:
        settings = limits_from(Fields(ask.body))
        self._control.limit(settings, ask.params.get("name"))
        return asdict(settings)

    async def _clear_limits(self, _ask: Ask) -> Json:
        for name in list(self._control.share_limits):
            self._control.limit(None, name)
        self._control.limit(None)
        return None

    async def _share_limits(self, ask: Ask) -> Json:
        return _limits_shown(self._control.share_limits.get(ask.params["name"]))

    async def _clear_share_limits(self, ask: Ask) -> Json:
        self._control.limit(None, ask.params["name"])
        return None

    # -- counters

    async def _counters(self, _ask: Ask) -> Json:
        counters = self._control.counters
        return self._counted(None) | {"shares": {name: counters.total(name).shown() for name in counters.shares()}}

    async def _share_counters(self, ask: Ask) -> Json:
        return self._counted(ask.params["name"])

    async def _reset_counters(self, _ask: Ask) -> Json:
        self._control.counters.clear()
        return None

    def _counted(self, share: str | None) -> dict[str, object]:
        counters = self._control.counters
        by_name = {name: counts.shown() for name, counts in counters.operations(share).items()}
        return {"total": counters.total(share).shown(), "operations": by_name}

    # -- log

    async def _log(self, ask: Ask) -> Json:
        query = Fields({name: int(text) if text.isdecimal() else text for name, text in ask.query.items()})
        since = query.integer("since", 0)
        limit = query.integer("limit", 1000, low=1, high=_MAX_PAGE)
        operation = query.pattern("operation", ".*")
        query.done()
        return {"size": self._control.log.size} | self._control.log.page(since, operation, limit)

    async def _set_log(self, ask: Ask) -> Json:
        fields = Fields(ask.body)
        size = fields.integer("size", None, high=MAX_SIZE)
        fields.done()
        if size is None:
            raise Unexpected("size", f"a whole number from 0 to {MAX_SIZE}")
        self._control.log.keep(size)
        return {"size": size}

    async def _clear_log(self, _ask: Ask) -> Json:
        log = self._control.log
        size = log.size
        log.keep(0)
        log.keep(size)
        return None


def _limits_shown(limits: Limits | None) -> dict[str, object] | None:
    return None if limits is None else asdict(limits.settings)
