"""Alerts: opened once, closed when they are over, told to whom it concerns until they have been."""

import asyncio
import datetime as dt
import hashlib
import hmac
import secrets

import pytest
from psycopg.types.json import Jsonb

from shared.adapters.mail_smtp import NoMail, SmtpMail, server_of
from shared.adapters.signing_secrets import SigningSecrets
from shared.adapters.webhook_http import HttpWebhooks
from shared.db import alerts, channels, deliveries
from shared.db.judging import PostgresAlerts
from shared.errors import NotFound, Unavailable
from shared.model.alert import ChannelKind, Condition, DeliveryState
from shared.model.run import Counters
from shared.usecases.deliver_alerts import deliver_alerts
from shared.usecases.raise_alerts import pin_clean, raise_alerts
from tests.support.receivers import hook, mail_server
from tests.support.schedules import START, SetClock, add_run, add_share, add_tenant

SECRET = "a secret of 20 chars"
HOUR = dt.timedelta(hours=1)


class Watch:
    """A share that is watched, and what is told of it."""

    def __init__(self, shelf, share):
        self.shelf, self.share = shelf, share
        self.book, self.clock = PostgresAlerts(shelf.catalogue), SetClock()
        self.run_no = 0

    async def ended(self, state="succeeded", kind="backup", *, files=10_000, changed=50, deleted=2, **more):
        """A run that ends now; a backup that succeeds makes a restore point."""
        self.run_no += 1
        now = self.clock.now()
        counters = Counters(**({"files": files} | more.pop("counters", {})))
        order = {"verify_order": Jsonb(more.pop("verify"))} if "verify" in more else {}
        report = {"report": Jsonb(more.pop("report"))} if "report" in more else {}
        async with self.shelf.catalogue.transaction() as conn:
            await add_run(
                conn, "watched", self.share.share_id, self.run_no, kind=kind, state=state, finished_at=now, requested_at=now,
                final_counters=Jsonb(counters.to_wire()), **order, **report, **more,
            )  # fmt: skip
            if kind == "backup" and state in ("succeeded", "completed_with_errors"):
                await conn.execute(
                    b"INSERT INTO restore_point (share_id, run_no, taken_at, committed_at, directories, files, bytes, errors)"
                    b" VALUES (%s, %s, %s, %s, 1, %s, 1, 0)",
                    [self.share.share_id, self.run_no, now, now, files],
                )
                await conn.execute(
                    b"INSERT INTO rollup_change VALUES (%s, %s, -1, 16777216, 0, 0, 0, 0, %s, %s)",
                    [self.share.share_id, self.run_no, changed, deleted],
                )
        await raise_alerts(self.book, now)
        return self.run_no

    async def open(self):
        return [(a.condition.value, a.about) for a in await self.all() if a.closed_at is None]

    async def all(self):
        async with self.shelf.catalogue.transaction() as conn:
            return await alerts.of_tenant(conn, "watched")

    async def channel(self, kind=ChannelKind.WEBHOOK, **more):
        async with self.shelf.catalogue.transaction() as conn:
            return await channels.create(conn, "watched", **({"name": secrets.token_hex(4), "kind": kind} | more))

    async def deliver(self, *, mails=None, private=True):
        webhooks = HttpWebhooks(private=private)
        signing = SigningSecrets({"WEBHOOK_OPS": SECRET, "DEVSTORE": "k" * 64})
        return await deliver_alerts(self.book, webhooks, mails or NoMail(), signing, self.clock)

    async def deliveries(self, channel):
        async with self.shelf.catalogue.transaction() as conn:
            return await deliveries.of_channel(conn, "watched", channel.channel_id)


@pytest.fixture
async def watch(shelf):
    async with shelf.catalogue.transaction() as conn:
        await conn.execute(b"UPDATE run SET state = 'cancelled', finished_at = now(), judged = true")
        await add_tenant(conn, "watched")
        share = await add_share(conn, "watched", "finance", objective_s=86_400)
        await conn.execute(b"UPDATE share SET created_at = %s", [START])
    return Watch(shelf, share)


async def test_a_failure_is_told_once_and_is_over_when_a_run_goes_well(watch):
    async with hook() as receiver:
        await watch.channel(url=receiver.url, credential="webhook-ops")
        await watch.ended("failed", error="the share is gone")
        await watch.ended("failed", error="the share is gone")
        assert await watch.open() == [("run_failed", "backup")]
        assert (await watch.all())[0].times == 2
        assert await watch.deliver() == (1, 0)
        await watch.ended()
        assert await watch.open() == []
        assert await watch.deliver() == (1, 0)
        assert await watch.deliver() == (0, 0)
    assert [told["event"] for told in receiver.told()] == ["opened", "closed"]
    first = receiver.told()[0]
    assert first["tenant"] == {"tenant_id": "watched", "name": "Watched"}
    assert first["share"]["name"] == "finance"
    assert "the share is gone" in first["alert"]["detail"]


