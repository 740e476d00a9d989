"""The vault in Azure Blob Storage: a container per tenant, block blobs that are written once.

Every object is put with ``If-None-Match: *``, so the service itself refuses to replace one; of an object uploaded in blocks the
commit carries the condition, and blocks that were never committed vanish by themselves within a week. A put whose answer was
lost is sent again and may then find its own object: it returns False although these bytes are there, which is why callers
name objects after their content or their plan.

One :class:`BlobAccount` per process holds the connections; a :class:`BlobVault` is a tenant's view of it for one meter.
"""

import datetime as dt
import xml.etree.ElementTree as ET
from base64 import b64encode
from collections.abc import AsyncIterator
from email.utils import parsedate_to_datetime
from typing import Final, Self
from urllib.parse import quote, unquote

from shared.adapters import connection_string
from shared.adapters.backoff import Patience
from shared.adapters.credentials import Credentials, Secret
from shared.adapters.metering import Meter
from shared.adapters.signing import NO_QUERY, Query, query, refuse_plain_http, signer
from shared.adapters.storage_http import NO_HEADERS, Call, Lane, Reply, StorageHttp, Traffic
from shared.adapters.system import SystemClock
from shared.errors import Conflict, IntegrityError, InvalidInput, NotFound
from shared.model.objects import is_bulk
from shared.ports.system import Clock
from shared.ports.vault import Deletion, StoredObject

VERSION: Final = "2023-11-03"
SINGLE_PUT_BYTES: Final = 128 * 1024 * 1024
"""Up to here an object is one request (the service takes 5,000 MiB): bundles are about 64 MiB. What fails is sent again whole."""
BLOCK_BYTES: Final = 32 * 1024 * 1024
"""50,000 of these make 1.5 TiB; far more than any object here."""

_TAKEN: Final = frozenset({"BlobAlreadyExists", "ConditionNotMet", "BlobImmutableDueToPolicy"})
_ONCE: Final = {"If-None-Match": "*"}


class BlobAccount:
    """Connections to the Blob service of one storage account."""

    def __init__(
        self,
        account_url: str,
        secret: Secret | None = None,
        *,
        retry_budget_s: float = 60.0,
        clock: Clock | None = None,
        traffic: Traffic | None = None,
        bulk_tier: str = "",
    ) -> None:
        """Without a ``secret``: as the identity of this process, which is then closed with the account.

        :param bulk_tier: access tier, such as ``Cool``, that bundles and chunks are written in; all else, and they without it, in the account's own.
        """
        self._identity = Credentials({})
        secret = secret or self._identity.identity()
        refuse_plain_http(secret, account_url)
        clock = clock or SystemClock()
        self.retry_budget_s = retry_budget_s
        self.bulk_tier = bulk_tier
        self.http = StorageHttp(
            account_url,
            signer(secret, account_url, clock),
            versions=[VERSION],
            headers={},
            clock=clock,
            retry_budget_s=retry_budget_s,
            traffic=traffic,
        )

    @classmethod
    def from_connection_string(
        cls, connection: str, *, retry_budget_s: float = 60.0, traffic: Traffic | None = None, bulk_tier: str = ""
    ) -> Self:
        """:raises InvalidInput: the string names no blob endpoint or no secret."""
        parsed = connection_string.parse(connection, "blob")
        return cls(*parsed, retry_budget_s=retry_budget_s, traffic=traffic, bulk_tier=bulk_tier)

    def vault(self, tenant_id: str, meter: Meter) -> "BlobVault":
        """The vault of one tenant, counted on ``meter``. Closing it leaves the account open."""
        return BlobVault(self, tenant_id, meter)

    def of(self, tenant_id: str) -> "BlobVault":
        """The vault of one tenant, counted nowhere."""
        return self.vault(tenant_id, Meter())

    async def tenants(self) -> AsyncIterator[str]:
        """Names of the account's containers."""
        lane = Lane(lambda _: None, Patience(self.retry_budget_s))
        marker = ""
        while True:
            asked = query(**{name: value for name, value in {"comp": "list", "marker": marker}.items() if value})
            reply = await self.http.send(Call("list_containers", "GET", "/", asked), lane)
            root = _parsed(reply.body)
            for name in root.iterfind("Containers/Container/Name"):
                yield name.text or ""
            marker = root.findtext("NextMarker") or ""
            if not marker:
                return

    async def aclose(self) -> None:
        """Close all connections."""
        await self.http.aclose()
        await self._identity.aclose()

    async def __aenter__(self) -> Self:
        """Itself."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close."""
        await self.aclose()


