"""A worker process for tests: opens, works on and closes backups, with the small limits that ``AFB_TORTURE_LIMITS`` (JSON) names.

``AFB_TORTURE_FILE_BYTES`` limits the size of any file it writes, which is how its disk is full. What it does is told as
lines of JSON.
"""

import asyncio
import json
import os
import resource
import sys
from contextlib import asynccontextmanager
from dataclasses import replace

import psycopg

from shared import settings, wiring
from shared.core.rounds import Phase, RoundState
from shared.errors import BackupError
from shared.model.tickets import Receipt, RunTicket
from shared.usecases.backup_directories import backup_directories
from shared.usecases.runs import close_run, open_run
from shared.usecases.verdict import verdict

_RUNS = b"SELECT run_id, seeded FROM run WHERE kind = 'backup' AND state IN ('queued', 'running')"


def tell(event, **fields):
    print(json.dumps({"event": event, **fields}), file=sys.stderr, flush=True)


@asynccontextmanager
async def _the_one(url, run_id):
    """Whether we are the one that may open or close the run now; a lock that goes with our connection."""
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as conn:
        row = await (await conn.execute("SELECT pg_try_advisory_lock(4711, %s)", [run_id])).fetchone()
        yield row[0]


async def _step(app, state, name):
    usecase = {Phase.OPENING: open_run, Phase.WORKING: backup_directories, Phase.CLOSING: close_run}[state.phase]
    error = state.error if state.phase is Phase.CLOSING else ""
    try:
        async with app.run_scope(state.run_id) as scope:
            return await usecase(RunTicket(run_id=state.run_id, worker=name, error=error), scope)
    except BackupError as trouble:
        return verdict(trouble)


async def _turn(app, state, name):
    if state.phase is Phase.WORKING:
        receipt = await _step(app, state, name)
        if not receipt.batches and receipt.left and not receipt.error:
            return state  # others hold what is left
    else:
        try:
            async with _the_one(app.settings.postgres_url, state.run_id) as mine:
                if not mine:
                    return state
                tell("step", run_id=state.run_id, phase=state.phase)
                receipt = await _step(app, state, name)
        except psycopg.OperationalError as lost:
            receipt = Receipt(left=-1, error=f"Unavailable: {lost}")
    tell("receipt", run_id=state.run_id, phase=state.phase, batches=receipt.batches, left=receipt.left, error=receipt.error)
    return state.after([receipt])


async def serve(name):
    app = await wiring.make_app(settings.from_process())
    app.limits = replace(app.limits, **json.loads(os.environ.get("AFB_TORTURE_LIMITS", "{}")))
    known: dict[int, RoundState] = {}
    tell("started", worker=name)
    while True:
        try:
            async with app.transaction() as conn:
                found = await (await conn.execute(_RUNS)).fetchall()
        except BackupError as trouble:
            tell("catalogue", error=str(trouble))
            found = []
        for run_id, seeded in found:
            state = known.get(run_id) or RoundState(run_id, 1, phase=Phase.WORKING if seeded else Phase.OPENING)
            if seeded and state.phase is Phase.OPENING:
                state = replace(state, phase=Phase.WORKING)  # somebody else has opened it
            known[run_id] = await _turn(app, state, name)
        await asyncio.sleep(0.05)


def main():
    limit = int(os.environ.get("AFB_TORTURE_FILE_BYTES", "0"))
    if limit:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    asyncio.run(serve(sys.argv[1]))


if __name__ == "__main__":
    main()