async def test_what_is_told_is_signed(watch):
    async with hook() as receiver:
        await watch.channel(url=receiver.url, credential="webhook-ops")
        await watch.ended("failed", error="x")
        await watch.deliver()
    headers, body = receiver.got[0]
    at, code = headers["X-AFB-Signature"].removeprefix("t=").split(",v1=")
    assert int(at) == int(watch.clock.now().timestamp())
    assert hmac.compare_digest(code, hmac.new(SECRET.encode(), at.encode() + b"." + body, hashlib.sha256).hexdigest())
    assert headers["X-AFB-Delivery"] == str(receiver.told()[0]["delivery_id"])


async def test_each_run_is_judged_once_by_however_many(watch):
    for _ in range(3):
        await watch.ended("failed", error="x")
    before = (await watch.all())[0].times
    await asyncio.gather(*(raise_alerts(watch.book, watch.clock.now()) for _ in range(5)))
    assert (await watch.all())[0].times == before == 3


async def test_old_runs_are_not_judged(watch):
    async with watch.shelf.catalogue.transaction() as conn:
        old = START - dt.timedelta(days=30)
        await add_run(conn, "watched", watch.share.share_id, 77, state="failed", finished_at=old, error="x")
    await raise_alerts(watch.book, START)
    assert await watch.open() == []


async def test_damage_stays_until_as_much_was_looked_at_again(watch):
    await watch.ended()
    order = {"level": "full", "restore_point": 1}
    await watch.ended("completed_with_errors", "verify", verify=order, report={"damaged_objects": 2})
    assert await watch.open() == [("damage", "full")]
    await watch.ended("succeeded", "verify", verify=order | {"level": "quick"}, report={"damaged_objects": 0})
    assert await watch.open() == [("damage", "full")]
    await watch.ended("succeeded", "verify", verify=order, report={"damaged_objects": 0})
    assert await watch.open() == []


async def test_an_old_restore_point_is_told_and_a_new_one_ends_it(watch):
    await watch.ended()
    watch.clock.go(hours=23)
    await raise_alerts(watch.book, watch.clock.now())
    assert await watch.open() == []
    watch.clock.go(hours=2)
    await raise_alerts(watch.book, watch.clock.now())
    assert await watch.open() == [("no_restore_point", "")]
    (found,) = await watch.all()
    assert "is 25 hours old" in found.detail
    assert "run 1, succeeded" in found.detail
    await raise_alerts(watch.book, watch.clock.now())
    assert (await watch.all())[0].times == 1, "not every minute anew"
    await watch.ended()
    assert await watch.open() == []


async def test_a_share_that_was_never_backed_up_is_told_too_and_one_without_an_objective_is_not(watch):
    async with watch.shelf.catalogue.transaction() as conn:
        await add_share(conn, "watched", "other")
    watch.clock.go(days=2)
    await raise_alerts(watch.book, watch.clock.now())
    (found,) = await watch.all()
    assert found.share_id == watch.share.share_id
    assert "No backup was ever started" in found.detail


async def quiet_days(watch, count=10):
    for _ in range(count):
        watch.clock.go(hours=1)
        await watch.ended()


async def test_an_unusual_change_is_told_with_the_restore_point_before_it_and_stays_until_it_was_seen(watch):
    await quiet_days(watch)
    clean = watch.run_no
    await watch.ended(changed=9_000, counters={"moved_files": 9_000, "new_endings": 9_000})
    assert await watch.open() == [("unusual_change", "")]
    (found,) = await watch.all()
    assert found.details["clean_restore_point"] == clean
    assert {sign["sign"] for sign in found.details["signs"]} == {"mass_change", "mass_rename", "new_endings"}
    assert "9,000 of 10,000 files (90%) were changed" in found.detail
    await watch.ended()
    assert await watch.open() == [("unusual_change", "")], "the next run is an ordinary one, and it is not over"
    await watch.ended(deleted=9_000)
    (found,) = await watch.all()
    assert found.times == 2
    assert found.details["clean_restore_point"] == clean, "those after it show what it left"
    async with watch.shelf.catalogue.transaction() as conn:
        await alerts.acknowledge(conn, "watched", found.alert_id, "Ada", watch.clock.now())
    await watch.ended()
    assert await watch.open() == []


