"""``.../shares/{share_id}/connection-test``: whether a share and its vault can be reached as a backup needs it."""

from http_api.call import Call
from http_api.endpoint import SHARE
from http_api.models.connection import ConnectionCheck, ConnectionTest
from http_api.routes import Routes
from shared.model.access import Action
from shared.usecases.connection_test import Outcome, connection_test


async def try_connection(call: Call) -> ConnectionTest:
    """Try everything that a backup needs, and name what is missing: a role, a network rule, the share.

    Each check is `ok`, `failed` with a hint what to do, or `skipped`. It answers 200 whatever it finds. A share snapshot is taken and
    deleted again; nothing else is changed, and nothing stays.
    """
    share = call.share
    await call.release()
    async with call.app.connection(share) as parts:
        found = await connection_test(parts, call.app.clock)
    return ConnectionTest(
        ok=all(check.outcome is not Outcome.FAILED for check in found),
        checks=[ConnectionCheck.model_validate(check) for check in found],
    )


routes = Routes("shares")
routes.post(SHARE + "/connection-test", try_connection, Action.SHARES_TEST, {200: ConnectionTest}, idempotent=False)
bp = routes.blueprint
