"""Reads one share through the lean client: every call is one request, of a larger file one per 4 MiB.

Content is asked for in ranges of up to 4 MiB with the MD5 of the range, also when the range is the whole file: then the service
computes it of the bytes that it sends, and a bit that flips between it and us is seen and asked for again. (A GET of the whole file
says what MD5 its writer once stored, which a write over SMB does not update.) It costs us 2 us per KiB; the answers are otherwise
the same. It can be left out (``md5``). A listing has nothing like it. One that arrives damaged and still parses gives the run wrong names or times; its fingerprint
is that of the damaged bytes, so the next run sees the directory as changed and puts it right. TLS makes either very unlikely.
"""

from collections.abc import AsyncIterator, Sequence
from json import loads
from typing import Final

from shared.adapters import file_ranges, node_headers
from shared.adapters.files_http import LISTED, FilesHttp, share_path
from shared.adapters.signing import query
from shared.adapters.storage_http import Expected, Reply
from shared.errors import IntegrityError, InvalidInput, Unavailable
from shared.ports.share_reader import ByteRange, NodeProperties

RANGE_BYTES = 4 * 1024 * 1024
"""The most that the service computes an MD5 of."""
RANGES_PER_PAGE: Final = 10_000
"""Half a megabyte of XML."""
FIRST_WINDOW_BYTES: Final = 4 << 30
"""A service without pages is asked for the ranges of this much of a file first, then of twice as much as long as that is little.
4 GiB in pieces of 4 KiB with holes between are 23 MB of XML."""
LEAST_WINDOW_BYTES: Final = 1 << 30
"""Where the service takes too long, it is asked for this much at a time; that it always manages, or never will."""


class FilesReader:
    """A :class:`shared.ports.share_reader.ShareReader` of a share at a share snapshot, or live with ``None``."""

    def __init__(self, http: FilesHttp, share_name: str, snapshot: str | None, *, md5: bool = True) -> None:
        """``md5``: have the MD5 of content computed and compare it."""
        self._http = http
        self._md5 = {"x-ms-range-get-content-md5": "true"} if md5 else {}
        self._share_name = share_name
        self._at = {"sharesnapshot": snapshot} if snapshot else {}
        self._query = query(**self._at)
        self._directory_query = query(restype="directory", **self._at)
        self._first_page = query(restype="directory", comp="list", include=LISTED, **self._at)

    async def list_page(self, path: str, marker: str = "") -> bytes:
        """One page of a listing, as the service wrote it."""
        page = self._first_page
        if marker:
            page = query(restype="directory", comp="list", include=LISTED, marker=marker, **self._at)
        reply = await self._http.send("list", "GET", share_path(self._share_name, path), page)
        return reply.body

    async def read_file(self, path: str, size_bytes: int) -> tuple[NodeProperties, bytes]:
        """Content and properties. A body cut short or damaged is asked for again; one of another length raises ``Unavailable``."""
        reply = await self._get(path, 0, min(size_bytes, RANGE_BYTES), size_bytes)
        found = node_headers.file_properties(reply.headers, size_bytes, ranged=reply.status == 206)
        if size_bytes <= RANGE_BYTES:
            return found, reply.body
        parts = [reply.body]
        for offset in range(RANGE_BYTES, size_bytes, RANGE_BYTES):
            length = min(RANGE_BYTES, size_bytes - offset)
            parts.append((await self._get(path, offset, length, size_bytes)).body)
        return found, b"".join(parts)

    async def stream_file(self, path: str, size_bytes: int, block_bytes: int) -> AsyncIterator[NodeProperties | bytes]:
        """Properties, then blocks. What is cut short or damaged is asked for again by itself."""
        at_once = max(RANGE_BYTES // block_bytes, 1) * block_bytes if block_bytes <= RANGE_BYTES else RANGE_BYTES
        held = b""
        for offset in range(0, size_bytes or 1, at_once):
            length = min(at_once, size_bytes - offset)
            reply = await self._get(path, offset, length, size_bytes)
            if not offset:
                yield node_headers.file_properties(reply.headers, size_bytes, ranged=reply.status == 206)
            held = held + reply.body if held else reply.body
            while len(held) >= block_bytes:
                block, held = held[:block_bytes], held[block_bytes:]
                yield block
        if held:
            yield held

    async def read_range(self, path: str, offset: int, length: int) -> bytes:
        """Exactly ``length`` bytes; ``Unavailable`` if the file is not that long."""
        if not length:
            return b""
        if length <= RANGE_BYTES:
            return (await self._get(path, offset, length)).body
        parts = [
            (await self._get(path, at, min(RANGE_BYTES, offset + length - at))).body
            for at in range(offset, offset + length, RANGE_BYTES)
        ]
        return b"".join(parts)

    async def _get(self, path: str, offset: int, length: int, of_bytes: int | None = None) -> Reply:
        """``length`` bytes at ``offset`` of a file of ``of_bytes``, checked; at most :data:`RANGE_BYTES`.

        No bytes are asked for without a range: an empty file has none that the service would take.
        """
        headers = None
        if length:
            headers = {"x-ms-range": f"bytes={offset}-{offset + length - 1}", **self._md5}
        try:
            reply = await self._http.send(
                "get_file",
                "GET",
                _file(self._share_name, path),
                self._query,
                headers,
                b"",
                Expected(length, of_bytes),
            )
        except InvalidInput as error:
            if error.code != "InvalidRange":
                raise
            raise Unavailable(f"get_file {path!r}: shorter than {offset + 1} bytes") from error
        whole = offset == 0 and length == of_bytes
        if len(reply.body) != length or (reply.status != 206 and not whole):
            raise Unavailable(f"get_file {path!r}: {len(reply.body)} bytes at {offset}, expected {length}")
        return reply

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

    async def link_text(self, path: str) -> str:
        """The text of a symbolic link."""
        where = _file(self._share_name, path)
        reply = await self._http.send("get_link", "GET", where, query(restype="symboliclink", **self._at))
        return node_headers.link_text(reply.headers)

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
