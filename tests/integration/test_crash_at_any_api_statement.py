"""A connection that is lost at any statement of what schedules, alerts and the API do: see tests/support/lost_connection.py."""

import asyncio
import datetime as dt
from contextlib import asynccontextmanager
from types import SimpleNamespace

import pytest
from psycopg.types.json import Jsonb

from http_api.idempotency import once
from http_api.problems import STILL_AT_IT, Refusal
from http_api.reply import Reply
from shared.db import alerts, api_keys, channels, members, policies, restore_points, runs, schedules
from shared.db.dispatch import PostgresSchedules
from shared.db.judging import PostgresAlerts
from shared.db.tenancy import TenantConnections
from shared.db.translate import translation
from shared.model.access import Grant, Principal, PrincipalKind, Role
from shared.model.alert import ChannelKind
from shared.model.membership import MemberKind
from shared.model.retention import RetentionPolicy
from shared.model.run import Counters, Driver, RunKind
from shared.model.schedule import What
from shared.usecases.dispatch_schedules import dispatch_schedules
from shared.usecases.raise_alerts import raise_alerts
from tests.support.catalogue import point
from tests.support.lost_connection import lose_anywhere
from tests.support.schedules import START, QuietJournal, add_run, add_schedule, add_share, add_tenant

HOUR = dt.timedelta(hours=1)
TWO = START + 2 * HOUR
ADA, BEN = "0" * 8 + "-0000-0000-0000-" + "0" * 12, "1" * 8 + "-0000-0000-0000-" + "0" * 12


# Schedules


def _port(shelf, at_once=None):
    return PostgresSchedules(shelf.catalogue, Driver.WORKERS, lambda: "f" * 32, at_once)


async def _planned(shelf):
    """Two shares; of one a backup, a verify and a drill are due, of the other a backup."""
    await shelf.finish()
    async with shelf.catalogue.transaction() as conn:
        await add_tenant(conn, "plans")
        share, other = await add_share(conn, "plans", "finance"), await add_share(conn, "plans", "law")
        await restore_points.add(conn, share.share_id, point(1))
        await conn.execute(b"UPDATE share SET next_run_no = 2 WHERE share_id = %s", [share.share_id])
        for what in (What.BACKUP, What.VERIFY, What.DRILL):
            await add_schedule(conn, share, START, what=what, name=what.value)
        await add_schedule(conn, other, START)
    return share, other


async def _dispatch(shelf):
    await _planned(shelf)
    return lambda: dispatch_schedules(_port(shelf), QuietJournal(), TWO)


async def _dispatch_in_the_way(shelf):
    """One is skipped, for its last run is not over; the other waits for a scan."""
    share, other = await _planned(shelf)
    async with shelf.catalogue.transaction() as conn:
        await runs.create(conn, "plans", share.share_id, RunKind.BACKUP)
        await runs.create(conn, "plans", other.share_id, RunKind.SCAN)
    return lambda: dispatch_schedules(_port(shelf), QuietJournal(), TWO)


async def _admit(shelf):
    """More than there is room for."""
    await _planned(shelf)
    await dispatch_schedules(_port(shelf), QuietJournal(), TWO)
    return lambda: _port(shelf, at_once=2).admit(TWO, Driver.WORKERS, wait=True)


async def _pause_for_window(shelf):
    share, _ = await _planned(shelf)
    async with shelf.catalogue.transaction() as conn:
        schedule_id = (await schedules.of_share(conn, share.share_id))[0].schedule_id
        run_id = await add_run(conn, "plans", share.share_id, 5, state="running", schedule_id=schedule_id, seeded=False)
    return lambda: _port(shelf).pause_for_window(run_id, TWO + HOUR)


async def _resume_in_window(shelf):
    await (await _pause_for_window(shelf))()
    run_id = await shelf.value("SELECT run_id FROM run WHERE paused_by = 'window'")
    return lambda: _port(shelf).resume_in_window(run_id)


async def _begin_upkeep(shelf):
    return lambda: _port(shelf).begin("looking", START, HOUR)


