"""Fault rules and limits as JSON: read strictly, shown as they are in force."""

import re
from collections.abc import Callable
from dataclasses import fields as fields_of

from localdev.files_emulator import fault_effects, operations
from localdev.files_emulator.errors import CODES
from localdev.files_emulator.faults import ORDER, REQUEST, Effects, Matching, Rule
from localdev.files_emulator.fields import Fields, Unexpected
from localdev.files_emulator.limits import PRESETS, RATES, Settings

_METHODS = ("GET", "HEAD", "PUT", "DELETE", "POST")
_MAX_WAIT_S = 3600.0
_CODE = re.compile(r"[A-Za-z0-9]{1,64}")
_USUAL_CODES = {500: "InternalError", 503: "ServerBusy"}


def rule_from(fields: Fields, new_id: Callable[[], str]) -> Rule:
    """Read a rule.

    :raises Unexpected: a field is unknown or out of range, or they do not go together.
    """
    matching = _matching(fields)
    has_chance = "every" in fields or "probability" in fields
    rule = Rule(
        id=fields.text("id", "", max_length=100) or new_id(),
        matching=matching,
        effects=_effects(fields),
        nth=fields.integer("nth", 1, low=1),
        every=fields.integer("every", 1, low=1),
        probability=fields.number("probability", 1.0, high=1.0),
        count=fields.integer("count", 0 if has_chance else 1),
        seed=fields.integer("seed", 0),
        by=fields.text("by", ORDER, one_of=(ORDER, REQUEST)),
    )
    fields.done()
    return rule


def rule_shown(rule: Rule) -> dict[str, object]:
    """Return a rule for JSON: what was asked for, defaults of its selection, and what it did so far."""
    matching = {field.name: getattr(rule.matching, field.name) for field in fields_of(Matching)}
    shown = {name: value.pattern if isinstance(value, re.Pattern) else value for name, value in matching.items()}
    given = {name: value for name, value in shown.items() if value not in ("", None) and value != 0}
    selection = {name: getattr(rule, name) for name in ("nth", "every", "probability", "count", "seed", "by")}
    effects = {
        field.name: getattr(rule.effects, field.name)
        for field in fields_of(Effects)
        if getattr(rule.effects, field.name) != field.default
    }
    return {"id": rule.id} | given | selection | effects | {"seen": rule.seen, "hits": rule.hits}


def limits_from(fields: Fields) -> Settings:
    """Read limits: a preset's, times ``scale``, and what is given beside it.

    :raises Unexpected: a field is unknown or out of range.
    """
    if "scale" in fields and "preset" not in fields:
        raise fields.refuse("scale", "a preset beside it")
    preset = PRESETS.get(fields.text("preset", "", one_of=PRESETS), {})
    scale = fields.number("scale", 1.0, low=1e-9, high=1e3)
    rates = {name: fields.number(name, None, low=1e-6) for name in RATES}
    for name, rate in preset.items():
        if rates[name] is None:
            rates[name] = rate * scale
    settings = Settings(
        **rates,
        burst_s=fields.number("burst_s", 1.0, high=3600),
        retry_after=fields.flag("retry_after", False),
        metadata_ms=fields.number("metadata_ms", 0.0, high=1e6),
        data_ms=fields.number("data_ms", 0.0, high=1e6),
        jitter_ms=fields.number("jitter_ms", 0.0, high=1e6),
        per_mib_ms=fields.number("per_mib_ms", 0.0, high=1e6),
        seed=fields.integer("seed", 0),
    )
    fields.done()
    return settings


def _matching(fields: Fields) -> Matching:
    operation = fields.pattern("operation", ".*")
    names = operations.names()
    if not any(operation.fullmatch(name) for name in names):
        raise fields.refuse("operation", "to match one of " + ", ".join(names), operation.pattern)
    return Matching(
        operation=operation,
        path=fields.pattern("path"),
        query=fields.pattern("query"),
        method=fields.text("method", "", one_of=_METHODS),
        share=fields.text("share", ""),
        min_body_bytes=fields.integer("min_body_bytes", 0),
        max_body_bytes=fields.integer("max_body_bytes", None),
    )


def _effects(fields: Fields) -> Effects:
    _refuse_mixtures(fields)
    status, code = _status_and_code(fields)
    message = fields.text("message", "", max_length=500)
    if message and not message.isprintable():
        raise fields.refuse("message", "one line of printable text", message)
    return Effects(
        status=status,
        code=code,
        message=message,
        retry_after_s=fields.integer("retry_after_s", None, high=10**6),
        retry_after_ms=fields.integer("retry_after_ms", None, high=10**9),
        delay_s=fields.number("delay_s", 0.0, high=_MAX_WAIT_S),
        delay_after_s=fields.number("delay_after_s", 0.0, high=_MAX_WAIT_S),
        reset=fields.text("reset", "", one_of=(fault_effects.BEFORE, fault_effects.AFTER)),
        truncate_bytes=fields.integer("truncate_bytes", None),
        truncate_fraction=fields.number("truncate_fraction", None, high=1.0),
        corrupt=fields.text("corrupt", "", one_of=(fault_effects.ANSWER, fault_effects.BODY)),
        duplicate=fields.text("duplicate", "", one_of=(fault_effects.FIRST, fault_effects.SECOND)),
        stall_s=fields.number("stall_s", 0.0, low=1e-3, high=_MAX_WAIT_S),
        stall_fraction=fields.number("stall_fraction", 0.5, high=1.0),
    )


def _status_and_code(fields: Fields) -> tuple[int, str]:
    status = fields.integer("status", 0, low=400, high=599)
    code = fields.text("code", _USUAL_CODES.get(status, ""))
    if status and not code:
        raise fields.refuse("code", f"an error code, since status {status} has many")
    if code and not _CODE.fullmatch(code):
        raise fields.refuse("code", "letters and digits", code)
    if code and not status:
        if code not in CODES:
            raise fields.refuse("status", f"from 400 to 599, since {code} is not a code this emulator uses itself")
        status = CODES[code][0]
    return status, code


def _refuse_mixtures(fields: Fields) -> None:
    kinds = [name for name in ("reset", "corrupt", "duplicate", "stall_s") if name in fields]
    kinds += ["status"] if "status" in fields or "code" in fields else []
    kinds += ["truncate"] if "truncate_bytes" in fields or "truncate_fraction" in fields else []
    if len(kinds) > 1:
        raise Unexpected("", "one effect and delays", " and ".join(kinds))
    if not kinds and "delay_s" not in fields and "delay_after_s" not in fields:
        wanted = "an effect: status or code, reset, truncate_bytes or truncate_fraction, corrupt, duplicate, stall_s,"
        raise Unexpected("", f"{wanted} delay_s or delay_after_s")
    for name, needs in (("message", "status"), ("retry_after_s", "status"), ("retry_after_ms", "status")):
        if name in fields and needs not in kinds:
            raise fields.refuse(name, "a rule with status or code beside it")
    if "stall_fraction" in fields and "stall_s" not in fields:
        raise fields.refuse("stall_fraction", "stall_s beside it")
    if "truncate_bytes" in fields and "truncate_fraction" in fields:
        raise fields.refuse("truncate_fraction", "not both truncate_bytes and this")
