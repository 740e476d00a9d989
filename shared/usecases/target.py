"""What is on the target of a restore already."""

import asyncio
from collections.abc import Iterable, Mapping

from shared.core.rules import fold
from shared.model.entry import Entry
from shared.model.work import RestoreItem
from shared.ports.share_writer import ShareWriter
from shared.usecases.patience import patiently
from shared.usecases.together import together


class Here:
    """The entries of one directory of the target, by name."""

    def __init__(self, entries: Iterable[Entry], *, ignore_case: bool) -> None:
        """``ignore_case``: names that differ in case only name the same node, as on SMB shares."""
        self._ignore_case = ignore_case
        self._entries = {self._key(entry.name): entry for entry in entries}

    def get(self, name: str) -> Entry | None:
        """What a file or directory of this name would meet."""
        return self._entries.get(self._key(name))

    def without(self, names: Iterable[str]) -> list[Entry]:
        """All that has none of these names."""
        known = {self._key(name) for name in names}
        return [entry for key, entry in self._entries.items() if key not in known]

    def _key(self, name: str) -> str:
        return fold(name) if self._ignore_case else name


NOTHING = Here((), ignore_case=False)


async def look(
    writer: ShareWriter, items: Iterable[RestoreItem], *, ignore_case: bool, at_once: int, at: str | None = None
) -> Mapping[int, Here | None]:
    """What is in the place of each directory, by node id; None: there is no such directory.

    :param at: a share snapshot; None: now.
    """
    gate = asyncio.Semaphore(at_once)

    async def one(item: RestoreItem) -> tuple[int, Here | None]:
        if item.fresh:
            return item.node_id, NOTHING
        async with gate:
            found = await patiently(lambda: writer.entries(item.path, at))
        return item.node_id, None if found is None else Here(found, ignore_case=ignore_case)

    return dict(await together(one(item) for item in items))


async def remove(writer: ShareWriter, path: str, entry: Entry, *, at_once: int) -> None:
    """Delete a file, or a directory with all below it. Safe to repeat; ends early only by raising."""
    if not entry.is_directory:
        await patiently(lambda: writer.delete_file(path))
        return
    gate = asyncio.Semaphore(at_once)

    async def file(below: str) -> None:
        async with gate:
            await patiently(lambda: writer.delete_file(below))

    for found in await patiently(lambda: writer.entries(path)) or []:
        if found.is_directory:
            await remove(writer, f"{path}/{found.name}", found, at_once=at_once)
    while files := [e for e in await patiently(lambda: writer.entries(path)) or [] if not e.is_directory]:
        await together(file(f"{path}/{e.name}") for e in files)
    await patiently(lambda: writer.delete_directory(path))


async def count(writer: ShareWriter, path: str, entry: Entry) -> tuple[int, int]:
    """Files and directories that :func:`remove` would delete."""
    if not entry.is_directory:
        return 1, 0
    files, directories = 0, 1
    for found in await patiently(lambda: writer.entries(path)) or []:
        below = await count(writer, f"{path}/{found.name}", found)
        files, directories = files + below[0], directories + below[1]
    return files, directories
