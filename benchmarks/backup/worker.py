"""A worker process under measurement: ``python -m benchmarks.backup.worker``, driven through its stdin and stdout.

It runs what the Functions worker runs (``wiring.make_app`` and the use cases behind the activities), without a host around
it. Its first line is its :class:`Orders` as JSON; it answers ``ready``. Then each line is ``open``, ``work`` or ``close``, which it
does for the run, and answers with a line of JSON. It ends when its stdin does, so that whoever asks can look at the process
while it is still there.
"""

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final

from shared import wiring
from shared.adapters.system import keep_memory_low
from shared.model.tickets import Receipt, RunTicket
from shared.settings import Settings
from shared.usecases.runs import close_run, open_run, work_on
from shared.usecases.scope import RunScope

PROFILE: Final = "BENCHMARK_PROFILE"
"""Environment variable: a file into which the worker writes a cProfile of its ``work``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Orders:
    """Whom a worker works for. ``limits`` replaces fields of :class:`shared.usecases.scope.Limits`."""

    settings: Mapping[str, str]
    run_id: int
    name: str
    limits: Mapping[str, float] = field(default_factory=dict)

    def line(self) -> str:
        """Return it as the worker's first line."""
        return json.dumps(asdict(self)) + "\n"


Step = Callable[[RunTicket, RunScope], Awaitable[Receipt]]
STEPS: Final[Mapping[str, Step]] = {"open": open_run, "work": work_on, "close": close_run}


async def _serve(orders: Orders) -> None:
    app = await wiring.make_app(Settings.from_env(orders.settings))
    keep_memory_low()
    try:
        app.limits = replace(app.limits, **dict[str, Any](orders.limits))
        ticket = RunTicket(run_id=orders.run_id, worker=orders.name)
        _answer("ready")
        while line := (await asyncio.to_thread(sys.stdin.readline)).strip():
            _answer(json.dumps((await _step(app, STEPS[line], ticket, until_done=line == "work")).to_wire()))
    finally:
        await app.aclose()


async def _step(app: wiring.App, step: Step, ticket: RunTicket, *, until_done: bool) -> Receipt:
    """One step of a run; work again and again, as the orchestrator has it done, until nothing is left or it fails."""
    while True:
        async with app.run_scope(ticket.run_id) as scope:
            receipt = await step(ticket, scope)
        if not until_done or receipt.error or not receipt.left:
            return receipt


def _answer(text: str) -> None:
    print(text, flush=True)


def main() -> None:
    """Read the orders and obey."""
    orders = Orders(**json.loads(sys.stdin.readline()))
    path = os.environ.get(PROFILE)
    if not path:
        asyncio.run(_serve(orders))
        return
    import cProfile

    profile = cProfile.Profile()
    try:
        profile.runcall(asyncio.run, _serve(orders))
    finally:
        profile.dump_stats(path)


if __name__ == "__main__":
    main()
