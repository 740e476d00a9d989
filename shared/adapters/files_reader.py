"""Reads one share through the lean client: every call is one request."""

from collections.abc import AsyncIterator, Sequence
from json import loads
from typing import Final

import aiohttp

from shared.adapters import file_ranges, node_headers, translate
from shared.adapters.files_http import FilesHttp, share_path
from shared.adapters.signing import query
from shared.errors import IntegrityError, InvalidInput, Unavailable
from shared.ports import ByteRange, NodeProperties

_INCLUDE = "Timestamps,ETag,Attributes,PermissionKey"

RANGES_PER_PAGE: Final = 10_000
"""Half a megabyte of XML."""
FIRST_WINDOW_BYTES: Final = 4 << 30
"""A service without pages is asked for the ranges of this much of a file first, then of twice as much as long as that is little.
4 GiB in pieces of 4 KiB with holes between are 23 MB of XML."""
LEAST_WINDOW_BYTES: Final = 1 << 30
"""Where the service takes too long, it is asked for this much at a time; that it always manages, or never will."""


class FilesReader:
    """A :class:`shared.ports.ShareReader` of a share at a share snapshot, or live with ``None``."""

    def __init__(self, http: FilesHttp, share_name: str, snapshot: str | None) -> None:
        self._http = http
        self._share_name = share_name
        self._at = {"sharesnapshot": snapshot} if snapshot else {}
        self._query = query(**self._at)
        self._directory_query = query(restype="directory", **self._at)
        self._first_page = query(restype="directory", comp="list", include=_INCLUDE, **self._at)

    async def list_page(self, path: str, marker: str = "") -> bytes:
        """One page of a listing, as the service wrote it."""
        page = self._first_page
        if marker:
            page = query(restype="directory", comp="list", include=_INCLUDE, marker=marker, **self._at)
        reply = await self._http.send("list", "GET", share_path(self._share_name, path), page)
        return reply.body

    async def read_file(self, path: str, size_bytes: int) -> tuple[NodeProperties, bytes]:
        """Content and properties. A body cut short is asked for again; one of another length raises ``Unavailable``."""
        reply = await self._http.send(
            "get_file", "GET", _file(self._share_name, path), self._query, None, b"", size_bytes
        )
        if len(reply.body) != size_bytes:
            raise Unavailable(f"get_file {path!r}: {len(reply.body)} bytes, expected {size_bytes}")
        return node_headers.file_properties(reply.headers, size_bytes), reply.body

    async def stream_file(self, path: str, size_bytes: int, block_bytes: int) -> AsyncIterator[NodeProperties | bytes]:
        """Properties, then blocks. Content cut short raises ``Unavailable``: the caller must begin again from the first block."""
        response = await self._http.open("get_file", _file(self._share_name, path), self._query)
        try:
            if response.content_length not in (None, size_bytes):
                raise Unavailable(f"get_file {path!r}: {response.content_length} bytes, expected {size_bytes}")
            yield node_headers.file_properties(response.headers, size_bytes)
            left = size_bytes
            while left:
                block = await _block(response, path, min(block_bytes, left))
                left -= len(block)
                yield block
            if response.content_length is None and await response.content.read(1):
                raise Unavailable(f"get_file {path!r}: more than {size_bytes} bytes")
        finally:
            if response.content.at_eof():
                response.release()
            else:
                response.close()

    async def read_range(self, path: str, offset: int, length: int) -> bytes:
        """Exactly ``length`` bytes; ``Unavailable`` if the file is not that long."""
        if not length:
            return b""
        headers = {"x-ms-range": f"bytes={offset}-{offset + length - 1}"}
        try:
            reply = await self._http.send(
                "get_file", "GET", _file(self._share_name, path), self._query, headers, b"", length
            )
        except InvalidInput as error:
            if error.code != "InvalidRange":
                raise
            raise Unavailable(f"get_file {path!r}: shorter than {offset} bytes") from error
        if len(reply.body) != length or reply.status != 206:
            raise Unavailable(f"get_file {path!r}: {len(reply.body)} bytes at {offset}, expected {length}")
        return reply.body

    async def ranges(self, path: str, size_bytes: int, since: str | None = None) -> AsyncIterator[Sequence[ByteRange]]:
        """Ranges in pages of up to 10,000, or of as much as a few gigabytes of a file have where the service knows no pages."""
        http = self._http
        paged = http.pages_ranges
        window = size_bytes if paged else FIRST_WINDOW_BYTES
        start = 0
        while start < size_bytes:
            end = min(size_bytes, start + window)
            try:
                found, more = await self._ranges_page(path, size_bytes, start, end, since, paged=paged)
            except Unavailable:
                if end - start <= LEAST_WINDOW_BYTES:
                    raise
                window = LEAST_WINDOW_BYTES
                continue
            yield found
            if more:
                start = found[-1].end
                continue
            if end - start == window and len(found) < RANGES_PER_PAGE:
                window *= 2
            start = end

    async def _ranges_page(
        self, path: str, size_bytes: int, start: int, end: int, since: str | None, *, paged: bool
    ) -> tuple[list[ByteRange], bool]:
        """Ranges within ``[start, end)`` and whether there are more; the next page begins where the last range ends."""
        asked = {"comp": "rangelist", **self._at}
        headers: dict[str, str] = {}
        if start or end < size_bytes:
            headers["x-ms-range"] = f"bytes={start}-{end - 1}"
        if paged:
            asked["maxresults"] = str(RANGES_PER_PAGE)
        if since is not None:
            asked["prevsharesnapshot"] = since
            if self._http.follows_renames:
                headers["x-ms-file-support-rename"] = "true"
        reply = await self._http.send("list_ranges", "GET", _file(self._share_name, path), query(**asked), headers)
        if reply.headers.get("x-ms-content-length") != str(size_bytes):
            found_bytes = reply.headers.get("x-ms-content-length")
            raise Unavailable(f"list_ranges {path!r}: of a file of {found_bytes} bytes, expected {size_bytes}")
        return file_ranges.parse(reply.body, path, start, end)

    async def file_properties(self, path: str, at: str | None = None) -> NodeProperties:
        """Properties of a file."""
        asked = self._query if at is None else query(sharesnapshot=at)
        reply = await self._http.send("get_properties", "HEAD", _file(self._share_name, path), asked)
        return node_headers.file_properties(reply.headers, int(reply.headers.get("Content-Length", "0")))

    async def directory_properties(self, path: str) -> NodeProperties:
        """Properties of a directory."""
        where = share_path(self._share_name, path)
        reply = await self._http.send("get_directory", "GET", where, self._directory_query)
        return node_headers.directory_properties(reply.headers)

    async def permission(self, key: str) -> str:
        """The SDDL of ``key``, asked of the live share."""
        reply = await self._http.send(
            "get_permission",
            "GET",
            share_path(self._share_name),
            query(restype="share", comp="filepermission"),
            {"x-ms-file-permission-key": key},
        )
        try:
            return str(loads(reply.body)["permission"])
        except (ValueError, KeyError, TypeError) as error:
            raise IntegrityError(f"permission {key}: the service's answer is unreadable") from error


def _file(share_name: str, path: str) -> str:
    """:raises InvalidInput: the root is no file; asking for it as one would read the share itself."""
    if not path:
        raise InvalidInput("the root directory is not a file", field="path")
    return share_path(share_name, path)


async def _block(response: aiohttp.ClientResponse, path: str, length: int) -> bytes:
    try:
        return await response.content.readexactly(length)
    except (aiohttp.ClientError, EOFError, TimeoutError, OSError) as error:
        raise translate.no_answer(error, f"get_file {path!r}") from error
