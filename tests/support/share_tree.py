"""Write and read small trees: through the SDK, or by requests of a test's own. What a test compares is never read by the code under test."""

import datetime as dt
from base64 import b64decode
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from email.message import Message
from http.client import HTTPConnection
from typing import Any, Final
from urllib.parse import quote, unquote, urlsplit
from xml.etree.ElementTree import Element, fromstring

from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.storage.fileshare import (
    AccountSasPermissions,
    ContentSettings,
    ResourceTypes,
    ShareClient,
    ShareServiceClient,
    generate_account_sas,
)

VERSION: Final = "2026-04-06"
BODY_MAX: Final = 4 * 1024 * 1024
"""What one request may carry."""

SDDL = "O:S-1-5-21-1-2-3-500G:S-1-5-21-1-2-3-513D:(A;;FA;;;SY)(A;;0x1200a9;;;S-1-5-21-1-2-3-{n})"


def service(emulator) -> ShareServiceClient:
    return ShareServiceClient(
        emulator.url,
        credential={"account_name": emulator.account, "account_key": emulator.key},
        allow_trailing_dot=True,
        retry_total=0,
        use_env_settings=False,  # proxies are looked for at each request: a fifth of its time
    )


@dataclass
class Node:
    """A file or directory as a reader of the share sees it."""

    kind: str
    content: bytes
    times: tuple[str, ...]
    attributes: str
    permission: str
    metadata: dict[str, str] = field(default_factory=dict)
    headers: tuple[Any, ...] = ()


def put(share: ShareClient, path: str, content: bytes = b"", **kwargs: Any) -> None:
    """Make or replace a file, and the directories above it."""
    client = share.get_file_client(path)
    body = content if len(content) <= BODY_MAX else b""
    _with_parents(share, path, lambda: client.create_file(len(content), data=body or None, **kwargs))
    if not body:
        for offset in range(0, len(content), BODY_MAX):
            block = content[offset : offset + BODY_MAX]
            client.upload_range(block, offset, len(block))


def mkdir(share: ShareClient, path: str, **kwargs: Any) -> None:
    """Make a directory unless it is there, and those above it."""
    client = share.get_directory_client(path)
    with suppress(ResourceExistsError):
        _with_parents(share, path, lambda: client.create_directory(**kwargs))


def _with_parents(share: ShareClient, path: str, make: Callable[[], object]) -> None:
    """``make`` what is at ``path``: mostly what is above it is there, so nobody asks first."""
    try:
        make()
    except ResourceNotFoundError as error:
        parent = path.rpartition("/")[0]
        if error.error_code != "ParentNotFound" or not parent:
            raise
        mkdir(share, parent)
        make()


def read_tree(share: ShareClient) -> dict[str, Node]:
    """Every node below the root by path, with everything a restore promises to bring back."""
    permissions: dict[str, str] = {}
    tree: dict[str, Node] = {}
    live = ShareClient(share.url.split("?")[0].rsplit("/", 1)[0], share.share_name, credential=share.credential)

    def sddl(key: str) -> str:
        if key not in permissions:
            text = live.get_permission_for_share(key)
            permissions[key] = text if "S:" in text else f"{text}S:NO_ACCESS_CONTROL"  # as Create Permission makes it
        return permissions[key]

    with closing(Reader(share)) as reader:
        for path, listed in reader.walk():
            kind = listed.tag.lower()
            headers, content = reader.directory(path) if kind == "directory" else reader.file(path)
            described = [headers.get(name) for name in _DESCRIBED]
            tree[path] = Node(
                kind=kind,
                content=content,
                times=tuple(listed.findtext(f"Properties/{name}", "") for name in _TIMES),
                attributes=listed.findtext("Attributes", ""),
                permission=sddl(listed.findtext("PermissionKey", "")),
                metadata={name[10:]: value for name, value in headers.items() if name.lower().startswith("x-ms-meta-")},
                headers=() if kind == "directory" else (*described, b64decode(headers.get("Content-MD5", ""))),
            )
    return tree


def read_kinds(share: ShareClient) -> dict[str, str]:
    """What is below the root by path: ``file`` or ``directory``. No more requests than there are directories."""
    with closing(Reader(share)) as reader:
        return {path: listed.tag.lower() for path, listed in reader.walk()}


_TIMES: Final = ("CreationTime", "LastWriteTime", "ChangeTime")
_DESCRIBED: Final = ("Content-Type", "Content-Encoding", "Content-Language", "Content-Disposition", "Cache-Control")


