"""``.../restore-points/{restore_point}``: one restore point, what keeps it, and what people say of it; and those that are gone."""

import datetime as dt
from typing import Any, Final

from http_api import retention
from http_api.call import Answer, AnyCall, Call
from http_api.fields import Fields
from http_api.models.base import Body, NoQuery, Paged
from http_api.models.retention import NewHold, NewPin, Reasoned
from http_api.models.runs import Run
from http_api.pages.asking import asking
from http_api.pages.outlook import outlook_of
from http_api.pages.places import POINT, SHARE, run_url, share_url
from http_api.rendering import page, see
from http_api.routes import Routes
from shared.core.outlook import kept_for
from shared.db import policies as stored
from shared.db import retention as kept
from shared.db import schedules, standing
from shared.errors import NotFound
from shared.model.access import Action
from shared.model.schedule import What
from shared.model.sweep import MARGIN_S

FOR_EVER_S: Final = 100 * 365.25 * 86_400
"""What is likely to be kept for longer has no end in sight."""


class PinForm(Body):
    """A pin, on a page with other forms."""

    pin: NewPin


class UnpinForm(Body):
    """The same of taking it back."""

    unpin: Reasoned


class HoldForm(Body):
    """A legal hold."""

    hold: NewHold


class ReleaseForm(Body):
    """Releasing it."""

    release: Reasoned


async def point_page(call: Call) -> Answer:
    """A restore point: what it holds, what keeps it, and whether it was verified."""
    return await _point(call, "point.html")


async def point_delete_page(call: Call) -> Answer:
    """What deleting it means, before it is done."""
    return await _point(call, "point_delete.html")


async def _point(call: AnyCall, template: str) -> Answer:
    run_no = call.number("restore_point")
    point = await standing.marked_point(call.conn, call.share.share_id, run_no)
    if point is None:
        raise NotFound(f"share {call.share.share_id} has no restore point {run_no}", field="restore_point")
    share_id = call.share.share_id
    policy = await stored.of_share(call.conn, share_id)
    points = await kept.points(call.conn, share_id)
    rules = policy.retention if policy else None
    left_s = kept_for(points, rules, call.now)[run_no]
    return page(
        call,
        template,
        tab="points",
        point=point,
        decided=outlook_of(points, rules, call.now, run_no),
        policy=policy,
        likely_until=call.now + dt.timedelta(seconds=left_s) if 0 < left_s < FOR_EVER_S else None,
        next_prune_at=await schedules.next_of(call.conn, share_id, What.PRUNE),
        is_newest=run_no == max(point.run_no for point in points),
        margin_s=MARGIN_S,
    )


async def pin_form(call: Call[NoQuery, PinForm]) -> Answer:
    """Pin it."""
    await retention.pin_restore_point(asking(call, body=call.body.pin))
    return _to_point(call)


async def unpin_form(call: Call[NoQuery, UnpinForm]) -> Answer:
    """Take the pin back."""
    await retention.unpin_restore_point(asking(call, body=call.body.unpin))
    return _to_point(call)


async def hold_form(call: Call[NoQuery, HoldForm]) -> Answer:
    """Put it under a legal hold."""
    await retention.hold_restore_point(asking(call, body=call.body.hold))
    return _to_point(call)


async def release_form(call: Call[NoQuery, ReleaseForm]) -> Answer:
    """Release it."""
    await retention.release_restore_point(asking(call, body=call.body.release))
    return _to_point(call)


async def delete_point_form(call: Call) -> Answer:
    """Let go of it: goes to the page of the prune that does."""
    answer = await retention.delete_restore_point(call)
    assert isinstance(answer.body, Run)
    return see(run_url(call.share.tenant_id, call.share.share_id, answer.body.run_no), answer)


async def expired_page(call: Call[Paged]) -> Answer:
    """Restore points that are gone."""
    part = await retention.list_expired(call)
    return page(call, "expired.html", tab="points", fragment="_expired_rows.html", part=part)


def _to_point(call: AnyCall) -> Answer:
    return see(f"{share_url(call.share.tenant_id, call.share.share_id)}/restore-points/{call.number('restore_point')}")


def _until(day: str) -> str:
    """The end of a day, as the API takes it; what is no day stays as it was typed, and is refused."""
    return f"{day}T23:59:59Z" if len(day) == 10 else day


def _pin(fields: Fields) -> dict[str, Any]:
    return {"pin": fields.nested("pin.reason", pin__until=_until).get("pin", {})}


def _reason(name: str) -> Any:
    return lambda fields: {name: fields.nested(f"{name}.reason").get(name, {})}


routes = Routes("restore point pages")
_page = routes.page(POINT, point_page, Action.POINTS_READ)
_delete = routes.page(POINT + "/delete", point_delete_page, Action.POINTS_DELETE)
routes.form(POINT + "/pin", pin_form, Action.POINTS_PIN, _page, fields=_pin)
routes.form(POINT + "/unpin", unpin_form, Action.POINTS_UNPIN, _page, fields=_reason("unpin"))
routes.form(POINT + "/hold", hold_form, Action.POINTS_HOLD, _page, fields=_reason("hold"))
routes.form(POINT + "/release", release_form, Action.POINTS_HOLD, _page, fields=_reason("release"))
routes.form(POINT + "/delete", delete_point_form, Action.POINTS_DELETE, _delete, starts=True)
routes.page(SHARE + "/expired-points", expired_page, Action.POINTS_READ)
bp = routes.blueprint
