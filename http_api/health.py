"""``/api/health``: whether the app can do its work."""

import azure.functions as func

from http_api import answers
from http_api.problems import answered
from shared import wiring

bp = func.Blueprint()


@answered
async def health(req: func.HttpRequest) -> func.HttpResponse:  # noqa: ARG001
    """200 when settings are complete and the catalogue answers; otherwise a problem that says what is wrong."""
    async with (await wiring.app()).transaction() as conn:
        await conn.execute("SELECT 1")
    return answers.answer({"status": "ok"})


bp.route(route="api/health", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)(health)
