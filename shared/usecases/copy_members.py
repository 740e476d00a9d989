"""Write files that have not changed into the batch's own bundles, so that the bundles they are in can go (docs/adr/0016).

They are read from the vault, never from the share, and held to their digest. Their entries stay what they are, the run that saved them included, but for
where the content is. A crash leaves what it leaves of any batch: objects that nothing refers to, and entries that refer to what they referred to before.
Bundles are not changed, and go when a sweep finds that nothing needs them any more.

A file that cannot be read from its bundle is damage that nobody knew of, and the share has it unchanged: it is told, and read again from there.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from shared.errors import IntegrityError
from shared.model.manifest import SavedEntry
from shared.usecases.read_content import ContentReader, Joined
from shared.usecases.save_files import FileSaver, FileToSave
from shared.usecases.scope import RunScope

READS_AT_ONCE: Final = 4
"""Each up to 8 MiB."""


@dataclass(frozen=True, slots=True)
class _Copy:
    file: FileToSave

    @property
    def saved(self) -> SavedEntry:
        """The manifest's entry."""
        previous = self.file.plan.previous
        assert previous is not None
        return previous


async def copy_members(
    scope: RunScope, saver: FileSaver, files: Sequence[FileToSave]
) -> list[tuple[FileToSave, IntegrityError]]:
    """Copy the content of ``files``, all in bundles; ``content`` tells where it is then.

    It is as it was of those that were left alone because the work is to stop.

    :returns: those that could not be read, and why.
    """
    reader = ContentReader(scope.vault, scope.share.share_id, scope.hasher)
    lost: list[tuple[FileToSave, IntegrityError]] = []
    planned, _ = reader.plan([_Copy(file) for file in files])
    pending: deque[tuple[Joined[_Copy], asyncio.Task[bytes]]] = deque()
    try:
        while (planned or pending) and not scope.stop:
            while planned and len(pending) < READS_AT_ONCE:
                joined = planned.pop(0)
                pending.append((joined, asyncio.create_task(reader.span(joined))))
            joined, task = pending.popleft()
            await _take_in(reader, saver, joined, task, lost)
    finally:
        for _, task in pending:
            task.cancel()
        await asyncio.gather(*(task for _, task in pending), return_exceptions=True)
    scope.stop.check()
    return lost


async def _take_in(
    reader: ContentReader,
    saver: FileSaver,
    joined: Joined[_Copy],
    task: asyncio.Task[bytes],
    lost: list[tuple[FileToSave, IntegrityError]],
) -> None:
    try:
        data = await task
    except IntegrityError as error:
        lost += [(copy.file, error) for copy in joined.span.items]
        return
    for copy in joined.span.items:
        try:
            body = await asyncio.to_thread(reader.member, joined, data, copy)
        except IntegrityError as error:
            lost.append((copy.file, error))
        else:
            await saver.take_over(copy.file, body)
