"""Writes a plan to a share.

Directories come first, top down; their times last, because making a file in a directory moves the directory's own.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from itertools import groupby
from typing import TypeVar

from localdev.demo.account import Account
from localdev.demo.content import MIB
from localdev.demo.plan import Facts, Headers, Plan, PlannedDirectory, PlannedFile
from localdev.demo.uploader import Uploader

ONE_SHOT_BYTES = 4 * MIB  # the service takes no more in one request
CONCURRENT = 24

T = TypeVar("T")

Progress = Callable[[int, int], None]
"""Called with files and bytes done since the last call."""


async def fill(account: Account, share: str, plan: Plan, progress: Progress = lambda _files, _bytes: None) -> None:
    """Write all of ``plan``.  What is there already under one of its file names is replaced.

    Memory: at most ``CONCURRENT`` times 4 MiB.

    :raises UploadFailed: the service refuses something.
    """
    facts = [directory.facts for directory in plan.directories] + [file.facts for file in plan.files]
    keys = permission_keys(account, share, {fact.sddl for fact in facts} - {""})
    async with Uploader(account, share, connections=CONCURRENT) as uploader:

        async def make(directory: PlannedDirectory) -> None:
            # The root is there already, so what a directory is born with has to be set.
            query = {"restype": "directory"} if directory.path else {"restype": "directory", "comp": "metadata"}
            await uploader.put(directory.path, query, metadata_headers(directory.facts.metadata))

        async def write(file: PlannedFile) -> None:
            await write_file(uploader, file, keys)
            progress(1, file.content.size_bytes)

        async def describe(directory: PlannedDirectory) -> None:
            query = {"restype": "directory", "comp": "properties"}
            await uploader.put(directory.path, query, fact_headers(directory.facts, keys))

        for _, level in groupby(sorted(plan.directories, key=_depth), key=_depth):
            await each(level, make)
        await each(plan.files, write)
        await each((d for d in plan.directories if fact_headers(d.facts, keys)), describe)


def _depth(directory: PlannedDirectory) -> int:
    return directory.path.count("/")


async def write_file(uploader: Uploader, file: PlannedFile, keys: Mapping[str, str]) -> None:
    """Create one file with all it has."""
    size = file.content.size_bytes
    headers = {
        "x-ms-type": "file",
        "x-ms-content-length": str(size),
        **fact_headers(file.facts, keys),
        **metadata_headers(file.facts.metadata),
        **content_headers(file.headers),
    }
    if size <= ONE_SHOT_BYTES:
        await uploader.put(file.path, {}, headers, file.content.read(0, size))
        return
    await uploader.put(file.path, {}, headers)
    for start in range(0, size, ONE_SHOT_BYTES):
        data = file.content.read(start, min(start + ONE_SHOT_BYTES, size))
        if data.count(0) == len(data):
            continue  # the file was born as zeros, and stays sparse there
        await write_range(uploader, file.path, start, data)


async def write_range(uploader: Uploader, path: str, start: int, data: bytes) -> None:
    """Overwrite a part of a file; its last write time stays."""
    headers = {
        "x-ms-write": "update",
        "x-ms-range": f"bytes={start}-{start + len(data) - 1}",
        "x-ms-file-last-write-time": "preserve",
    }
    await uploader.put(path, {"comp": "range"}, headers, data)


def permission_keys(account: Account, share: str, sddls: Iterable[str]) -> dict[str, str]:
    """Create permissions; return the key of each."""
    with account.share(share) as client:
        return {sddl: client.create_permission_for_share(sddl) for sddl in sorted(sddls)}


def fact_headers(facts: Facts, keys: Mapping[str, str]) -> dict[str, str]:
    """Spell facts as a request does, metadata aside.  Attributes are taken verbatim only along with a permission."""
    headers = {
        "x-ms-file-attributes": facts.attributes,
        "x-ms-file-creation-time": facts.created,
        "x-ms-file-last-write-time": facts.written,
        "x-ms-file-permission-key": keys[facts.sddl] if facts.sddl else "",
        "x-ms-file-property-semantics": "Restore" if facts.sddl else "",
    }
    return {name: value for name, value in headers.items() if value}


def metadata_headers(metadata: Mapping[str, str]) -> dict[str, str]:
    """Spell user metadata as a request does."""
    return {f"x-ms-meta-{name}": value for name, value in metadata.items()}


def content_headers(headers: Headers) -> dict[str, str]:
    """Spell content headers as a request does."""
    spelled = {
        "x-ms-content-type": headers.content_type,
        "x-ms-content-encoding": headers.encoding,
        "x-ms-content-language": headers.language,
        "x-ms-cache-control": headers.cache_control,
        "x-ms-content-disposition": headers.disposition,
        "x-ms-content-md5": headers.md5,
    }
    return {name: value for name, value in spelled.items() if value}


async def each(items: Iterable[T], work: Callable[[T], Awaitable[None]]) -> None:
    """Do ``work`` for every item, some at a time; the first failure ends it."""
    waiting = iter(items)

    async def worker() -> None:
        for item in waiting:
            await work(item)

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(CONCURRENT):
                group.create_task(worker())
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from None
