"""The report of a restore: what, from when, to where, verified how, and every exception.

It is made when the run ends, however it ends, and is kept twice: in the run's row what people look at, and in the vault all of it, as
lines of JSON in one zstd frame (``{share_id}/restore/{run_no}.jsonl.zst``), so that it can be read when the catalogue is lost and this
product is gone. The first line is the report; each further one an exception, an event of the run, or a directory that was not finished.

A restore that was cancelled or given up leaves its frontier: directories that nobody began, in which nothing was written, and those that some
worker held. Of the latter it is not known what was written, so they are looked at, with what is below them: a file is as it was saved, or is not.
"""

import datetime as dt
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import asdict, replace
from typing import Any, Final

import zstandard

from shared.core.conflicts import is_same
from shared.core.cost import restore_plan
from shared.core.paths import below
from shared.core.progress import worked_seconds
from shared.errors import BackupError
from shared.formats.frame import LEVEL
from shared.model.objects import restore_report_name
from shared.model.run import Run, RunState
from shared.model.work import RestoreItem
from shared.usecases import target
from shared.usecases.read_manifests import read_directories_at
from shared.usecases.restore_files import is_own_unfinished
from shared.usecases.scope import RunScope

VERIFIED: Final = (
    "the content of every file was compared with its BLAKE3 digest before it was written, and every request that wrote content carried"
    " its MD5, with which the service compared what it received"
)
UNFINISHED_PER_READ: Final = 1_000
LOOKED_AT_MAX: Final = 2_000
"""Directories that are looked at after a restore was cancelled: what a few workers can have been at."""


async def report_restore(scope: RunScope, state: RunState, error: str) -> dict[str, Any]:
    """Write the report to the vault, unless nothing was to be written at all, and return what goes into the run's row."""
    now = scope.clock.now()
    run, _ = await scope.catalogue.run(scope.run.run_id)
    report = await _report(scope, run, state, error, now)
    unfinished = [] if state in (RunState.SUCCEEDED, RunState.COMPLETED_WITH_ERRORS) else await _unfinished(scope, run)
    if unfinished:
        begun = [line for line in unfinished if line["begun"]]
        report["unfinished"] = {
            "directories": len(unfinished),
            "begun": len(begun),
            "files_written_in_them": sum(line["written"] for line in begun),
            "files_not_written_in_them": sum(line["not_written"] for line in begun),
        }
    if run.order is None or run.order.dry_run or not run.seeded:
        return report
    name = restore_report_name(scope.share.share_id, run.run_no)
    report["object"] = name
    packer = zstandard.ZstdCompressor(level=LEVEL, write_checksum=True).compressobj()
    data = bytearray()
    async for line in _lines(scope, report, unfinished):
        data += packer.compress(json.dumps(line, ensure_ascii=False, default=str).encode("utf-8", "replace") + b"\n")
    data += packer.flush()
    await scope.vault.put(name, data)
    return report


async def _report(scope: RunScope, run: Run, state: RunState, error: str, now: dt.datetime) -> dict[str, Any]:
    order, done = run.order, run.counters
    assert order is not None
    try:
        taken_at = (await scope.catalogue.restore_point(scope.share.share_id, order.restore_point)).taken_at.isoformat()
    except BackupError:  # it is what was wrong
        taken_at = None
    report: dict[str, Any] = {
        "restore_point": order.restore_point,
        "taken_at": taken_at,
        "from": {"share": scope.share.name, "path": order.path, "selection": order.selection.to_wire()},
        "to": {"account_url": order.account_url, "share_name": order.share_name, "path": order.target_path},
        "part": order.part.value,
        "conflicts": order.conflicts.value,
        "dry_run": order.dry_run,
        "requested_at": run.requested_at.isoformat(),
        "requested_by": order.requested_by or None,
        "ended_at": now.isoformat(),
        "state": state.value,
        "error": error or None,
        "written": {
            "files": done.files,
            "bytes": done.bytes,
            "replaced": done.replaced_files,
            "beside_others": done.kept_files,
            "directories_made": done.made_directories,
        },
        "not_written": {"same_already": done.same_files, "left_as_they_were": done.left_files},
        "removed": {"files": done.removed_files, "directories": done.removed_directories},
        "exceptions": done.errors,
        "verified": None if order.dry_run else VERIFIED,
    }
    if order.dry_run and run.seeded:
        tier = ""
        with suppress(BackupError):  # there may be no target share yet
            assert scope.admin is not None
            tier = (await scope.admin.properties()).get("access_tier", "")
        scanned_s = worked_seconds(run, now)
        workers = scope.limits.workers
        report["plan"] = restore_plan(done, scope.prices, walk_s=scanned_s, workers=workers, tier=tier)
        report["confirm"] = {"delete_at_most": done.removed_files + done.removed_directories}
    return report


async def _lines(
    scope: RunScope, report: dict[str, Any], unfinished: list[dict[str, Any]]
) -> AsyncIterator[dict[str, Any]]:
    yield report
    async for line in scope.journal.read(scope.run.key):
        yield {key: value for key, value in asdict(line).items() if value}
    for directory in unfinished:
        yield {"kind": "unfinished", **directory}


async def _unfinished(scope: RunScope, run: Run) -> list[dict[str, Any]]:
    """Every directory of which not everything was written, those that nobody began too."""
    lines: list[dict[str, Any]] = []
    after = 0
    while items := await scope.catalogue.restore_unfilled(run.run_id, after, UNFINISHED_PER_READ):
        after = items[-1][0].node_id
        for item, begun in items:
            lines.append({"path": item.path, "begun": begun, "written": 0, "not_written": 0})
            if begun and len(lines) < LOOKED_AT_MAX:
                lines += await _look(scope, item, lines[-1], LOOKED_AT_MAX - len(lines))
    return lines


async def _look(scope: RunScope, item: RestoreItem, line: dict[str, Any], room: int) -> list[dict[str, Any]]:
    """Compare a directory of the target with the restore point; fills in ``line``, returns those of the directories below.

    What a worker that was killed has left of a large file is deleted. Where files were chosen one by one the others count as not written.
    """
    assert scope.run.order is not None
    assert scope.writer is not None
    here = (
        await target.look(
            scope.writer, [replace(item, fresh=False)], ignore_case="posix" not in item.properties, at_once=1
        )
    )[item.node_id]
    pages = await read_directories_at(scope, [item.node_id], scope.run.order.restore_point)
    lines: list[dict[str, Any]] = []
    for entry in here.without(()) if here is not None else ():
        if is_own_unfinished(entry.name, scope.run.run_no):
            await scope.writer.delete_file(below(item.path, entry.name))
    for saved in [saved for page in pages.get(item.node_id, ()) for saved in page.entries]:
        met = here.get(saved.entry.name) if here is not None else None
        if not saved.entry.is_directory:
            line["written" if met is not None and is_same(saved.entry, met) else "not_written"] += 1
        elif met is not None and met.is_directory and len(lines) < room:
            path = below(item.path, saved.entry.name)
            child = RestoreItem(node_id=saved.node_id, path=path, properties=item.properties)
            lines.append({"path": path, "begun": True, "written": 0, "not_written": 0})
            lines += await _look(scope, child, lines[-1], room - len(lines))
    return lines
