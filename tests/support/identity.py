"""What gives a process in App Service the tokens of its managed identity: an address and a secret in its environment."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

SECRET = "of-this-process-only"


@dataclass
class IdentityEndpoint:
    """Answers with ``token``, which is good for ``seconds``; or refuses, if there is none."""

    token: str = ""
    seconds: int = 3600
    url: str = ""
    asked: list[dict[str, str]] = field(default_factory=list)
    """The parameters of each request, without the version."""

    @property
    def environ(self) -> dict[str, str]:
        """What the platform puts into the environment."""
        return {"IDENTITY_ENDPOINT": self.url, "IDENTITY_HEADER": SECRET}

    async def answer(self, request: web.Request) -> web.Response:
        """As the platform does."""
        if request.headers.get("X-IDENTITY-HEADER") != SECRET:
            return web.json_response({"statusCode": 401, "message": "Unauthorized"}, status=401)
        self.asked.append({name: value for name, value in request.query.items() if name != "api-version"})
        if not self.token:
            return web.json_response({"statusCode": 400, "message": "No User Assigned Identity was found"}, status=400)
        given = {
            "access_token": self.token,
            "expires_on": str(int(time.time()) + self.seconds),
            "resource": request.query["resource"],
            "token_type": "Bearer",
        }
        return web.json_response(given)


@asynccontextmanager
async def identity_endpoint() -> AsyncIterator[IdentityEndpoint]:
    """One on a free port of this machine."""
    endpoint = IdentityEndpoint()
    served = web.Application()
    served.router.add_get("/msi/token", endpoint.answer)
    runner = web.AppRunner(served)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        endpoint.url = f"http://{host}:{port}/msi/token"
        yield endpoint
    finally:
        await runner.cleanup()
