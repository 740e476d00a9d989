"""``.../runs/{run_no}/journal`` and ``/report``: what happened to which node, and what a restore came to, line by line."""

import json
from typing import Any, Final

from http_api import restores, runs
from http_api.call import Answer, Call
from http_api.models.base import Limit
from http_api.models.runs import JournalQuery
from http_api.pages.places import RUN
from http_api.rendering import page
from http_api.routes import Routes
from shared.core.advice import KINDS_ADVISED
from shared.model.access import Action
from shared.model.verify import FindingKind
from shared.ports.journal import EVENT

LINES: Final = 200
"""Lines on a page."""
EXCEPTIONS: Final = 200
"""Lines of a report that its page shows; all of them are in what is downloaded."""
KINDS: Final = (EVENT, *sorted({*KINDS_ADVISED, *(kind.value for kind in FindingKind)}))


def kinds_with(kind: str) -> list[tuple[str, str]]:
    """The kinds that one can choose from, each with its text; ``kind``, which may be one of another release, among them."""
    known = [*KINDS, kind] if kind and kind not in KINDS else KINDS
    return [("", "all kinds"), *((one, one.replace("_", " ")) for one in known)]


class JournalChosen(JournalQuery):
    """Which lines of a journal a page shows."""

    limit: Limit = LINES


async def run_journal(call: Call[JournalChosen]) -> Answer:
    """Lines of a run's journal."""
    part = await runs.get_journal(call)  # type: ignore[arg-type]
    rows = "_journal_rows.html" if call.query.after else "_journal_list.html"
    return page(
        call,
        "run_journal.html",
        tab="runs",
        fragment=rows,
        part=part,
        run_no=call.number("run_no"),
        kinds=kinds_with(call.query.kind),
        kind=call.query.kind,
    )


async def run_report(call: Call) -> Answer:
    """The report of a restore, and the first of its exceptions."""
    answer = await restores.get_report(call)
    assert isinstance(answer.body, bytes)
    first, *rest = answer.body.split(b"\n", EXCEPTIONS + 1)
    lines: list[dict[str, Any]] = [json.loads(line) for line in rest[:EXCEPTIONS] if line]
    more = len(rest) > EXCEPTIONS and bool(rest[EXCEPTIONS])
    return page(
        call,
        "run_report.html",
        tab="runs",
        run_no=call.number("run_no"),
        report=json.loads(first),
        lines=lines,
        more=more,
    )


routes = Routes("journal pages")
routes.page(RUN + "/journal", run_journal, Action.RUNS_READ, purging=True)
routes.page(RUN + "/report", run_report, Action.RUNS_READ)
bp = routes.blueprint