class Reader:
    """Reads a share over a connection of its own. The SDK takes a millisecond for each request, and the suite reads trees of some
    hundred thousand nodes."""

    def __init__(self, share: ShareClient) -> None:
        address = urlsplit(share.url)
        assert address.scheme == "http"
        self._connection = HTTPConnection(address.netloc)
        self._path = address.path
        self._query = generate_account_sas(
            share.credential.account_name,
            share.credential.account_key,
            ResourceTypes(object=True, container=True),
            AccountSasPermissions(read=True, list=True),
            dt.datetime.now(dt.UTC) + dt.timedelta(hours=1),
        )
        if share.snapshot is not None:
            self._query += f"&sharesnapshot={quote(share.snapshot)}"

    def close(self) -> None:
        self._connection.close()

    def walk(self, path: str = "") -> Iterator[tuple[str, Element]]:
        """Each node with its path, directories before what is in them."""
        marker: str | None = ""
        while marker is not None:
            _, body = self._get(
                path,
                "&restype=directory&comp=list&include=Timestamps,Etag,Attributes,PermissionKey"
                + (f"&marker={quote(marker)}" if marker else ""),
            )
            found = fromstring(body)
            for listed in found.iterfind("Entries/*"):
                name = listed.find("Name")
                assert name is not None
                text = name.text or ""
                child = f"{path}/" * bool(path) + (unquote(text) if name.get("Encoded") == "true" else text)
                yield child, listed
                if listed.tag == "Directory":
                    yield from self.walk(child)
            marker = found.findtext("NextMarker") or None

    def directory(self, path: str) -> tuple[Message, bytes]:
        """Its properties, and nothing."""
        return self._get(path, "&restype=directory")

    def file(self, path: str) -> tuple[Message, bytes]:
        """Its properties and content."""
        return self._get(path, "")

    def _get(self, path: str, query: str) -> tuple[Message, bytes]:
        headers = {"x-ms-version": VERSION, "x-ms-allow-trailing-dot": "true", "x-ms-file-extended-info": "true"}
        self._connection.request("GET", f"{self._path}/{quote(path)}?{self._query}{query}", headers=headers)
        answer = self._connection.getresponse()
        body = answer.read()
        if answer.status >= 400:
            message = f"{answer.status} for {path!r}: {body[:300]!r}"
            raise ResourceNotFoundError(message) if answer.status == 404 else HttpResponseError(message)
        return answer.headers, body


def differences(expected: dict[str, Node], found: dict[str, Node]) -> list[str]:
    """What a person would want to read when two trees differ."""
    lines = [f"missing: {path}" for path in sorted(expected.keys() - found.keys())]
    lines += [f"extra: {path}" for path in sorted(found.keys() - expected.keys())]
    for path in sorted(expected.keys() & found.keys()):
        a, b = expected[path], found[path]
        for name in ("kind", "content", "times", "attributes", "permission", "metadata", "headers"):
            if getattr(a, name) != getattr(b, name):
                lines.append(f"{path}: {name} {getattr(a, name)!r:.200} != {getattr(b, name)!r:.200}")
    return lines


def fill(share: ShareClient) -> None:
    """A small tree with something of everything."""
    keys = [share.create_permission_for_share(SDDL.format(n=n)) for n in (1001, 1002)]
    put(
        share,
        "readme.txt",
        b"hello\n",
        content_settings=ContentSettings(content_type="text/plain", cache_control="no-cache"),
    )
    put(share, "empty.bin")
    mkdir(share, "empty directory")
    mkdir(share, "docs", metadata={"Owner": "finance", "colour": "red"}, file_permission_key=keys[0])
    for n in range(12):
        put(share, f"docs/reports/report {n:02d}.csv", f"{n},".encode() * (n * 37))
    put(
        share, "docs/reports/locked.bin", b"x" * 3000, file_attributes="ReadOnly|Hidden|Archive", permission_key=keys[1]
    )
    put(share, "docs/日本語/ファイル %41 + # & 'x'.txt", "内容".encode(), metadata={"Kind": "unicode"})
    put(share, "docs/trailing./dot..", b"dots")
    put(share, "media/song.wav", bytes(range(256)) * 8192, file_last_write_time="2001-02-03T04:05:06.7890123Z")
    put(share, "media/zeros.img", bytes(5 * 1024 * 1024) + b"end")
    for level in range(6):
        put(share, "deep/" + "/".join(f"level{k}" for k in range(level + 1)) + "/leaf.txt", b"leaf %d" % level)


def change(share: ShareClient) -> None:
    """Something of every kind of change."""
    put(share, "docs/reports/report 03.csv", b"rewritten")
    put(share, "docs/new/added.txt", b"added")
    share.get_file_client("docs/reports/report 05.csv").delete_file()
    share.get_file_client("readme.txt").rename_file("docs/readme-moved.txt")
    share.get_directory_client("deep").rename_directory("docs/deeper")
    share.get_file_client("media/song.wav").set_file_metadata({"rated": "5"})
    key = share.create_permission_for_share(SDDL.format(n=1003))
    share.get_file_client("docs/reports/report 07.csv").set_http_headers(
        ContentSettings(content_type="text/csv"), permission_key=key
    )
    share.get_directory_client("empty directory").delete_directory()
