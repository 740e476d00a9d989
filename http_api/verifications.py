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
from shared.core.verify_report import next_part, parts_for
from shared.db import restore_points, runs
from shared.db.pool import Connection
from shared.errors import InvalidInput, NotFound
from shared.model.access import Action
from shared.model.run import RunKind
from shared.model.share import Share
from shared.model.verify_order import VerifyLevel, VerifyOrder

NEWEST = 2**31 - 1
"""A ``run_no`` that no run has reached."""


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
    if isinstance(body.restore_point, int):
        point = await restore_points.get(conn, share.share_id, body.restore_point)
    else:
        last = await restore_points.last(conn, share.share_id)
        if last is None:
            raise NotFound(f"share {share.share_id} has no restore point yet; hint: back it up first")
        point = last
    level = VerifyLevel(body.level)
    parts, part = 1, 0
    if level.has_parts:
        parts = parts_for(level, point.files, over_runs=body.over_runs, percent=body.percent, drill_files=body.files)
        before = await runs.sampled(conn, share.share_id, NEWEST, parts, level)
        part = next_part(parts, before[0].verify if before else None)
    account_url, credential = "", ""
    if level is VerifyLevel.DRILL:
        account_url, credential = share.account_url, share.credential
        if body.target is not None and body.target.account_url is not None:
            account_url = body.target.account_url
        if body.target is not None and body.target.credential is not None:
            credential = body.target.credential
    return VerifyOrder(
        level=level,
        account_url=account_url,
        credential=credential,
        restore_point=point.run_no,
        all_points=body.restore_point == "all",
        parts=parts,
        part=part,
    )


routes = Routes("verifications")
routes.post(SHARE + "/verifications", start_verification, Action.VERIFIES_START, {202: Run}, refuses={409}, starts=True)
bp = routes.blueprint
