"""Reads everything there is to read of a share, through the SDK.

Listings give names, kinds, sizes, attributes and times (as text, because the SDK's ``datetime`` loses the seventh digit);
downloads give bytes, user metadata and content headers; permissions are resolved once per share.  Not read, because no
tool can set them: last access time, FileId and ETag; the latter two only serve to recognise what was read before.

The SDK costs most of a millisecond of CPU per file, so the work is spread over processes.
"""

import asyncio
import gc
import hashlib
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, as_completed
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar

from azure.storage.fileshare.aio import ShareClient

from localdev.demo.account import Account

T = TypeVar("T")
R = TypeVar("R")

CONCURRENT = 32
FILES_PER_TASK = 400
BYTES_PER_TASK = 32 * 1024 * 1024
DIRECTORIES_PER_TASK = 40

_INCLUDE = ["timestamps", "Etag", "Attributes", "PermissionKey"]

Progress = Callable[[int, int], None]
"""Called with files and bytes read since the last call."""


class Listed(NamedTuple):
    """An entry of a listing; the root is listed under the empty path."""

    path: str
    is_directory: bool
    size_bytes: int
    attributes: str
    created: str
    written: str
    changed: str
    permission_key: str
    file_id: str
    etag: str


class Content(NamedTuple):
    """What only a read of the node itself shows.  ``sha256`` is empty for a directory."""

    sha256: str
    metadata: tuple[tuple[str, str], ...]
    headers: tuple[tuple[str, str], ...]


class Node(NamedTuple):
    """All that two equal directories or files have in common."""

    kind: str
    size_bytes: int
    attributes: str
    created: str
    written: str
    changed: str
    sddl: str
    content: Content


Version = tuple[str, str]
"""FileId and ETag: equal ones mean an unchanged node."""


@dataclass(frozen=True, slots=True)
class Reading:
    """Everything read of a share, by path."""

    nodes: dict[str, Node]
    versions: dict[str, Version]
    list_pages: int
    contents: dict[Version, Content] = field(repr=False)
    """For the next reading of another snapshot of the same share."""


def read_share(
    account: Account,
    share: str,
    *,
    executor: Executor,
    snapshot: str | None = None,
    known: Mapping[Version, Content] | None = None,
    progress: Progress = lambda _files, _bytes: None,
) -> Reading:
    """Read a share, or a share snapshot of it.

    :param executor: where to read; processes are fastest.
    :param known: contents read of an earlier snapshot of *the same share*; what has not changed since is listed but
        not read again.
    """
    known = known or {}
    listed, contents, pages = _list_all(account, share, snapshot, executor, known)
    sddls = _sddls(account, share, {entry.permission_key for entry in listed})
    wanted: list[Listed] = []
    for entry in listed:
        if entry.is_directory:
            continue
        if (found := known.get((entry.file_id, entry.etag))) is not None:
            contents[entry.path] = found
            progress(1, entry.size_bytes)
        else:
            wanted.append(entry)
    # The largest first: whoever gets one of them last would keep everybody waiting.
    wanted.sort(key=lambda entry: -entry.size_bytes)
    for read in _spread(executor, _read_files, (account, share, snapshot), _tasks(wanted)):
        contents.update(read.contents)
        progress(len(read.contents), read.size_bytes)
    nodes = {entry.path: _node(entry, sddls[entry.permission_key], contents[entry.path]) for entry in listed}
    versions = {entry.path: (entry.file_id, entry.etag) for entry in listed}
    by_version = {versions[path]: content for path, content in contents.items()}
    return Reading(nodes, versions, pages, by_version)


def _node(entry: Listed, sddl: str, content: Content) -> Node:
    return Node(
        kind="directory" if entry.is_directory else "file",
        size_bytes=entry.size_bytes,
        attributes=entry.attributes,
        created=entry.created,
        written=entry.written,
        changed=entry.changed,
        sddl=sddl,
        content=content,
    )


def _sddls(account: Account, share: str, keys: set[str]) -> dict[str, str]:
    with account.share(share) as client:
        return {key: with_sacl(client.get_permission_for_share(key)) for key in sorted(keys)}


def with_sacl(sddl: str) -> str:
    """Return a descriptor as the service gives it back after Create Permission: it adds the SACL that is missing.

    What the service itself gives to a new file has none, so the original and what was restored differ in that alone.
    """
    return sddl if "S:" in sddl else f"{sddl}S:NO_ACCESS_CONTROL"


def _tasks(files: Iterable[Listed]) -> Iterator[list[tuple[str, int]]]:
    """Cut files into portions of about the same work."""
    portion: list[tuple[str, int]] = []
    size = 0
    for entry in files:
        if portion and (len(portion) == FILES_PER_TASK or size + entry.size_bytes > BYTES_PER_TASK):
            yield portion
            portion, size = [], 0
        portion.append((entry.path, entry.size_bytes))
        size += entry.size_bytes
    if portion:
        yield portion


def _spread(
    executor: Executor,
    work: Callable[..., R],
    place: tuple[Account, str, str | None],
    portions: Iterable[Sequence[Any]],
) -> Iterator[R]:
    """Do ``work`` on every portion; yield results as they come.  A failure cancels what has not begun."""
    futures = [executor.submit(work, *place, portion) for portion in portions]
    try:
        for future in as_completed(futures):
            yield future.result()
    finally:
        for future in futures:
            future.cancel()


# --------------------------------------------------------------------------------------------------------- listing


class _ListedDirectory(NamedTuple):
    path: str
    entries: list[Listed]
    pages: int
    content: Content | None
    """``None`` if it was not asked for."""
    itself: Listed | None
    """Of the root only."""


