"""Requests like those of people and programs, by how many clients at a time, and how long each took."""

import asyncio
import random
import time
from collections.abc import Callable
from dataclasses import dataclass

import aiohttp

from benchmarks.api.filling import Sizes
from benchmarks.report import BenchmarkFailed

Ask = Callable[[random.Random], str]
"""The next path to be asked for."""


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
        begin = time.perf_counter()
        async with session.get(path) as response:
            body = await response.read()
        times.append((time.perf_counter() - begin) * 1000)
        if response.status not in (200, 304):
            raise BenchmarkFailed(f"GET {path} answered {response.status}: {body[:300]!r}")
        following = (await response.json())["next"] if response.content_type == "application/json" else None
        parts += 1
        if following and parts < 5:
            base = path.partition("&after=")[0].partition("?after=")[0]
            path = f"{base}{'&' if '?' in base else '?'}after={following}"
        else:
            path, parts = ask(draw), 0


def percentile(times: list[float], part: float) -> float:
    """The time that ``part`` of the requests did not exceed."""
    return sorted(times)[min(len(times) - 1, int(len(times) * part))]
