"""Post webhooks to addresses that tenants gave: nowhere inside, no redirects, no waiting.

The name is looked up once, every address that it stands for must be public, and exactly these are connected to: a name that stands for
another address a moment later gets nobody anywhere. Proxies of the environment are not used. Of the answer only its status is looked at, so
nothing of it can be seen through us.
"""

import asyncio
import socket
from collections.abc import Mapping, Sequence
from typing import Final

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from shared.core.webhook_url import check_url, is_public
from shared.errors import Rejected, Unavailable
from shared.usecases.deliver_alerts import GONE

WHOLE_S: Final = 10.0
"""From looking up the name to the answer's headers."""


class HttpWebhooks:
    """Implements :class:`shared.ports.senders.WebhookSender`."""

    def __init__(self, *, private: bool) -> None:
        """``private``: allow addresses that are not public, and http to this machine. For development only."""
        self._private = private

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> None:
        """See the port."""
        check_url(url, private=self._private)
        target = URL(url)
        try:
            async with asyncio.timeout(WHOLE_S):
                status = await self._post(target, body, headers)
        except TimeoutError as error:
            raise Unavailable(f"{target.host} did not answer within {WHOLE_S:g} s") from error
        except (aiohttp.ClientError, OSError) as error:
            raise Unavailable(f"{target.host} could not be reached: {type(error).__name__}") from error
        if status == 410:
            raise Rejected(f"{target.host} answered 410: it does not want to be told any more", code=GONE)
        if 300 <= status < 400:
            raise Unavailable(
                f"{target.host} answered {status}; redirects are not followed: give the address that it leads to"
            )
        if not 200 <= status < 300:
            raise Unavailable(f"{target.host} answered {status}")

    async def _post(self, target: URL, body: bytes, headers: Mapping[str, str]) -> int:
        assert target.host is not None
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
        if not self._private and not all(is_public(str(address[0])) for *_, address in found):
            raise Rejected(f"{target.host} stands for an address that is not public: nothing is posted there")
        addresses = [(family, str(address[0])) for family, _, _, _, address in found]
        connector = aiohttp.TCPConnector(
            resolver=_Pinned(addresses), use_dns_cache=False, force_close=True, enable_cleanup_closed=False
        )
        async with (
            aiohttp.ClientSession(connector=connector, trust_env=False, auto_decompress=False) as session,
            session.post(
                target,
                data=body,
                headers={"User-Agent": "azure-files-backup", **headers},
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=WHOLE_S),
            ) as response,
        ):
            return response.status


class _Pinned(AbstractResolver):
    """Says what was looked up before."""

    def __init__(self, addresses: Sequence[tuple[socket.AddressFamily, str]]) -> None:
        self._addresses = addresses

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """The addresses, whatever is asked for."""
        del family
        return [
            ResolveResult(hostname=host, host=address, port=port, family=of, proto=0, flags=socket.AI_NUMERICHOST)
            for of, address in self._addresses
        ]

    async def close(self) -> None:
        """Nothing is open."""
