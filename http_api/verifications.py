"""``.../shares/{share_id}/verifications``: start verifies. They are followed, and their findings read, like any run's."""

from dataclasses import replace

from http_api.call import Answer, Call
from http_api.endpoint import SHARE
from http_api.guard import admit_target
from http_api.models.base import NoQuery
from http_api.models.runs import Run
from http_api.models.verifications import NewVerification
from http_api.routes import Routes
from http_api.starting import started
from shared.db import runs, verify_orders
from shared.db.pool import Connection
from shared.errors import InvalidInput
from shared.model.access import Action
from shared.model.run import RunKind
from shared.model.share import Share
from shared.model.verify_order import VerifyLevel, VerifyOrder


async def start_verification(call: Call[NoQuery, NewVerification]) -> Answer:
    """Start a verify. 409 while another verify of the share is active."""
    _check_for_level(call.body)
    share, app = call.share, call.app
    order = await _order(call.conn, share, call.body)
    if order.level is VerifyLevel.DRILL:
        await admit_target(
            call.conn,
            call.principal,
            Action.VERIFIES_START,
            share,
            account_url=order.account_url,
            share_name=share.share_name if order.account_url == share.account_url else "",  # its own, made for it
            credential=order.credential,
        )
        app.credentials.resolve(order.credential)
        order = replace(order, scratch=app.ids.new()[:12])
    driver = app.settings.driver
    return started(
        call,
        await runs.create(call.conn, share.tenant_id, share.share_id, RunKind.VERIFY, driver=driver, verify=order),
    )


def _check_for_level(body: NewVerification) -> None:
    """:raises InvalidInput: something is given that this level does not have, or that does not go together."""
    given = {name: getattr(body, name) is not None for name in ("over_runs", "files", "percent", "target")}
    for name, levels in (
        ("over_runs", "sample or drill"),
        ("files", "drill"),
        ("percent", "drill"),
        ("target", "drill"),
    ):
        if given[name] and body.level not in levels.split(" or "):
            raise InvalidInput(f"{name} is for level {levels}; expected none for level {body.level}", field=name)
    sizes = [name for name in ("files", "percent", "over_runs") if given[name]]
    if len(sizes) > 1:
        raise InvalidInput(f"{sizes[0]} says how much already; expected no {sizes[1]} beside it", field=sizes[1])
    if body.level == "drill" and body.restore_point == "all":
        raise InvalidInput("a drill restores one restore point; expected a number or latest", field="restore_point")


async def _order(conn: Connection, share: Share, body: NewVerification) -> VerifyOrder:
    target = body.target
    return await verify_orders.order(
        conn,
        share,
        VerifyLevel(body.level),
        restore_point=body.restore_point if isinstance(body.restore_point, int) else None,
        all_points=body.restore_point == "all",
        over_runs=body.over_runs,
        percent=body.percent,
        files=body.files,
        account_url=None if target is None else target.account_url,
        credential=None if target is None else target.credential,
    )


routes = Routes("verifications")
routes.post(SHARE + "/verifications", start_verification, Action.VERIFIES_START, {202: Run}, refuses={409}, starts=True)
bp = routes.blueprint