async def test_the_restore_point_to_go_back_to_is_pinned_also_when_that_fails_at_first(watch):
    await quiet_days(watch)
    clean, pins = watch.run_no, []
    await watch.ended(changed=9_000)

    async def away(*args):
        raise Unavailable("the vault does not answer")

    async def pin(*args):
        pins.append(args)

    assert await pin_clean(watch.book, away) == 0
    assert (await watch.all())[0].details["pinned"] is False
    assert await pin_clean(watch.book, pin) == 1
    assert await pin_clean(watch.book, pin) == 0
    ((tenant_id, share_id, run_no, reason),) = pins
    assert (tenant_id, share_id, run_no) == ("watched", watch.share.share_id, clean)
    assert f"backup run {clean + 1}" in reason
    (found,) = await watch.all()
    assert found.details["pinned"] is True
    assert f"is {clean} and is pinned" in found.detail


async def test_a_restore_point_that_is_gone_cannot_be_pinned_and_the_alert_says_so(watch):
    await quiet_days(watch)
    await watch.ended(changed=9_000)

    async def gone(*args):
        raise NotFound("no such restore point")

    assert await pin_clean(watch.book, gone) == 0
    assert await watch.book.unpinned(10) == []
    assert "which is gone" in (await watch.all())[0].detail


async def test_of_a_share_that_wants_it_nobody_watches_the_changes(watch):
    async with watch.shelf.catalogue.transaction() as conn:
        await conn.execute(b"""UPDATE share SET settings = settings || '{"watch_changes": false}'""")
    await quiet_days(watch)
    await watch.ended(changed=9_000)
    assert await watch.open() == []


# ------------------------------------------------------------------------------------------------------------ deliveries


async def test_a_receiver_that_fails_is_told_when_it_is_back(watch):
    async with hook(status=500) as receiver:
        channel = await watch.channel(url=receiver.url)
        await watch.ended("failed", error="x")
        assert await watch.deliver() == (0, 1)
        assert await watch.deliver() == (0, 0), "not at once again"
        (pending,) = await watch.deliveries(channel)
        assert (pending.state, pending.attempts) == (DeliveryState.PENDING, 1)
        assert "answered 500" in pending.error
        assert "secret of the receiver" not in pending.error
        watch.clock.go(seconds=31)
        assert await watch.deliver() == (0, 1)
        receiver.status = 204
        watch.clock.go(seconds=61)
        assert await watch.deliver() == (1, 0)
    assert (await watch.deliveries(channel))[0].state is DeliveryState.SENT
    assert len({told["delivery_id"] for told in receiver.told()}) == 1


async def test_a_receiver_that_is_away_for_a_day_is_given_up_and_can_be_tried_again(watch):
    async with hook() as receiver:
        gone = receiver.url
    channel = await watch.channel(url=gone)
    await watch.ended("failed", error="x")
    for _ in range(40):
        await watch.deliver()
        watch.clock.go(hours=1)
    (dead,) = await watch.deliveries(channel)
    assert dead.state is DeliveryState.DEAD
    assert dead.attempts > 10
    assert "could not be reached" in dead.error
    async with watch.shelf.catalogue.transaction() as conn:
        assert await deliveries.again(conn, "watched", channel.channel_id, watch.clock.now()) == 1
    assert await watch.deliver() == (0, 1)


async def test_a_slow_receiver_holds_up_nobody_else(watch, monkeypatch):
    monkeypatch.setattr("shared.adapters.webhook_http.WHOLE_S", 1.0)
    async with hook(delay_s=30) as slow, hook() as quick:
        slow_one = await watch.channel(url=slow.url)
        await watch.channel(url=quick.url)
        for kind in ("backup", "scan"):
            await watch.ended("failed", kind, error="x")
        began = asyncio.get_running_loop().time()
        assert await watch.deliver() == (2, 2)
        assert asyncio.get_running_loop().time() - began < 5
    assert "did not answer within" in (await watch.deliveries(slow_one))[0].error
    assert len(quick.got) == 2


async def test_redirects_are_not_followed(watch):
    async with hook() as inside, hook(status=302, location="") as outside:
        outside.location = inside.url
        channel = await watch.channel(url=outside.url)
        await watch.ended("failed", error="x")
        assert await watch.deliver() == (0, 1)
    assert inside.got == []
    assert "redirects are not followed" in (await watch.deliveries(channel))[0].error