async def _delete_schedule(shelf):
    share, _ = await _planned(shelf)
    await dispatch_schedules(_port(shelf), QuietJournal(), TWO)
    schedule_id = await shelf.value("SELECT schedule_id FROM schedule_occurrence ORDER BY schedule_id LIMIT 1")

    async def work():
        async with shelf.catalogue.transaction() as conn:
            await schedules.delete(conn, share.share_id, schedule_id)

    return work


# Alerts


async def _watched(shelf):
    """A run that failed, one that went well, a share that is late, and two channels that want to know."""
    await shelf.finish()
    async with shelf.catalogue.transaction() as conn:
        await conn.execute(b"UPDATE run SET judged = true")
        await add_tenant(conn, "watched")
        share = await add_share(conn, "watched", "finance", objective_s=3_600)
        await conn.execute(b"UPDATE share SET created_at = %s", [START - 2 * HOUR])
        for n, kind in enumerate((ChannelKind.WEBHOOK, ChannelKind.EMAIL)):
            recipients = ["a@example.org"] if kind is ChannelKind.EMAIL else []
            url = "https://example.org/" if kind is ChannelKind.WEBHOOK else ""
            await channels.create(conn, "watched", name=f"c{n}", kind=kind, url=url, recipients=recipients)
        for run_no, (kind, state, error) in enumerate((("backup", "failed", "gone"), ("scan", "succeeded", None)), 1):
            await add_run(
                conn, "watched", share.share_id, run_no, kind=kind, state=state, error=error, finished_at=START,
                final_counters=Jsonb(Counters(files=3).to_wire()),
            )  # fmt: skip
    return PostgresAlerts(shelf.catalogue)


async def _judge(shelf):
    book = await _watched(shelf)
    return lambda: raise_alerts(book, START)


async def _told(shelf):
    await (await _judge(shelf))()
    return PostgresAlerts(shelf.catalogue)


async def _claim_deliveries(shelf):
    book = await _told(shelf)
    return lambda: book.claim(START, START + HOUR, 10)


async def _sent(shelf):
    found = await (await _claim_deliveries(shelf))()
    assert len(found) == 4
    return lambda: PostgresAlerts(shelf.catalogue).sent([one.delivery.delivery_id for one in found[:2]], START)


async def _failed(shelf):
    """All are to be tried again, each with a statement of its own."""
    found = await (await _claim_deliveries(shelf))()
    tried = [one.delivery for one in found]
    return lambda: PostgresAlerts(shelf.catalogue).failed(tried, "no answer", START, for_good=False)


async def _given_up(shelf):
    found = await (await _claim_deliveries(shelf))()
    tried = [one.delivery for one in found[1:3]]
    return lambda: PostgresAlerts(shelf.catalogue).failed(tried, "refused", START, for_good=True)


async def _close_alert(shelf):
    await _told(shelf)
    alert_id = await shelf.value("SELECT alert_id FROM alert ORDER BY alert_id LIMIT 1")

    async def work():
        async with _as_tenant(shelf, "watched") as conn:
            await alerts.close(conn, "watched", alert_id, "ada", START)

    return work


async def _tidy(shelf):
    await (await _close_alert(shelf))()
    book = PostgresAlerts(shelf.catalogue)
    found = await book.claim(START, START + HOUR, 10)
    await book.sent([one.delivery.delivery_id for one in found], START)
    return lambda: book.tidy(START + 3 * HOUR, sent_for=HOUR, rest_for=HOUR)


async def _delete_channel(shelf):
    await _told(shelf)
    channel_id = await shelf.value("SELECT channel_id FROM channel ORDER BY channel_id LIMIT 1")

    async def work():
        async with _as_tenant(shelf, "watched") as conn:
            await channels.delete(conn, "watched", channel_id)

    return work


# The API


@asynccontextmanager
async def _as_tenant(shelf, tenant_id="acme"):
    """As :meth:`shared.wiring.App.as_tenants`."""
    with translation():
        async with TenantConnections(shelf.catalogue._pool, (tenant_id,)).connection() as conn:
            yield conn