class BlobVault:
    """A :class:`shared.ports.vault.Vault`: the container ``tenant_id`` of a storage account."""

    def __init__(self, account: BlobAccount, tenant_id: str, meter: Meter, *, owns: bool = False) -> None:
        """With ``owns``, closing the vault closes the account."""
        self._account = account
        self._container = "/" + quote(tenant_id, safe="")
        self._meter = meter
        self._lane = Lane(self._count, Patience(account.retry_budget_s))
        self._owns = owns

    @classmethod
    def from_connection_string(cls, connection: str, tenant_id: str, meter: Meter) -> Self:
        """A vault with connections of its own. :raises InvalidInput: no blob endpoint or no secret in the string."""
        return cls(BlobAccount.from_connection_string(connection), tenant_id, meter, owns=True)

    @classmethod
    def from_account_url(cls, account_url: str, tenant_id: str, meter: Meter, secret: Secret | None = None) -> Self:
        """A vault with connections of its own; without a ``secret``, with an identity of its own too."""
        return cls(BlobAccount(account_url, secret), tenant_id, meter, owns=True)

    async def put(self, name: str, data: bytes | bytearray) -> bool:
        """Store ``data`` unless the name is taken; False if it was."""
        headers = {"x-ms-access-tier": self._account.bulk_tier} if self._account.bulk_tier and is_bulk(name) else {}
        headers |= _ONCE
        try:
            if len(data) <= SINGLE_PUT_BYTES:
                await self._send("put_blob", "PUT", name, headers={"x-ms-blob-type": "BlockBlob", **headers}, body=data)
            else:
                await self._put_blocks(name, data, headers)
        except Conflict as error:
            if error.code not in _TAKEN:
                raise
            return False
        self._meter.vault_stored(len(data))
        return True

    async def _put_blocks(self, name: str, data: bytes | bytearray, headers: dict[str, str]) -> None:
        view = memoryview(data)
        ids: list[str] = []
        for start in range(0, len(data), BLOCK_BYTES):
            # Block ids need no luck: they are the same in every try, and of equal length as the service demands.
            block_id = b64encode(f"{start:016x}".encode()).decode()
            block = bytes(view[start : start + BLOCK_BYTES])
            await self._send("put_block", "PUT", name, query(comp="block", blockid=block_id), body=block)
            ids.append(block_id)
        listed = "".join(f"<Latest>{block_id}</Latest>" for block_id in ids)
        body = f'<?xml version="1.0" encoding="utf-8"?><BlockList>{listed}</BlockList>'.encode()
        await self._send("put_block_list", "PUT", name, query(comp="blocklist"), headers, body)

    async def get(self, name: str, offset: int = 0, length: int | None = None) -> bytes:
        """Exactly ``length`` bytes at ``offset``."""
        if length == 0:
            return await self._nothing(name, offset)
        last = "" if length is None else str(offset + length - 1)
        headers = {"x-ms-range": f"bytes={offset}-{last}"} if offset or last else {}
        try:
            reply = await self._send("get_blob", "GET", name, headers=headers)
        except InvalidInput as error:
            if error.code != "InvalidRange":
                raise
            if length is None:
                return await self._nothing(name, offset)
            raise IntegrityError(f"vault object {name!r} is shorter than {offset} bytes") from error
        if length is not None and len(reply.body) != length:
            raise IntegrityError(
                f"vault object {name!r} has {len(reply.body)} bytes at offset {offset}, expected {length}"
            )
        return reply.body

    async def _nothing(self, name: str, offset: int) -> bytes:
        """No bytes at ``offset``, if there is such an offset in such an object."""
        reply = await self._send("head_blob", "HEAD", name)
        if int(reply.headers.get("Content-Length", "0")) < offset:
            raise IntegrityError(f"vault object {name!r} is shorter than {offset} bytes")
        return b""

    async def names(self, prefix: str) -> AsyncIterator[tuple[str, int]]:
        """Names and sizes below ``prefix``, in the service's order: by code point."""
        marker = ""
        while True:
            asked = {"restype": "container", "comp": "list", "prefix": prefix, "marker": marker}
            page = query(**{name: value for name, value in asked.items() if value})
            reply = await self._send("list_blobs", "GET", "", page)
            found, marker = _listed(reply.body)
            for item in found:
                yield item
            if not marker:
                return

    async def listed(self, prefix: str) -> AsyncIterator[StoredObject]:
        """The objects below ``prefix`` with sizes, times and ETags, in the service's order."""
        marker = ""
        while True:
            asked = {"restype": "container", "comp": "list", "prefix": prefix, "marker": marker}
            page = query(**{name: value for name, value in asked.items() if value})
            root = _parsed((await self._send("list_blobs", "GET", "", page)).body)
            for blob in root.iterfind("Blobs/Blob"):
                yield _stored(blob)
            marker = root.findtext("NextMarker") or ""
            if not marker:
                return

    async def delete(self, name: str, etag: str) -> Deletion:
        """Delete the blob that has this ETag; what keeps it is an answer, not an error."""
        try:
            await self._send("delete_blob", "DELETE", name, headers={"If-Match": f'"{etag}"'})
        except NotFound as error:
            if error.code == "ContainerNotFound":
                raise
            return Deletion.GONE
        except Conflict as error:
            return Deletion.CHANGED if error.code == "ConditionNotMet" else Deletion.REFUSED
        return Deletion.GONE

    async def kept_until(self, name: str) -> dt.datetime | None:
        """What the blob's own policy says; that of a container says nothing about a blob."""
        try:
            reply = await self._send("head_blob", "HEAD", name)
        except NotFound:
            return None
        until = reply.headers.get("x-ms-immutability-policy-until-date")
        return parsedate_to_datetime(until) if until else None

    async def folders(self, prefix: str) -> AsyncIterator[str]:
        """What follows ``prefix`` up to the next ``/``, in the service's order."""
        marker = ""
        while True:
            asked = {
                "restype": "container",
                "comp": "list",
                "prefix": prefix,
                "delimiter": "/",
                "marker": marker,
            }
            page = query(**{name: value for name, value in asked.items() if value})
            root = _parsed((await self._send("list_blobs", "GET", "", page)).body)
            for name in root.iterfind("Blobs/BlobPrefix/Name"):
                text = unquote(name.text or "") if name.get("Encoded") == "true" else name.text or ""
                yield text.removeprefix(prefix).removesuffix("/")
            marker = root.findtext("NextMarker") or ""
            if not marker:
                return

    async def remove(self) -> Deletion:
        """Delete the container."""
        try:
            await self._send("delete_container", "DELETE", "", query(restype="container"))
        except NotFound:
            return Deletion.GONE
        except Conflict as error:
            return Deletion.GONE if error.code == "ContainerBeingDeleted" else Deletion.REFUSED
        return Deletion.GONE

    async def prepare(self) -> None:
        """Make the container; one that is there is fine."""
        try:
            await self._send("create_container", "PUT", "", query(restype="container"))
        except Conflict as error:
            if error.code != "ContainerAlreadyExists":
                raise

    async def try_write(self) -> None:
        """Send a block that is never committed: it takes the right to write, no listing shows it, and it vanishes within a week."""
        block = query(comp="block", blockid=b64encode(b"0" * 16).decode())
        await self._send("put_block", "PUT", "connection-test", block, body=b"connection test")

    async def _send(
        self,
        operation: str,
        method: str,
        name: str,
        asked: Query = NO_QUERY,
        headers: dict[str, str] | None = None,
        body: bytes | bytearray = b"",
    ) -> Reply:
        path = f"{self._container}/{quote(name, safe='/')}" if name else self._container
        return await self._account.http.send(
            Call(operation, method, path, asked, headers or NO_HEADERS, body), self._lane
        )

    def _count(self, call: Call) -> None:
        if call.method == "PUT":
            self._meter.vault_write(chunk="/chunk/" in call.path)
        elif call.method != "DELETE":  # which costs nothing
            self._meter.vault_read()

    async def aclose(self) -> None:
        """Close the account's connections if they are this vault's own."""
        if self._owns:
            await self._account.aclose()

    async def __aenter__(self) -> Self:
        """Itself."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close."""
        await self.aclose()