async def test_nothing_is_posted_to_addresses_inside(watch, monkeypatch):
    """What a name stands for counts when it is used, and it is looked up once."""
    async with hook() as inside:
        port = inside.url.rpartition(":")[2].split("/")[0]
        looked_up = []
        real = asyncio.get_running_loop().getaddrinfo

        async def getaddrinfo(host, *args, **kwargs):
            looked_up.append(host)
            return await real("127.0.0.1", *args, **kwargs)

        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", getaddrinfo)
        channel = await watch.channel(url=f"https://hooks.example.com:{port}/hook")
        await watch.ended("failed", error="x")
        assert await watch.deliver(private=False) == (0, 1)
    assert inside.got == []
    assert looked_up == ["hooks.example.com"]
    assert "not public" in (await watch.deliveries(channel))[0].error


@pytest.mark.parametrize("credential", ["devstore", "webhook-unknown"])
async def test_no_other_credential_signs(watch, credential):
    async with hook() as receiver:
        channel = await watch.channel(url=receiver.url, credential=credential)
        await watch.ended("failed", error="x")
        assert await watch.deliver() == (0, 1)
    assert receiver.got == []
    assert credential in (await watch.deliveries(channel))[0].error


async def test_whoever_does_not_want_it_any_more_is_not_told_again(watch):
    async with hook(status=410) as receiver:
        channel = await watch.channel(url=receiver.url)
        await watch.ended("failed", error="x")
        await watch.deliver()
    assert (await watch.deliveries(channel))[0].state is DeliveryState.DEAD


async def test_who_chose_conditions_is_told_of_those(watch):
    async with hook() as receiver:
        await watch.channel(url=receiver.url, conditions=[Condition.DAMAGE])
        await watch.channel(url=receiver.url, enabled=False)
        await watch.ended("failed", error="x")
        assert await watch.deliver() == (0, 0)


async def test_two_who_deliver_at_once_tell_once(watch):
    async with hook() as receiver:
        for _ in range(20):
            await watch.channel(url=receiver.url)
        await watch.ended("failed", error="x")
        made = await asyncio.gather(*(watch.deliver() for _ in range(6)))
    assert sum(done for done, _ in made) == 20
    assert len(receiver.got) == 20


async def test_who_died_while_delivering_is_followed_by_another(watch):
    async with hook() as receiver:
        await watch.channel(url=receiver.url)
        await watch.ended("failed", error="x")
        now = watch.clock.now()
        assert len(await watch.book.claim(now, now + dt.timedelta(minutes=5), 10)) == 1
        assert await watch.deliver() == (0, 0)
        watch.clock.go(minutes=5)
        assert await watch.deliver() == (1, 0)


# ------------------------------------------------------------------------------------------------------------------ mail


async def test_mail_comes_in_one_message_when_there_is_much(watch):
    with mail_server() as box:
        mails = SmtpMail(server_of(f"smtp://127.0.0.1:{box.port}"), "backup@example.com", watch.clock)
        await watch.channel(ChannelKind.EMAIL, recipients=["a@example.com", "b@example.com"])
        for kind in ("backup", "scan"):
            await watch.ended("failed", kind, error="the share is gone: schön")
        assert await watch.deliver(mails=mails) == (2, 0)
    (envelope,) = box.got
    assert envelope.rcpt_tos == ["a@example.com", "b@example.com"]
    text = box.texts()[0]
    assert "Subject: Watched: 2 alerts" in text
    assert "From: backup@example.com" in text
    assert "Auto-Submitted: auto-generated" in text


async def test_a_mail_server_that_is_away_gets_it_when_it_is_back(watch):
    with mail_server() as box:
        port = box.port
    mails = SmtpMail(server_of(f"smtp://127.0.0.1:{port}"), "backup@example.com", watch.clock)
    channel = await watch.channel(ChannelKind.EMAIL, recipients=["a@example.com"])
    await watch.ended("failed", error="x")
    assert await watch.deliver(mails=mails) == (0, 1)
    with mail_server(port=port) as box:
        box.refuse = "451 later"
        watch.clock.go(seconds=31)
        assert await watch.deliver(mails=mails) == (0, 1)
        assert "451" in (await watch.deliveries(channel))[0].error
        box.refuse = ""
        watch.clock.go(seconds=61)
        assert await watch.deliver(mails=mails) == (1, 0)
        assert len(box.got) == 1


async def test_without_a_mail_server_it_is_said_so(watch):
    channel = await watch.channel(ChannelKind.EMAIL, recipients=["a@example.com"])
    await watch.ended("failed", error="x")
    assert await watch.deliver() == (0, 1)
    assert "AFB_SMTP_URL" in (await watch.deliveries(channel))[0].error