def _list_all(
    account: Account, share: str, snapshot: str | None, executor: Executor, known: Mapping[Version, Content]
) -> tuple[list[Listed], dict[str, Content], int]:
    """List level by level; return every entry, the contents of directories, and the number of list pages."""
    listed: list[Listed] = []
    contents: dict[str, Content] = {}
    pages = 0
    level = [("", True)]
    while level:
        portions = [level[i : i + DIRECTORIES_PER_TASK] for i in range(0, len(level), DIRECTORIES_PER_TASK)]
        level = []
        for directories in _spread(executor, _list_directories, (account, share, snapshot), portions):
            for directory in directories:
                if directory.itself is not None:
                    listed.append(directory.itself)
                if directory.content is not None:
                    contents[directory.path] = directory.content
                listed += directory.entries
                pages += directory.pages
                for entry in directory.entries:
                    if entry.is_directory:
                        content = known.get((entry.file_id, entry.etag))
                        level.append((entry.path, content is None))
                        if content is not None:
                            contents[entry.path] = content
    return listed, contents, pages


def _list_directories(
    account: Account, share: str, snapshot: str | None, directories: Sequence[tuple[str, bool]]
) -> list[_ListedDirectory]:
    _spare_the_collector()

    async def run() -> list[_ListedDirectory]:
        async with _opened(account, share, snapshot) as client:
            return await _gathered([_list_directory(client, path, described) for path, described in directories])

    return asyncio.run(run())


async def _list_directory(client: ShareClient, path: str, described: bool) -> _ListedDirectory:
    directory = client.get_directory_client(path)
    content, itself = None, None
    if described:
        raw: dict[str, str] = {}
        properties = await directory.get_directory_properties(
            raw_response_hook=lambda response: raw.update(response.http_response.headers)
        )
        content = Content("", tuple(sorted(properties.metadata.items())), ())
        itself = None if path else _root(raw)
    entries: list[Listed] = []
    pages = 0
    async for page in directory.list_directories_and_files(include=_INCLUDE).by_page():
        pages += 1
        entries += [_listed(path, item) async for item in page]
    return _ListedDirectory(path, entries, pages, content, itself)


def _listed(directory: str, item: Any) -> Listed:
    return Listed(
        path=f"{directory}/{item.name}" if directory else item.name,
        is_directory=item.is_directory,
        size_bytes=0 if item.is_directory else item.size,
        attributes=item.file_attributes,
        created=item.creation_time,
        written=item.last_write_time,
        changed=item.change_time,
        permission_key=item.permission_key,
        file_id=item.file_id,
        etag=item.etag,
    )


def _root(headers: Mapping[str, str]) -> Listed:
    """Describe the root, which no listing names, from the headers of its properties."""
    lower = {name.lower(): value for name, value in headers.items()}
    return Listed(
        path="",
        is_directory=True,
        size_bytes=0,
        attributes=lower["x-ms-file-attributes"],
        created=lower["x-ms-file-creation-time"],
        written=lower["x-ms-file-last-write-time"],
        changed=lower["x-ms-file-change-time"],
        permission_key=lower["x-ms-file-permission-key"],
        file_id=lower["x-ms-file-id"],
        etag=lower["etag"],
    )


# --------------------------------------------------------------------------------------------------------- content


class _ReadFiles(NamedTuple):
    contents: dict[str, Content]
    size_bytes: int


def _read_files(account: Account, share: str, snapshot: str | None, files: Sequence[tuple[str, int]]) -> _ReadFiles:
    _spare_the_collector()

    async def run() -> _ReadFiles:
        async with _opened(account, share, snapshot) as client:
            contents = await _gathered([_read_file(client, path, size) for path, size in files])
        return _ReadFiles(dict(zip((path for path, _ in files), contents, strict=True)), sum(size for _, size in files))

    return asyncio.run(run())


async def _read_file(client: ShareClient, path: str, size_bytes: int) -> Content:
    file = client.get_file_client(path)
    digest = hashlib.sha256()
    if size_bytes:
        stream = await file.download_file(decompress=False)  # bytes as they are, whatever Content-Encoding says
        async for chunk in stream.chunks():
            digest.update(chunk)
        properties = stream.properties
    else:
        properties = await file.get_file_properties()  # downloading nothing costs two requests
        if properties.size:
            raise ValueError(f"{path} is listed as empty and has {properties.size} bytes")
    settings = properties.content_settings
    headers = {
        "type": settings.content_type,
        "encoding": settings.content_encoding,
        "language": settings.content_language,
        "disposition": settings.content_disposition,
        "cache-control": settings.cache_control,
        "md5": settings.content_md5.hex() if settings.content_md5 else None,
    }
    return Content(
        digest.hexdigest(),
        tuple(sorted(properties.metadata.items())),
        tuple((name, value) for name, value in headers.items() if value),
    )


def _spare_the_collector() -> None:
    # The SDK makes hundreds of objects per request; looking through them for cycles that often is a tenth of its time.
    gc.set_threshold(100_000, 20, 20)


@asynccontextmanager
async def _opened(account: Account, share: str, snapshot: str | None) -> AsyncIterator[ShareClient]:
    async with account.async_share(share, snapshot) as client:
        yield client


async def _gathered(work: list[Any]) -> list[Any]:
    """Await all of ``work``, some at a time, and return the results in order."""
    gate = asyncio.Semaphore(CONCURRENT)

    async def one(item: Any) -> Any:
        async with gate:
            return await item

    return list(await asyncio.gather(*(one(item) for item in work)))
