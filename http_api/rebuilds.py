"""``/api/rebuilds``: make the catalogue of shares from the vault. For whoever administers the platform, not for tenants."""

from http_api.call import Answer, Call
from http_api.models.base import NoQuery
from http_api.models.rebuilds import LeftOut, NewRebuild, RebuildRun, Rebuilds
from http_api.routes import Routes
from http_api.starting import start
from shared.errors import InvalidInput
from shared.model.access import Action
from shared.model.run import RebuildOrder


async def start_rebuilds(call: Call[NoQuery, NewRebuild]) -> Answer:
    """Start rebuilds, and say of which shares there are none and why; 409 if there are none at all, 404 if the vault has nothing of
    what was asked.

    They are queued one by one, each in a transaction of its own: should the answer get lost, the same request tells those that it had
    queued as left out.
    """  # noqa: D205 - one sentence
    body, app = call.body, call.app
    _check(body)
    queued, left_out = await app.queue_rebuilds(
        RebuildOrder(restore_point=body.restore_point, replace=body.replace),
        tenant_id=body.tenant_id,
        share_id=body.share_id,
        credential=body.credential,
    )

    async def then() -> None:
        for run in queued:
            await start(call.client, run, app.settings.width)

    shown = [RebuildRun.of(run, now=call.now, tenant_id=run.tenant_id, share_id=run.share_id) for run in queued]
    told = [LeftOut.model_validate(one) for one in left_out]
    return Answer(body=Rebuilds(runs=shown, left_out=told), status=202 if queued else 409, then=then)


def _check(body: NewRebuild) -> None:
    """:raises InvalidInput: something is said of one share, and not of which."""
    if body.share_id is not None and body.tenant_id is None:
        raise InvalidInput("share_id needs tenant_id: expected both, or neither for all shares", field="tenant_id")
    for name, given in (("restore_point", body.restore_point is not None), ("replace", body.replace)):
        if given and body.share_id is None:
            raise InvalidInput(f"{name} is about one share: expected tenant_id and share_id with it", field="share_id")


routes = Routes("rebuilds")
routes.post(
    "/api/rebuilds",
    start_rebuilds,
    Action.REBUILDS_START,
    {202: Rebuilds, 409: Rebuilds},
    refuses={404},
    starts=True,
)
bp = routes.blueprint
