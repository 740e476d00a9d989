"""Reads one share through the lean client: every call is one request."""

from collections.abc import AsyncIterator
from json import loads

from shared.adapters import node_headers, translate
from shared.adapters.files_http import FilesHttp, share_path
from shared.adapters.http1_connection import Answer
from shared.adapters.signing import query
from shared.errors import IntegrityError, InvalidInput, Unavailable
from shared.ports import NodeProperties

_INCLUDE = "Timestamps,ETag,Attributes,PermissionKey"


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

    async def file_properties(self, path: str) -> NodeProperties:
        """Properties of a file."""
        reply = await self._http.send("get_properties", "HEAD", _file(self._share_name, path), self._query)
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


async def _block(response: Answer, path: str, length: int) -> bytes:
    try:
        return await response.content.readexactly(length)
    except OSError as error:
        raise translate.no_answer(error, f"get_file {path!r}") from error
