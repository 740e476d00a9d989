"""Schedules in tests: a clock that is set, shares by the hundred, runs in whatever state."""

import datetime as dt
from dataclasses import dataclass, field

from psycopg.types.json import Jsonb

from shared.core import schedule as times_of
from shared.db import schedules, shares, tenants
from shared.model.schedule import ScheduleOptions, Timing, What
from shared.model.share import ShareSettings

START = dt.datetime(2026, 11, 29, 0, 0, tzinfo=dt.UTC)
DAILY = "0 2 * * *"


@dataclass
class SetClock:
    """A clock that goes when told to."""

    at: dt.datetime = START
    seconds: float = 0.0

    def now(self):
        return self.at

    def monotonic(self):
        return self.seconds

    def go(self, **span):
        step = dt.timedelta(**span)
        self.at += step
        self.seconds += step.total_seconds()
        return self.at


@dataclass
class QuietJournal:
    """Keeps what it is told."""

    lines: list = field(default_factory=list)

    async def write(self, run, batch_no, lines):
        self.lines += [(run, batch_no, line) for line in lines]


async def add_tenant(conn, tenant_id, at_once=None):
    await tenants.create(conn, tenant_id, tenant_id.title())
    await conn.execute(b"UPDATE tenant SET runs_at_once = %s WHERE tenant_id = %s", [at_once, tenant_id])


async def add_share(conn, tenant_id, name, **settings):
    return await shares.create(
        conn,
        tenant_id,
        name=name,
        account_url="https://acme.file.core.windows.net",
        share_name=name,
        credential="",
        settings=ShareSettings(**settings),
    )


async def add_schedule(conn, share, now, *, what=What.BACKUP, name="nightly", enabled=True, options=None, **timing):
    chosen = Timing(**({"cron": DAILY, "spread_s": 0} | timing))
    times = times_of.next_after(chosen, share.share_id, now) if enabled else None
    return await schedules.create(
        conn,
        share.tenant_id,
        share.share_id,
        name=name,
        what=what,
        timing=chosen,
        options=options or ScheduleOptions(),
        times=times,
    )


async def add_run(
    conn, tenant_id, share_id, run_no, *, kind="backup", state="queued", requested_at=START, admitted=False, **more
):
    """A run as it may be found; nobody works on it."""
    columns = {
        "tenant_id": tenant_id,
        "share_id": share_id,
        "run_no": run_no,
        "kind": kind,
        "state": state,
        "subject": f"made-up/{share_id}/{run_no}",
        "requested_at": requested_at,
        "admitted_at": requested_at if admitted else None,
        "restore_order": Jsonb({}) if kind == "restore" else None,
        "paused_at": requested_at if state == "paused" else None,
        "driver": "workers",
    } | more
    names, places = ", ".join(columns), ", ".join(["%s"] * len(columns))
    query = f"INSERT INTO run ({names}) VALUES ({places}) RETURNING run_id"
    return (await (await conn.execute(query.encode(), list(columns.values()))).fetchone())[0]
