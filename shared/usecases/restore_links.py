"""Files with several names in a restore: one name is written as a file, the others are made links to it.

Which is which is decided in the catalogue when a worker comes to a name; the answer never changes, so a batch that is repeated
writes the same names. Links are made in the finishing pass, before the times of the directories they are in: then every file
is written, nobody writes it again, and no link can be made to what stood there before. Making a link changes the times of the
file, so each is followed by giving them back. A crash between any two steps leaves a batch that is done again: a link that is
there is replaced.

A restore that brings back some of a file's names makes one file with these. Names are taken for one file when FileId and
ChangeTime are equal: a name that the backup could only keep in an older version becomes a file of its own.
"""

import asyncio
from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from shared.core.conflicts import Action
from shared.errors import Rejected
from shared.model.content import ContentKind
from shared.model.entry import Entry
from shared.model.manifest import ContentHeaders, SavedEntry
from shared.model.work import LinkToMake, RestoreLink
from shared.usecases.open_restore import new_properties, properties_of
from shared.usecases.patience import patiently
from shared.usecases.scope import RunScope
from shared.usecases.together import together


@dataclass(frozen=True, slots=True)
class FileToRestore:
    """One file and where it goes."""

    saved: SavedEntry
    path: str
    directory_id: int = 0
    """Of the directory it is restored with."""
    action: Action = Action.WRITE
    there: Entry | None = None
    """What is at ``path``."""


async def first_names(scope: RunScope, files: Sequence[FileToRestore]) -> list[FileToRestore]:
    """Leave out, and note for later, those of ``files`` that are to be links to others, here or elsewhere."""
    links = {file.saved.node_id: _link(file) for file in files if _has_other_names(file.saved)}
    if not links:
        return list(files)
    first = await scope.catalogue.claim_links(scope.run.run_id, list(links.values()))
    return [file for file in files if file.saved.node_id not in links or file.saved.node_id in first]


def _has_other_names(saved: SavedEntry) -> bool:
    return saved.posix is not None and saved.posix.links > 1 and saved.content.kind is not ContentKind.UNSAVED


def _link(file: FileToRestore) -> RestoreLink:
    saved = file.saved
    headers = asdict(saved.headers) | {"md5": b64encode(saved.headers.md5).decode()}
    return RestoreLink(
        node_id=saved.node_id,
        file_id=saved.entry.file_id,
        changed=saved.entry.changed,
        path=file.path,
        properties=properties_of(saved.entry, saved.posix) | {"headers": headers},
    )


async def make_links(
    scope: RunScope, directory_ids: Sequence[int]
) -> tuple[list[RestoreLink], list[tuple[RestoreLink, str]]]:
    """Make the links in these directories; returns those made, and those that could not be, with the reason.

    Raises ``Retryable`` when the target is down.
    """
    wanted = await scope.catalogue.links_to_make(scope.run.run_id, directory_ids)
    gate = asyncio.Semaphore(scope.limits.concurrent_reads)

    async def make(one: LinkToMake) -> str:
        if not one.target_written:
            return f"it is a name of the file at {one.target!r}, which could not be written"
        async with gate:
            try:
                await patiently(lambda: _make(scope, one))
            except Rejected as error:
                return str(error)
        return ""

    reasons = await together(make(one) for one in wanted)
    made = [one.link for one, reason in zip(wanted, reasons, strict=True) if not reason]
    return made, [(one.link, reason) for one, reason in zip(wanted, reasons, strict=True) if reason]


async def _make(scope: RunScope, one: LinkToMake) -> None:
    writer = scope.writer
    assert writer is not None
    properties: dict[str, Any] = dict(one.link.properties)
    headers = properties["headers"]
    await writer.create_hard_link(one.link.path, one.target)
    await writer.set_file_properties(
        one.link.path,
        new_properties(properties, ""),
        ContentHeaders(**(headers | {"md5": b64decode(headers["md5"])})),
    )