def _parsed(body: bytes) -> ET.Element:
    try:
        return ET.fromstring(body)  # noqa: S314 - from the account's own service
    except ET.ParseError as error:
        raise IntegrityError(f"vault listing is unreadable: {error}") from error


def _stored(blob: ET.Element) -> StoredObject:
    try:
        name = blob.find("Name")
        if name is None or not name.text:
            raise IntegrityError("vault listing has an object without a name")
        return StoredObject(
            unquote(name.text) if name.get("Encoded") == "true" else name.text,
            int(blob.findtext("Properties/Content-Length") or 0),
            parsedate_to_datetime(blob.findtext("Properties/Last-Modified") or ""),
            (blob.findtext("Properties/Etag") or "").strip('"'),
        )
    except (ValueError, TypeError) as error:
        raise IntegrityError(f"vault listing is unreadable: {error}") from error


def _listed(body: bytes) -> tuple[list[tuple[str, int]], str]:
    """Names and sizes of one page of List Blobs, and the marker of the next."""
    try:
        root = ET.fromstring(body)  # noqa: S314 - from the account's own service
        found: list[tuple[str, int]] = []
        for blob in root.iterfind("Blobs/Blob"):
            name = blob.find("Name")
            if name is None or not name.text:
                raise IntegrityError("vault listing has an object without a name")
            text = unquote(name.text) if name.get("Encoded") == "true" else name.text
            found.append((text, int(blob.findtext("Properties/Content-Length") or 0)))
        return found, root.findtext("NextMarker") or ""
    except (ET.ParseError, ValueError) as error:
        raise IntegrityError(f"vault listing is unreadable: {error}") from error
