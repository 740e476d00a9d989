"""Many shares in one list: what needs attention comes first, or in another order, or some of them. For the overview and a tenant's page.

All shares that somebody sees are ranked by a few narrow columns; the rest is asked of those that are shown. A part of the list begins after
a place in its order, as everywhere, so what changes between two parts moves no other row. Whoever goes down the list does not have it ranked
anew for each part: the ranking is remembered for a while, and what is shown of a share is as it is now. And where there are many shares, all of
them are looked at once in some seconds, not once for each request.
"""

import datetime as dt
import json
import zlib
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, Literal, NamedTuple

from pydantic import Field

from http_api.call import AnyCall, Call
from http_api.models.base import Limit, Paged, Text
from http_api.pages.places import with_query
from http_api.remembered import Remembered
from http_api.seen import seen_by
from shared.core import cost
from shared.core.health import Health, Level, OpenAlert, health
from shared.db import health_facts, usage
from shared.db.health_facts import GROWTH_DAYS, SHARES_MAX, ActiveRun, Facts


class Sort(StrEnum):
    """What comes first."""

    ATTENTION = "attention"
    NAME = "name"
    AGE = "age"
    FILES = "files"
    SIZE = "size"
    GROWTH = "growth"
    COST = "cost"


class SharesQuery(Paged):
    """Which shares, and in which order."""

    limit: Limit = 30
    search: Text = Field("", max_length=200)
    """A part of the name of the share or its tenant."""
    health: Level | Literal[""] = ""
    running: bool = False
    tenant: str = Field("", max_length=100)
    deleted: bool = False
    sort: Sort = Sort.ATTENTION


