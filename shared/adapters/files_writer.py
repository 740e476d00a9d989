"""Writes one share through the lean client.

A file of up to 4 MiB is one request: content, times, attributes, permission, metadata and content headers together, with
``x-ms-file-property-semantics: Restore`` so that attributes are taken as they are. The few files without a content type take
two. A service that does not know this yet refuses it, and gets three requests per file from then on. On an NFS share owner, group
and mode take the place of attributes and permission; whether the service lets ChangeTime be set there is not documented, so a refusal
is taken for an answer: it is not asked again, and everything else is written.

Content goes with its MD5, so that the service refuses what was damaged on its way, and it is sent again.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from json import dumps
from typing import Final

from shared.adapters.files_http import LISTED, FilesHttp, share_path
from shared.adapters.node_headers import (
    content_headers,
    directory_properties,
    file_properties,
    link_target_headers,
    link_text_headers,
    metadata_headers,
    property_headers,
)
from shared.adapters.signing import NO_QUERY, Query, query
from shared.adapters.storage_http import md5
from shared.core.conflicts import half_done
from shared.errors import Conflict, IntegrityError, InvalidInput, NotFound, Rejected
from shared.formats import listing
from shared.model import ticks
from shared.model.entry import Attributes, Entry
from shared.model.manifest import ContentHeaders
from shared.ports.share_reader import NodeProperties
from shared.ports.share_writer import NewProperties

MAX_WRITE_BYTES: Final = 4 * 1024 * 1024
"""The most one request may carry."""

_DIRECTORY: Final = query(restype="directory")
_FIRST_PAGE: Final = query(restype="directory", comp="list", include=LISTED)
_DIRECTORY_PROPERTIES: Final = query(restype="directory", comp="properties")
_DIRECTORY_METADATA: Final = query(restype="directory", comp="metadata")
_FILE_PROPERTIES: Final = query(comp="properties")
_FILE_METADATA: Final = query(comp="metadata")
_RENAME: Final = query(comp="rename")
_RANGE: Final = query(comp="range")
_SYMBOLIC_LINK: Final = query(restype="symboliclink")
_HARD_LINK: Final = query(restype="hardlink")
_PERMISSION: Final = query(restype="share", comp="filepermission")
_CHANGED: Final = "x-ms-file-change-time"
_COPIED: Final = ("x-ms-file-attributes", "x-ms-file-creation-time", "x-ms-file-last-write-time")
COPY_PAUSE_S: Final = 0.1
COPY_PAUSE_MAX_S: Final = 5.0
"""How long to wait before asking again whether a copy is done."""
_LINK_MODE: Final = 0o777
"""What symbolic links have unless somebody gave them another."""

_READ_ONLY: Final = Attributes.READ_ONLY.value
_READ_ONLY_CODES: Final = frozenset({"ReadOnlyAttribute", "CannotDeleteFileOrDirectory"})


class FilesWriter:
    """A :class:`shared.ports.share_writer.ShareWriter`. Every call may be repeated."""

    def __init__(self, http: FilesHttp, share_name: str) -> None:
        self._http = http
        self._share_name = share_name

    async def create_directory(self, path: str, metadata: Sequence[tuple[str, str]]) -> bool:
        """Make a directory with this metadata, or give it to the one that is there."""
        if path:
            try:
                await self._put("create_directory", path, _DIRECTORY, metadata_headers(metadata))
            except Conflict as error:
                if error.code != "ResourceAlreadyExists":
                    raise
            else:
                return True
        await self.set_directory_metadata(path, metadata)
        return False

    async def has_directory(self, path: str) -> bool:
        """Whether there is such a directory."""
        try:
            await self._http.send("get_directory", "GET", share_path(self._share_name, path), _DIRECTORY)
        except NotFound:
            return False
        return True

    async def entries(self, path: str, at: str | None = None) -> list[Entry] | None:
        """What is in a directory: one request per 5,000."""
        found: list[Entry] = []
        when = {} if at is None else {"sharesnapshot": at}
        where, page = share_path(self._share_name, path), _FIRST_PAGE
        if at is not None:
            page = query(restype="directory", comp="list", include=LISTED, **when)
        while True:
            try:
                reply = await self._http.send("list", "GET", where, page)
            except NotFound:
                return None
            entries, marker = listing.split(reply.body)
            found += listing.parse(entries)
            if not marker:
                return found
            page = query(restype="directory", comp="list", include=LISTED, marker=marker, **when)

    async def directory_properties(self, path: str, at: str) -> NodeProperties | None:
        """Properties of a directory at a share snapshot."""
        asked = query(restype="directory", sharesnapshot=at)
        try:
            reply = await self._http.send("get_directory", "GET", share_path(self._share_name, path), asked)
        except NotFound:
            return None
        return directory_properties(reply.headers)

    async def copy_back(self, path: str, at: str, changed: int) -> None:
        """Have the service copy a file from a share snapshot, which it may do in its own time: wait for it."""
        where = share_path(self._share_name, path)
        headers = {
            "x-ms-copy-source": self._http.url(where, query(sharesnapshot=at)),
            "x-ms-source-allow-trailing-dot": "true",
            "x-ms-file-permission-copy-mode": "source",
            "x-ms-file-copy-ignore-readonly": "true",
            "x-ms-file-copy-set-archive": "false",
            **dict.fromkeys(_COPIED, "source"),
            _CHANGED: ticks.to_text(changed),
        }
        try:
            reply = await self._http.send("copy_file", "PUT", where, NO_QUERY, headers)
        except Conflict as error:
            if error.code != "PendingCopyOperation":  # one that somebody else has begun
                raise
            reply = await self._http.send("get_properties", "HEAD", where)
        pause_s = COPY_PAUSE_S
        while reply.headers.get("x-ms-copy-status") == "pending":
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, COPY_PAUSE_MAX_S)
            reply = await self._http.send("get_properties", "HEAD", where)
        if (status := reply.headers.get("x-ms-copy-status", "success")) != "success":
            why = reply.headers.get("x-ms-copy-status-description", "")
            raise Rejected(f"copy {path!r} from the share snapshot {at}: {status}: {why}", "CopyFailed")
        # A copy counts as new: what its security descriptor says of inheritance is not taken over.
        was = await self.file_properties(path, at)
        properties = NewProperties(
            created=was.created,
            written=was.written,
            changed=was.changed,
            attributes=was.attributes,
            permission_key=was.permission_key,
        )
        await self.set_file_properties(path, properties, was.headers)

    async def create_file(
        self,
        path: str,
        size_bytes: int,
        body: bytes | None,
        properties: NewProperties,
        headers: ContentHeaders,
        metadata: Sequence[tuple[str, str]],
    ) -> None:
        """Make or replace a file, whole with ``body`` and sparse without."""
        if body is not None and (len(body) != size_bytes or size_bytes > MAX_WRITE_BYTES):
            raise InvalidInput(
                f"body of {len(body)} bytes for a file of {size_bytes}: at most {MAX_WRITE_BYTES} in one request"
            )
        sent = {
            "x-ms-type": "file",
            "x-ms-content-length": str(size_bytes),
            **content_headers(headers),
            **metadata_headers(metadata),
        }
        if body is None:
            await self._create(path, sent | property_headers(properties, clear=_READ_ONLY))
            return
        if body and not self._http.creates_with_body:
            await self._create_in_steps(path, body, sent, properties, headers)
            return
        whole = sent | property_headers(properties)
        if properties.posix is None:
            whole["x-ms-file-property-semantics"] = "Restore"
        try:
            await self._create(path, whole, body)
        except InvalidInput as error:
            if not body or error.code not in ("UnsupportedHeader", "InvalidHeaderValue"):
                raise
            await self._create_in_steps(path, body, sent, properties, headers)
            # Only now is it sure that the body was to blame, and not a property of this file.
            self._http.no_bodies()
            return
        if body and not self._http.creates_with_body:
            # The service refused our version on the way; the one spoken since may have ignored the body.
            await self._create_in_steps(path, body, sent, properties, headers)
        elif not headers.content_type or (
            properties.posix is None
            and not properties.permission_key
            and not (properties.attributes or 0) & Attributes.ARCHIVE
        ):
            # A file is made with a content type, whether one is sent or not; that of a few was cleared later. And without a
            # permission the service falls back to semantics that add ARCHIVE.
            await self.set_file_properties(path, properties, headers)

    async def _create_in_steps(
        self, path: str, body: bytes, sent: dict[str, str], properties: NewProperties, headers: ContentHeaders
    ) -> None:
        await self._create(path, sent | property_headers(properties, clear=_READ_ONLY))
        await self.put_range(path, 0, body)
        await self.set_file_properties(path, properties, headers)

    async def _create(self, path: str, headers: dict[str, str], body: bytes = b"") -> None:
        try:
            await self._put("create_file", path, NO_QUERY, headers, body)
        except Conflict as error:
            if error.code != "ReadOnlyAttribute":
                raise
            await self._make_writable(path)
            await self._put("create_file", path, NO_QUERY, headers, body)

    async def _make_writable(self, path: str) -> None:
        """Of a file that is about to be replaced or deleted. Clears its content headers, too; by its change time that can be told."""
        found = await self.file_properties(path)
        changed = ticks.to_text(half_done(found.changed))
        await self._put("set_properties", path, _FILE_PROPERTIES, {"x-ms-file-attributes": "None", _CHANGED: changed})

    async def make_way(self, path: str) -> None:
        """Delete a symbolic link, or one name of a file with several."""
        try:
            reply = await self._http.send("get_properties", "HEAD", share_path(self._share_name, path))
        except NotFound:
            return
        found = file_properties(reply.headers, 0)
        if found.is_symbolic_link or (found.posix is not None and found.posix.links > 1):
            await self._delete(path)

    async def create_symbolic_link(
        self, path: str, properties: NewProperties, metadata: Sequence[tuple[str, str]]
    ) -> None:
        """Make a symbolic link; its mode and change time, which the first request does not take, go with a second."""
        posix = properties.posix
        assert posix is not None
        wanted = property_headers(properties)
        if not self._http.takes_nfs_change_times:
            wanted.pop(_CHANGED, None)
        first = {name: value for name, value in wanted.items() if name not in ("x-ms-mode", _CHANGED)}
        first |= link_text_headers(posix.link_text) | metadata_headers(metadata)
        await self._link("create_symbolic_link", path, _SYMBOLIC_LINK, first)
        if _CHANGED in wanted or posix.mode != _LINK_MODE:
            await self._put("set_properties", path, _FILE_PROPERTIES, wanted)

    async def create_hard_link(self, path: str, target: str) -> None:
        """Give ``target`` one more name."""
        await self._link("create_hard_link", path, _HARD_LINK, link_target_headers(target))

    async def _link(self, operation: str, path: str, query: Query, headers: dict[str, str]) -> None:
        try:
            await self._put(operation, path, query, headers)
        except Conflict as error:
            if error.code != "ResourceAlreadyExists":
                raise
            await self._delete(path)
            await self._put(operation, path, query, headers)

    async def delete_file(self, path: str) -> None:
        """Delete a file or a symbolic link, a read-only one too."""
        try:
            await self._delete(path)
        except Conflict as error:
            if error.code not in _READ_ONLY_CODES:
                raise
            await self._make_writable(path)
            await self._delete(path)

    async def _delete(self, path: str) -> None:
        try:
            await self._http.send("delete_file", "DELETE", share_path(self._share_name, path))
        except NotFound:
            return  # by an earlier try, whose answer was lost

    async def delete_directory(self, path: str) -> None:
        """Delete an empty directory, a read-only one too."""
        where = share_path(self._share_name, path)
        try:
            await self._http.send("delete_directory", "DELETE", where, _DIRECTORY)
        except NotFound:
            return
        except Conflict as error:
            if error.code not in _READ_ONLY_CODES:
                raise
            await self._put("set_directory_properties", path, _DIRECTORY_PROPERTIES, {"x-ms-file-attributes": "None"})
            await self._http.send("delete_directory", "DELETE", where, _DIRECTORY)

    async def rename_file(self, path: str, target: str, properties: NewProperties, headers: ContentHeaders) -> None:
        """Move a file of this share to another path, in place of what file is there.

        On an NFS share owner, group and mode are not documented for this request: they are set before.
        """
        on_nfs = properties.posix is not None
        if on_nfs:
            await self.set_file_properties(path, properties, headers)
            properties = replace(properties, posix=None, attributes=None)
        source = {
            "x-ms-file-rename-source": self._http.url(share_path(self._share_name, path)),
            "x-ms-source-allow-trailing-dot": "true",
            "x-ms-file-rename-replace-if-exists": "true",
            "x-ms-file-rename-ignore-readonly": "true",
        }
        await self._put("rename_file", target, _RENAME, source | property_headers(properties), on_nfs=on_nfs)

    async def close_handles(self, path: str) -> int:
        """Close what SMB clients have open of a file; returns how many handles that were."""
        closed, marker = 0, ""
        while True:
            asked = query(comp="forceclosehandles", **({"marker": marker} if marker else {}))
            reply = await self._http.send(
                "force_close_handles", "PUT", share_path(self._share_name, path), asked, {"x-ms-handle-id": "*"}
            )
            closed += int(reply.headers.get("x-ms-number-of-handles-closed", "0"))
            marker = reply.headers.get("x-ms-marker", "")
            if not marker:
                return closed

    async def file_properties(self, path: str, at: str | None = None) -> NodeProperties:
        """Properties of a file."""
        asked = NO_QUERY if at is None else query(sharesnapshot=at)
        reply = await self._http.send("get_properties", "HEAD", share_path(self._share_name, path), asked)
        return file_properties(reply.headers, int(reply.headers.get("Content-Length", "0")))

    async def set_file_metadata(self, path: str, metadata: Sequence[tuple[str, str]]) -> None:
        """Replace a file's metadata."""
        await self._put("set_metadata", path, _FILE_METADATA, metadata_headers(metadata))

    async def put_range(self, path: str, offset: int, data: bytes) -> None:
        """Write ``data`` at ``offset`` and leave the last write time alone."""
        if len(data) > MAX_WRITE_BYTES:
            raise InvalidInput(f"range of {len(data)} bytes: at most {MAX_WRITE_BYTES} in one request")
        if not data:
            return
        headers = {
            "x-ms-range": f"bytes={offset}-{offset + len(data) - 1}",
            "x-ms-write": "update",
            "x-ms-file-last-write-time": "preserve",
        }
        await self._put("put_range", path, _RANGE, headers, data)

    async def set_file_properties(self, path: str, properties: NewProperties, headers: ContentHeaders) -> None:
        """Give a file its properties; content headers go with them, because what is not sent is cleared."""
        await self._put(
            "set_properties", path, _FILE_PROPERTIES, property_headers(properties) | content_headers(headers)
        )

    async def set_directory_properties(self, path: str, properties: NewProperties) -> None:
        """Give a directory its properties."""
        headers = property_headers(properties, is_directory=True)
        await self._put("set_directory_properties", path, _DIRECTORY_PROPERTIES, headers)

    async def set_directory_metadata(self, path: str, metadata: Sequence[tuple[str, str]]) -> None:
        """Replace a directory's metadata."""
        await self._put("set_directory_metadata", path, _DIRECTORY_METADATA, metadata_headers(metadata))

    async def create_permission(self, sddl: str) -> str:
        """The key the service gives to ``sddl``: the same one every time."""
        body = dumps({"permission": sddl}).encode()
        reply = await self._http.send(
            "create_permission",
            "PUT",
            share_path(self._share_name),
            _PERMISSION,
            {"Content-Type": "application/json"},
            body,
        )
        key = reply.headers.get("x-ms-file-permission-key", "")
        if not key:
            raise IntegrityError("create_permission: the service's answer has no key")
        return key

    async def _put(
        self,
        operation: str,
        path: str,
        query: Query,
        headers: dict[str, str] | None = None,
        body: bytes = b"",
        *,
        on_nfs: bool = False,
    ) -> None:
        """``on_nfs``: the node is on an NFS share, also when no header says so."""
        where, headers = share_path(self._share_name, path), headers or {}
        if body:
            headers = {**headers, "Content-MD5": await md5(body)}
        if _CHANGED not in headers or not (on_nfs or "x-ms-mode" in headers):
            await self._http.send(operation, "PUT", where, query, headers, body)
            return
        less = {name: value for name, value in headers.items() if name != _CHANGED}
        if self._http.takes_nfs_change_times:
            try:
                await self._http.send(operation, "PUT", where, query, headers, body)
            except InvalidInput as error:
                if error.code != "UnsupportedHeader":
                    raise
            else:
                return
        await self._http.send(operation, "PUT", where, query, less, body)
        self._http.no_nfs_change_times()  # only now is it sure that the change time was to blame