async def _start_with_a_key(shelf):
    """The run and the answer that tells of it, or neither."""
    await shelf.finish()
    who = Principal(kind=PrincipalKind.KEY, id="k", name="k", grants=frozenset())

    async def work():
        async with asyncio.timeout(10):
            while True:  # the server may not have noticed yet that whoever held the key is gone
                try:
                    return await ask()
                except Refusal as refusal:
                    if refusal.kind is not STILL_AT_IT:
                        raise
                    await asyncio.sleep(0.02)

    async def ask():
        async with _as_tenant(shelf) as conn:

            async def perform():
                run = await runs.create(conn, "acme", shelf.share_id, RunKind.BACKUP)
                return Reply(status=202, body=b"run %d" % run.run_no, media="text/plain", headers={"Location": "/x"})

            call = SimpleNamespace(headers={"idempotency-key": "mine"}, principal=who, tenant_id="acme", conn=conn)
            reply = await once(call, b"asked", perform)
            assert (reply.status, reply.body) == (202, b"run 2")

    return work


async def _member(shelf, object_id=ADA, role=Role.TENANT_ADMIN):
    async with _as_tenant(shelf) as conn:
        kind = MemberKind.PERSON
        return await members.add(conn, Grant(role, "acme"), object_id=object_id, kind=kind, name="n", created_by="b")


async def _hand_over(shelf):
    """A tenant has an admin at every instant: the new one comes and the old one goes, or all stays as it is."""
    first = await _member(shelf)

    async def work():
        async with _as_tenant(shelf) as conn:
            grant = Grant(Role.TENANT_ADMIN, "acme")
            await members.add(conn, grant, object_id=BEN, kind=MemberKind.PERSON, name="ben", created_by="ada")
            assert len(await members.admins(conn, "acme")) == 2
            await members.change(conn, "acme", first.member_id, name="ada", role=Role.VIEWER)

    return work


async def _remove_member(shelf):
    gone = await _member(shelf, BEN, Role.VIEWER)

    async def work():
        async with _as_tenant(shelf) as conn:
            await members.admins(conn, "acme")
            await members.remove(conn, "acme", gone.member_id)

    return work


async def _make_key(shelf):
    async def work():
        async with _as_tenant(shelf) as conn:
            grant = Grant(Role.OPERATOR, "acme", shelf.share_id)
            await api_keys.add(
                conn, grant, key_id="a" * 12, name="k", digest=bytes(32), now=START, created_by="ada", expires_at=TWO
            )

    return work


async def _revoke_key(shelf):
    await (await _make_key(shelf))()

    async def work():
        async with _as_tenant(shelf) as conn:
            await api_keys.get(conn, "acme", "a" * 12)
            await api_keys.revoke(conn, "acme", "a" * 12, START)

    return work


async def _give_policy(shelf):
    async def work():
        async with _as_tenant(shelf) as conn:
            made = await policies.create(conn, "acme", "gfs", RetentionPolicy(keep_last=3, daily=7))
            await policies.give(conn, "acme", shelf.share_id, made.policy_id)

    return work


ALL = [
    _dispatch, _dispatch_in_the_way, _admit, _pause_for_window, _resume_in_window, _begin_upkeep, _delete_schedule,
    _judge, _claim_deliveries, _sent, _failed, _given_up, _close_alert, _tidy, _delete_channel,
    _start_with_a_key, _hand_over, _remove_member, _make_key, _revoke_key, _give_policy,
]  # fmt: skip
REFUSED_AGAIN = {_delete_schedule, _delete_channel, _hand_over, _remove_member, _make_key, _give_policy}
"""What was made is there, what was removed is not: whoever asks again is told so."""


@pytest.mark.parametrize("prepare", ALL, ids=lambda prepare: prepare.__name__.strip("_"))
async def test_a_connection_lost_anywhere_leaves_all_or_nothing(catalogue_url, monkeypatch, prepare):
    assert await lose_anywhere(catalogue_url, monkeypatch, prepare, changes_again=prepare in REFUSED_AGAIN) >= 2
