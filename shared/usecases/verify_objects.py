"""Verify a share's objects as such: what the catalogue knows of them against what the vault lists, commit records, and whole segments.

Only of runs up to the newest restore point that is verified: they have ended, so that nothing of them is being written.
"""

from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Final

from shared.errors import IntegrityError, NotFound
from shared.formats import frame, point, segment
from shared.model.node import ROOT_ID
from shared.model.objects import bundle_name, permission_name, point_name, segment_name
from shared.model.point import PointRecord
from shared.model.run import Counters, RestorePoint
from shared.model.sweep import Ledger
from shared.model.verify import Finding, FindingKind, ItemKind, StoredBatch, VerifyItem
from shared.usecases.findings import Findings
from shared.usecases.scope import RunScope
from shared.usecases.vault_points import newest_ledger
from shared.usecases.verify_state import VerifyState

SEGMENTS_PER_PIECE: Final = 32
"""Segments that are read whole in one piece: 6 MiB each when they are large."""
NAMES_TOLD: Final = 20
_TAIL_BYTES: Final = 64
_TRAILER: Final = bytes(1024)
_ZSTD: Final = b"\x28\xb5\x2f\xfd"


class ObjectVerifier:
    """Verifies what is in no page."""

    def __init__(self, scope: RunScope, state: VerifyState, findings: Findings, counters: Counters) -> None:
        self._scope = scope
        self._share_id = scope.share.share_id
        self._state = state
        self._findings = findings
        self._counters = counters

    async def compare(self) -> None:
        """Catalogue against vault, in both directions."""
        await self._points()
        for key, (kind, reason) in self._state.bad_permissions.items():
            self._findings.note(kind, permission_name(self._share_id, key), reason)
        runs = await self._scope.verifies.runs_stored(self._share_id, self._state.order.restore_point)
        await self._batches(runs, "segment")
        await self._batches(runs, "bundle")

    # ------------------------------------------------------------------------------------------------------------ points

    async def _points(self) -> None:
        gone = {point.run_no for point in await self._scope.retentions.expired(self._share_id)}
        ledger = await newest_ledger(self._scope.vault, self._share_id)
        for row in self._state.points:
            before = max(
                (no for no in (*gone, *(p.run_no for p in self._state.points)) if no < row.run_no), default=None
            )
            name = point_name(self._share_id, row.run_no)
            own = {row.run_no}
            try:
                record = point.decode(await self._scope.vault.get(name))
            except NotFound:
                self._findings.note(FindingKind.LOST, name, "it is not in the vault", points=own)
                continue
            except IntegrityError as error:
                self._findings.note(FindingKind.DAMAGED, name, str(error), points=own)
                continue
            self._counters.records += 1
            for told in await self._differences(record, row, before, ledger):
                self._findings.note(FindingKind.POINT, name, told, points=own)
            bad = self._state.bad_permissions.get(record.root.permission_key)
            if bad is not None:
                key = permission_name(self._share_id, record.root.permission_key)
                self._findings.note(bad[0], key, bad[1], node_id=ROOT_ID, points=own)
        known = gone | {row.run_no for row in self._state.points}
        async for found, _ in self._scope.vault.names(f"{self._share_id}/point/"):
            if found.endswith(".expired"):
                continue
            number = _number(found.rpartition("/")[2].removesuffix(".fb"))
            if number is None or (number <= self._state.order.restore_point and number not in known):
                told = "the catalogue has no such restore point"
                self._findings.note(FindingKind.POINT, found, told, points=() if number is None else {number})

    async def _differences(
        self, record: PointRecord, row: RestorePoint, before: int | None, ledger: Ledger | None
    ) -> list[str]:
        told: list[str] = []
        share = self._scope.share
        if (record.tenant_id, record.share_id, record.run_no) != (share.tenant_id, share.share_id, row.run_no):
            told.append(f"it says it is point {record.run_no} of share {record.share_id} of {record.tenant_id!r}")
        numbers = (record.directories, record.files, record.bytes, record.errors)
        if numbers != (row.directories, row.files, row.bytes, row.errors):
            told.append(
                f"directories, files, bytes and errors are {numbers} in the vault and"
                f" {(row.directories, row.files, row.bytes, row.errors)} in the catalogue"
            )
        if record.previous_run_no != before:
            told.append(f"it says that it follows {record.previous_run_no}, and follows {before}")
        known = await self._scope.catalogue.committed_batches(self._share_id, before or 0, row.run_no)
        horizon = ledger.horizon if ledger is not None else 0
        stayed = {*ledger.segments} if ledger is not None else set()
        # What a sweep has deleted since is in the record for ever.
        named = {key for key in record.segments if key[0] > horizon or key in stayed}
        odd = sorted(named ^ {key for key in known if key[0] > horizon or key in stayed})
        if odd:
            told.append(f"vault and catalogue disagree about {len(odd)} of its segments, such as (run, batch) {odd[0]}")
        return told

    # ----------------------------------------------------------------------------------------------- segments and bundles

    async def _batches(self, runs: Sequence[int], folder: str) -> None:
        """Every segment, or bundle, that a run wrote is there in its size; what else is there nobody refers to."""
        left = set(runs)
        async for run_no, there in self._listed(folder):
            if run_no > self._state.order.restore_point:
                continue
            left.discard(run_no)
            stored = await self._scope.verifies.stored_of_run(self._share_id, run_no)
            self._compare(run_no, folder, self._expected(stored, folder), there)
        for run_no in sorted(left):
            stored = await self._scope.verifies.stored_of_run(self._share_id, run_no)
            self._compare(run_no, folder, self._expected(stored, folder), {})

    async def _listed(self, folder: str) -> AsyncIterator[tuple[int, dict[str, int]]]:
        """The vault's names and sizes, run by run: names of one run are neighbours in the listing."""
        prefix = f"{self._share_id}/{folder}/"
        run_no, there = 0, dict[str, int]()
        async for name, size_bytes in self._scope.vault.names(prefix):
            number = _number(name.removeprefix(prefix).partition("/")[0]) or 0
            if number != run_no and there:
                yield run_no, there
                there = {}
            run_no = number
            there[name] = size_bytes
        if there:
            yield run_no, there

    def _expected(self, stored: Sequence[StoredBatch], folder: str) -> dict[str, int]:
        if folder == "segment":
            return {
                segment_name(self._share_id, b.run_no, b.batch_no): b.segment_bytes
                for b in stored
                if not b.segment_swept
            }
        return {
            bundle_name(self._share_id, b.run_no, b.batch_no, part): size_bytes
            for b in stored
            for part, size_bytes in enumerate(b.bundle_bytes)
            if size_bytes > 0
        }

    def _compare(self, run_no: int, folder: str, expected: Mapping[str, int], there: Mapping[str, int]) -> None:
        for name, size_bytes in expected.items():
            found = there.get(name)
            if found is None:
                self._findings.note(FindingKind.LOST, name, "it is not in the vault")
            elif found != size_bytes:
                told = f"it has {found} bytes, and had {size_bytes} when it was written"
                self._findings.note(FindingKind.SIZE, name, told)
        orphans = sorted(there.keys() - expected.keys())
        if orphans:
            finding: Finding = self._findings.note(
                FindingKind.ORPHANS,
                f"{folder}s of run {run_no}",
                f"{len(orphans)} of its {folder}s are in the vault and nothing refers to them: its workers were stopped in between",
            )
            finding.bytes = sum(there[name] for name in orphans)
            finding.paths = orphans[:NAMES_TOLD]

    # -------------------------------------------------------------------------------------------------------- whole again

    async def read_whole(self, run_no: int, batch_nos: Sequence[int]) -> None:
        """Read segments whole, index and trailer too, and the ends of the bundles that were written with them."""
        stored = await self._scope.verifies.stored(self._share_id, [(run_no, batch_no) for batch_no in batch_nos])
        for batch in stored.values():
            self._scope.stop.check()
            name = segment_name(self._share_id, batch.run_no, batch.batch_no)
            if not batch.segment_swept:
                await self._twice(name, _read_segment, 0)
            for part, size_bytes in enumerate(batch.bundle_bytes):
                if size_bytes <= 0:
                    continue
                bundle = bundle_name(self._share_id, batch.run_no, batch.batch_no, part)
                await self._twice(bundle, _check_end, max(0, size_bytes - _TAIL_BYTES))

    async def _twice(self, name: str, check: Callable[[bytes], None], offset: int) -> None:
        for last in (False, True):
            try:
                check(await self._scope.vault.get(name, offset))
            except NotFound:
                self._findings.note(FindingKind.LOST, name, "it is not in the vault")
                return
            except IntegrityError as error:
                if last:
                    self._findings.note(FindingKind.DAMAGED, name, str(error))
            else:
                return


async def pieces_to_read(scope: RunScope, up_to_run_no: int) -> list[VerifyItem]:
    """The segments of a share's runs, some to a piece."""
    found: list[VerifyItem] = []
    for run_no in await scope.verifies.runs_stored(scope.share.share_id, up_to_run_no):
        numbers = [batch.batch_no for batch in await scope.verifies.stored_of_run(scope.share.share_id, run_no)]
        for start in range(0, len(numbers), SEGMENTS_PER_PIECE):
            some = {"batches": numbers[start : start + SEGMENTS_PER_PIECE]}
            found.append(VerifyItem(kind=ItemKind.SEGMENTS, low=run_no, high=run_no + 1, details=some))
    return found


def _read_segment(data: bytes) -> None:
    deque(segment.read(data), maxlen=0)


def _check_end(tail: bytes) -> None:
    """The last frame of a bundle, which is no file's: without it ``tar`` complains, and nothing else is lost."""
    start = tail.rfind(_ZSTD)
    if start < 0 or frame.unframe(tail[start:], len(_TRAILER)) != _TRAILER:
        raise IntegrityError("it does not end as it was written; files in it are checked by themselves")


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() else None