class Line(NamedTuple):
    """A share as it is listed. What has defaults is asked only where it is shown, or sorted by."""

    facts: Facts
    health: Health
    active: ActiveRun | None
    grown_bytes: int | None = None
    """In about thirty days; None: there is no restore point that old."""
    cost: float = 0.0
    """Of this month."""

    @property
    def url(self) -> str:
        """Of the share's page."""
        return f"/tenants/{self.facts.tenant_id}/shares/{self.facts.share_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """All shares together that are not deleted, whichever are listed."""

    shares: int
    levels: Mapping[Level, int]
    running: int
    files: int
    bytes: int
    cost: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareRows:
    """A part of the list, as the templates see it."""

    base: str
    """Of the page: empty for the overview, or that of a tenant."""
    query: SharesQuery
    lines: Sequence[Line]
    next: str | None
    currency: str

    def link(self, **other: object) -> str:
        """The list with other choices, from its beginning."""
        chosen = self.query.model_dump(mode="json", exclude_defaults=True, exclude={"after", "limit"})
        choices = {**chosen, **other}
        told = {name: "true" if value is True else value for name, value in choices.items() if value is not False}
        return with_query(self.base or "/", **told)

    @property
    def next_url(self) -> str:
        """Of the rows after these; empty if there are none."""
        return self.link(after=self.next) if self.next else ""

    @property
    def narrowed(self) -> bool:
        """Whether only some shares are asked for."""
        return bool(self.query.search or self.query.health or self.query.running or self.query.tenant)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareList(ShareRows):
    """The first part of the list and what is around it."""

    summary: Summary
    matching: int
    """How many shares there are on all parts of the list."""
    tenants: Sequence[tuple[str, str]]
    """Ids and names of those that have a share here."""
    too_many: bool
    """There are more shares than are looked at."""
    month: dt.date


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ranked:
    """All shares that somebody sees, and the first of those of them that are chosen."""

    facts: Sequence[Facts]
    lines: Sequence[Line]
    matching: int
    rows: ShareRows


class _Ranking(NamedTuple):
    """A list as it was ranked."""

    places: Sequence[list[Any]]
    share_ids: Sequence[int]


MANY: Final = 200
"""From so many shares on they are not looked at for each request."""
_LOOKS: Final = Remembered["_Look"](seconds=5.0, most=4)
"""A look at a thousand shares takes 50 ms, three times what the rest of a fragment does; the pages about one of them tell what is now."""
_RANKINGS: Final = Remembered[_Ranking](seconds=60.0, most=16)


async def share_rows(call: Call[SharesQuery], tenant_id: str | None = None) -> ShareRows:
    """The rows after a place: what is asked for again and again as somebody goes through the list."""
    ranking = _RANKINGS.get(_key(call, call.list_name))
    if ranking is None:
        return (await _ranked(call, tenant_id)).rows
    begin = bisect_right(ranking.places, json.loads(call.after()))
    end = begin + call.query.limit
    shown = ranking.share_ids[begin:end]
    facts = await health_facts.facts(
        call.conn, seen_by(call.principal), tenant_id=tenant_id, share_ids=shown, deleted=call.query.deleted
    )
    by_id = {one.share_id: one for one in facts}
    following = call.cursor(json.dumps(ranking.places[end - 1])) if end < len(ranking.places) else None
    now = await _now(call, tenant_id)
    return await _told(call, tenant_id, now.lines([by_id[one] for one in shown if one in by_id]), following, now)


def _key(call: Call[SharesQuery], asked: object) -> str:
    return json.dumps([seen_by(call.principal).args(), asked])


async def share_list(call: Call[SharesQuery], tenant_id: str | None = None) -> ShareList:
    """The shares that somebody sees, or those of a tenant."""
    ranked, month = await _ranked(call, tenant_id), _month(call)
    rows = ranked.rows
    used = (await usage.total(call.conn, seen_by(call.principal), tenant_id=tenant_id, month=month)).used
    return ShareList(
        base=rows.base,
        query=rows.query,
        lines=rows.lines,
        next=rows.next,
        currency=rows.currency,
        summary=_summary(call, ranked.lines, used),
        matching=ranked.matching,
        tenants=sorted({(one.tenant_id, one.tenant_name) for one in ranked.facts}, key=lambda pair: pair[1].casefold()),
        too_many=len(ranked.facts) > SHARES_MAX,
        month=month,
    )


async def _ranked(call: Call[SharesQuery], tenant_id: str | None) -> _Ranked:
    query, since = call.query, _RANKINGS.forgot
    look = await _look(call, tenant_id)
    key = _key(call, call.list_name)
    if (placed := look.placed.get(key)) is None:
        chosen = [line for line in look.lines if _is_chosen(line, query)]
        if query.sort is Sort.GROWTH:
            chosen = await _with_growth(call, chosen)
        elif query.sort is Sort.COST:
            chosen = await _with_cost(call, chosen)
        placed = sorted(((_place(line, query.sort), line) for line in chosen), key=lambda pair: pair[0])
        look.placed[key] = placed
        _RANKINGS.keep(
            key, _Ranking([place for place, _ in placed], [line.facts.share_id for _, line in placed]), since
        )
    after = call.after()
    begin = bisect_right(placed, json.loads(after), key=lambda pair: pair[0]) if after else 0
    end = begin + query.limit
    following = call.cursor(json.dumps(placed[end - 1][0])) if end < len(placed) else None
    rows = await _told(call, tenant_id, [line for _, line in placed[begin:end]], following, look.now)
    return _Ranked(facts=look.facts, lines=look.lines, matching=len(placed), rows=rows)


class _Look(NamedTuple):
    """All shares that somebody sees, as they stood at a moment."""

    facts: Sequence[Facts]
    lines: Sequence[Line]
    now: "_Now"
    placed: dict[str, Sequence[tuple[list[Any], Line]]]
    """Those that were chosen, in their order, by what was asked."""


async def _look(call: Call[SharesQuery], tenant_id: str | None) -> _Look:
    key = _key(call, [tenant_id, call.query.deleted])
    if found := _LOOKS.get(key):
        return found
    since = _LOOKS.forgot
    facts = await health_facts.facts(
        call.conn, seen_by(call.principal), tenant_id=tenant_id, deleted=call.query.deleted, limit=SHARES_MAX + 1
    )
    now = await _now(call, tenant_id)
    found = _Look(facts, now.lines(facts[:SHARES_MAX]), now, {})
    if len(facts) >= MANY:
        _LOOKS.keep(key, found, since)
    return found


class _Now(NamedTuple):
    """What goes on, by share."""

    at: dt.datetime
    alerts: Mapping[int, Sequence[OpenAlert]]
    running: Mapping[int, ActiveRun]

    def lines(self, facts: Sequence[Facts]) -> list[Line]:
        return [Line(one, self.health(one), self.running.get(one.share_id)) for one in facts]

    def health(self, facts: Facts, error: str = "") -> Health:
        active = self.running.get(facts.share_id)
        kind = active.kind if active is not None else ""
        return health(facts.standing(self.alerts.get(facts.share_id, ()), kind, error), self.at)


async def _now(call: AnyCall, tenant_id: str | None) -> _Now:
    seen = seen_by(call.principal)
    alerts = await health_facts.open_alerts(call.conn, seen, tenant_id)
    running = await health_facts.active_runs(call.conn, seen, tenant_id)
    return _Now(call.now, alerts, {one.share_id: one for one in running})


async def _told(
    call: Call[SharesQuery], tenant_id: str | None, shown: list[Line], following: str | None, now: _Now
) -> ShareRows:
    """With what is asked only of shares that are shown, unless it was asked of all to rank them."""
    if call.query.sort is not Sort.GROWTH or call.query.after:
        shown = await _with_growth(call, shown)
    if call.query.sort is not Sort.COST or call.query.after:
        shown = await _with_cost(call, shown)
    errors = await health_facts.backup_errors(call.conn, [line.facts for line in shown])
    return ShareRows(
        base=f"/tenants/{tenant_id}" if tenant_id else "",
        query=call.query,
        lines=[
            line._replace(health=now.health(line.facts, errors[line.facts.share_id]))
            if line.facts.share_id in errors
            else line
            for line in shown
        ],
        next=following,
        currency=call.app.prices.currency,
    )


def _month(call: AnyCall) -> dt.date:
    return call.now.date().replace(day=1)


def changes(active: Sequence[ActiveRun], alerts: Mapping[int, Sequence[object]]) -> str:
    """What is running and how much is wrong, in few characters: not the same when that has changed."""
    told = [(one.share_id, one.run_no) for one in active], sorted((share, len(of)) for share, of in alerts.items())
    return f"{zlib.crc32(repr(told).encode()):x}"


def _is_chosen(line: Line, query: SharesQuery) -> bool:
    facts, wanted = line.facts, query.search.strip().casefold()
    return (
        (not query.health or line.health.level == query.health)
        and (not query.running or line.active is not None)
        and (not query.tenant or facts.tenant_id == query.tenant)
        and (not wanted or wanted in facts.name.casefold() or wanted in facts.tenant_name.casefold())
    )


_LEVELS: Final = {level: place for place, level in enumerate(Level)}
_FIRST: Final[Mapping[Sort, Callable[[Line], float]]] = {
    Sort.ATTENTION: lambda line: _LEVELS[line.health.level],
    Sort.NAME: lambda _: 0,
    Sort.AGE: lambda line: line.facts.taken_at.timestamp() if line.facts.taken_at is not None else 0,
    Sort.FILES: lambda line: -line.facts.files,
    Sort.SIZE: lambda line: -line.facts.bytes,
    Sort.GROWTH: lambda line: -(line.grown_bytes or 0),
    Sort.COST: lambda line: -line.cost,
}


def _place(line: Line, sort: Sort) -> list[Any]:
    """Where it is in the list; no two are at the same."""
    facts = line.facts
    by_name = [facts.name.casefold(), facts.tenant_name.casefold()]
    names = by_name if sort is Sort.NAME else by_name[::-1]
    return [_FIRST[sort](line), *names, facts.share_id]


async def _with_growth(call: AnyCall, lines: Sequence[Line]) -> list[Line]:
    until = call.now - dt.timedelta(days=GROWTH_DAYS)
    before = await health_facts.bytes_before(call.conn, [line.facts.share_id for line in lines], until)
    return [
        line._replace(grown_bytes=line.facts.bytes - before[line.facts.share_id])
        if line.facts.share_id in before
        else line
        for line in lines
    ]


async def _with_cost(call: AnyCall, lines: Sequence[Line]) -> list[Line]:
    used = await usage.of_shares(call.conn, [line.facts.share_id for line in lines], _month(call))
    return [line._replace(cost=_cost(call, used[line.facts.share_id])) for line in lines]


def _cost(call: AnyCall, used: Sequence[usage.Used]) -> float:
    prices, workers = call.app.prices, call.app.settings.width
    work = cost.Work()
    for one in used:
        work += cost.work_of(one.kind, one.counters, worker_s=one.seconds * workers)
    return cost.cost_of(work, prices).total


def _summary(call: AnyCall, lines: Sequence[Line], used: Sequence[usage.Used]) -> Summary:
    there = [line for line in lines if line.health.level is not Level.OFF]
    levels = dict.fromkeys(Level, 0)
    for line in lines:
        levels[line.health.level] += 1
    return Summary(
        shares=len(there),
        levels=levels,
        running=sum(line.active is not None for line in there),
        files=sum(line.facts.files for line in there),
        bytes=sum(line.facts.bytes for line in there),
        cost=_cost(call, used),
    )
