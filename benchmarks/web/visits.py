"""Which pages and fragments are asked for, and how long each took."""

import asyncio
import random
import re
import time
from collections.abc import Callable
from typing import Final
from urllib.parse import urljoin

import aiohttp

from benchmarks.api.filling import Sizes
from benchmarks.api.load import Host
from benchmarks.report import BenchmarkFailed

Ask = Callable[[random.Random], str]
"""The next path to be asked for."""
_FRAGMENT: Final = {"HX-Request": "true"}
_MORE: Final = re.compile(r'hx-get="([^"]*after=[^"]*)"')


def pages(sizes: Sizes, crowd: str) -> dict[str, Ask]:
    """Every page that people look at.

    :param crowd: the page of the share with the large directory.
    """

    def tenant(draw: random.Random) -> str:
        return f"/tenants/tenant-{draw.randint(1, sizes.tenants):04d}"

    def share(draw: random.Random) -> str:
        number = draw.randint(1, sizes.tenants * sizes.shares)
        return f"/tenants/tenant-{(number - 1) // sizes.shares + 1:04d}/shares/{number}"

    def run(draw: random.Random) -> str:
        return f"{share(draw)}/runs/{draw.randint(1, sizes.days)}"

    return {
        "overview": lambda _: "/",
        "overview_search": lambda draw: f"/?search=share+00{draw.randint(0, 9)}",
        "tenants": lambda _: "/tenants",
        "tenant": tenant,
        "alerts": lambda _: "/alerts",
        "usage": lambda _: "/usage",
        "tenant_usage": lambda draw: f"{tenant(draw)}/usage",
        "share": share,
        "retention": lambda draw: f"{share(draw)}/retention",
        "schedules": lambda draw: f"{share(draw)}/schedules",
        "settings": lambda draw: f"{share(draw)}/settings",
        "runs": lambda draw: f"{share(draw)}/runs",
        "run": run,
        "verify": lambda draw: f"{share(draw)}/verify",
        "restore": lambda draw: f"{share(draw)}/restore",
        "people": lambda draw: f"{tenant(draw)}/people",
        "audit": lambda draw: f"{tenant(draw)}/audit",
        "browse_crowd": lambda _: f"{crowd}/restore-points/1/browse",
        "search_crowd": lambda _: f"{crowd}/search?pattern=report*",
        "analytics_crowd": lambda _: f"{crowd}/analytics",
    }


async def measure(host: Host, ask: Ask, *, requests: int, clients: int, fragments: bool = False) -> list[float]:
    """Milliseconds of each request, gzip included, by so many clients that each wait for their answer.

    :param fragments: what htmx asks for after the page: rows that follow, part after part.
    :raises BenchmarkFailed: an answer was not what it should be.
    """
    times: list[float] = []
    headers = {"x-functions-key": host.key, "Accept-Encoding": "gzip"}
    async with aiohttp.ClientSession(host.url, headers=headers) as session:

        async def client(number: int) -> None:
            draw = random.Random(number)
            path = ask(draw)
            for _ in range(max(1, requests // clients)):
                begin = time.perf_counter()
                async with session.get(path, headers=_FRAGMENT if fragments else {}) as response:
                    body = await response.text()
                times.append((time.perf_counter() - begin) * 1000)
                if response.status != 200 or not (body or fragments):  # rows of an empty list are nothing
                    raise BenchmarkFailed(f"{path} answered {response.status}: {body[:300]!r}")
                more = _MORE.search(body) if fragments else None
                path = urljoin(path, more[1].replace("&amp;", "&")) if more else ask(draw)

        await asyncio.gather(*(client(number) for number in range(clients)))
    return times
