"""Requests like those of people and programs, by how many clients at a time, and how long each took."""

import asyncio
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import aiohttp

from benchmarks.api.filling import Sizes
from benchmarks.report import BenchmarkFailed

Ask = Callable[[random.Random], str]
"""The next path to be asked for."""
LONG: Final = "long"
"""Name of the tenant whose share has as many restore points as :data:`PREVIEWED`."""
PREVIEWED: Final = 400
_RULES: Final = {
    "keep_last": 7, "daily": 14, "weekly": 8, "monthly": 12, "yearly": 5, "time_zone": "Europe/Berlin"
}  # fmt: skip
"""What is previewed: rules of every kind of period."""


@dataclass(frozen=True, slots=True)
class Host:
    """The app, and how it is spoken to."""

    url: str
    key: str


def lists(sizes: Sizes) -> dict[str, Ask]:
    """The lists, each at its beginning; what comes after it is asked for by its cursor."""

    def tenant(draw: random.Random) -> str:
        return f"/api/tenants/tenant-{draw.randint(1, sizes.tenants):04d}"

    def share(draw: random.Random) -> str:
        number = draw.randint(1, sizes.tenants * sizes.shares)
        return f"/api/tenants/tenant-{(number - 1) // sizes.shares + 1:04d}/shares/{number}"

    return {
        "tenants": lambda _: "/api/tenants",
        "shares": lambda draw: f"{tenant(draw)}/shares",
        "runs": lambda draw: f"{share(draw)}/runs",
        "restore_points": lambda draw: f"{share(draw)}/restore-points?limit=100",
    }


def overviews() -> dict[str, Ask]:
    """All shares at a glance, a part at a time."""
    return {"overview": lambda _: "/api/overview"}


def usages(sizes: Sizes) -> dict[str, Ask]:
    """Of the platform, and of a tenant."""
    return {
        "usage": lambda _: "/api/usage",
        "tenant_usage": lambda draw: f"/api/tenants/tenant-{draw.randint(1, sizes.tenants):04d}/usage",
    }


def previews(share_id: int) -> dict[str, Ask]:
    """What rules would keep of a share with a long past; to be posted."""
    return {"preview": lambda _: f"/api/tenants/{LONG}-0001/shares/{share_id}/retention/preview"}


async def measure(host: Host, ask: Ask, *, requests: int, clients: int) -> list[float]:
    """Milliseconds of each request. Every client goes through its list by the cursors it is given, some parts far.

    :raises BenchmarkFailed: an answer was not what it should be.
    """
    times: list[float] = []
    headers = {"x-functions-key": host.key}
    async with aiohttp.ClientSession(host.url, headers=headers) as session:
        await asyncio.gather(
            *(_client(session, ask, times, max(1, requests // clients), number) for number in range(clients))
        )
    return times


async def _client(session: aiohttp.ClientSession, ask: Ask, times: list[float], requests: int, number: int) -> None:
    draw = random.Random(number)
    path, parts = ask(draw), 0
    for _ in range(requests):
        rules = _RULES if path.endswith("/preview") else None
        begin = time.perf_counter()
        async with session.request("POST" if rules else "GET", path, json=rules) as response:
            body = await response.read()
        times.append((time.perf_counter() - begin) * 1000)
        if response.status not in (200, 304):
            raise BenchmarkFailed(f"{path} answered {response.status}: {body[:300]!r}")
        answer: dict[str, Any] = await response.json() if response.content_type == "application/json" else {}
        if rules and not (answer["kept"] + answer["expiring"] == PREVIEWED and 0 < answer["kept"] < PREVIEWED):
            raise BenchmarkFailed(f"{path} keeps {answer['kept']} and lets go of {answer['expiring']} of {PREVIEWED}")
        following = answer.get("next")
        parts += 1
        if following and parts < 5:
            base = path.partition("&after=")[0].partition("?after=")[0]
            path = f"{base}{'&' if '?' in base else '?'}after={following}"
        else:
            path, parts = ask(draw), 0


def percentile(times: list[float], part: float) -> float:
    """The time that ``part`` of the requests did not exceed."""
    return sorted(times)[min(len(times) - 1, int(len(times) * part))]
