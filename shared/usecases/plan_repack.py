"""Which bundles are worth leaving, and which pages have files in them: a sweep's last piece (docs/adr/0016).

Pieces that mark tally what the share has now in each bundle, and for how long restore points hold it (:class:`BundleTally`). With the sizes that the vault
lists that is all that :mod:`shared.core.repacking` asks for. What it chooses is noted in the catalogue, page by page; the next backup sees to it
(:mod:`shared.usecases.copy_members`). Nothing is written to the vault, nothing deleted, and what is noted is a wish: a sweep that dies before it
leaves the wishes of the one before, or some of its own.

Memory: 40 bytes for each bundle of the share, and the tallies of some pieces.
"""

import math
from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shared.core import repacking
from shared.core.cost import GB, VAULT_TIER
from shared.core.outlook import MONTH_S
from shared.errors import IntegrityError, NotFound
from shared.formats import tally
from shared.formats.manifest import References
from shared.formats.marks import number_of
from shared.formats.tally import Tally
from shared.model.objects import bundle_name, tally_name
from shared.model.repack import BundleKey, Repack
from shared.model.sweep import SweepCommit, SweepOrder
from shared.usecases.scope import RunScope
from shared.usecases.sweep_objects import READS_AT_ONCE, ObjectSweeper
from shared.usecases.together import together

ROWS: Final = 2_000
"""Pages noted in one transaction."""

_SUMS: Final = ("members", "live", "pages")
_MERGED: Final = np.dtype([("number", "<u8"), *((name, "<f8") for name in _SUMS), ("held", "<f8")])
_LISTED: Final = np.dtype([("number", "<u8"), ("size", "<f8"), ("written", "<f8")])
Rows = NDArray[Any]


class BundleTally:
    """Of one piece of the tree."""

    def __init__(self, share_id: int, order: SweepOrder) -> None:
        self._share_id = share_id
        held = (math.inf if seconds is None else seconds for seconds in order.held_s)
        self._held = dict(zip(order.roots, held, strict=True))
        self._longest: dict[tuple[int, int], float] = {}
        self._bundles: dict[BundleKey, list[float]] = {}
        self._pages: list[tuple[int, BundleKey, int]] = []

    def add(self, page_id: int, record: References, shown: Sequence[int], *, is_current: bool) -> None:
        """Take in a record that the roots ``shown`` show, neighbours in order, or that the share has now."""
        held = 0.0
        if shown:
            between = shown[0], shown[-1]
            if between not in self._longest:
                self._longest[between] = max(map(self._held.__getitem__, shown))
            held = self._longest[between]
        for key, (members, live) in record.bundles.items():
            found = self._bundles.setdefault(key, [0, 0, 0.0])
            if held > found[2]:
                found[2] = held
            if is_current:
                found[0] += members
                found[1] += live
                self._pages.append((page_id, key, live))

    def encoded(self) -> bytes:
        """What goes to the vault."""
        places = {key: place for place, key in enumerate(self._bundles)}
        bundles = (
            (number_of(bundle_name(self._share_id, *key)), *key, int(members), int(live), held)
            for key, (members, live, held) in self._bundles.items()
        )
        pages = ((page_id, places[key], live) for page_id, key, live in self._pages)
        return tally.encode(tally.tally_of(bundles, pages))


async def plan_repack(scope: RunScope, order: SweepOrder, objects: ObjectSweeper, commit: SweepCommit) -> None:
    """Note what the next backup is to write into other bundles, in place of what was noted before, and report it."""
    try:
        merged = await _merged(scope)
    except IntegrityError:  # a worker of an earlier release has marked some of it: the next sweep finds out
        await scope.sweeps.forget_repacks(scope.share.share_id)
        return
    bundles, numbers = await _bundles(order, objects, merged)
    prices = scope.prices.vault[VAULT_TIER]
    tail = order.tail_s / MONTH_S
    chosen = repacking.choose(bundles, tail, prices)
    note = _Noting(scope, commit.batch_no)
    wanted = np.sort(numbers[chosen])
    if len(wanted):
        async for found in _tallies(scope):
            for noted in _of_these(found, wanted):
                await note.add(noted)
    await note.end()
    dead = float((bundles.size - bundles.live)[chosen].sum())
    told = {
        "bundles": len(chosen),
        "pages": note.pages,
        "copy_bytes": int(bundles.live[chosen].sum()),
        "freed_bytes": int(dead),
        "saves_per_month": round(dead / GB * prices.gb_month, 6),
        "costs": round(float(repacking.worth(bundles, tail, prices).costs[chosen].sum()), 6),
        "currency": scope.prices.currency,
        "all_bundles": len(numbers),
        "all_bytes": int(bundles.size.sum()),
        "all_live_bytes": int(bundles.live.sum()),
    }
    run, _ = await scope.catalogue.run(scope.run.run_id)
    await scope.catalogue.set_report(scope.run.run_id, {**(run.report or {}), "repack": told})


class _Noting:
    """Notes pages, many in one transaction."""

    def __init__(self, scope: RunScope, batch_no: int) -> None:
        self._scope, self._batch_no = scope, batch_no
        self._block: list[Repack] = []
        self._begun = False
        self.pages = 0

    async def add(self, noted: Repack) -> None:
        self._block.append(noted)
        self.pages += 1
        if len(self._block) >= ROWS:
            await self.end()

    async def end(self) -> None:
        """Note what is left."""
        scope = self._scope
        scope.stop.check()
        if self._block or not self._begun:
            await scope.sweeps.note_repacks(
                scope.run.run_id, self._batch_no, scope.share.share_id, self._block, anew=not self._begun
            )
        self._begun, self._block = True, []


async def _bundles(order: SweepOrder, objects: ObjectSweeper, merged: Rows) -> tuple[repacking.Bundles, Rows]:
    """What is known of the bundles that the share has something in, and the numbers that stand for them."""
    assert order.horizon is not None
    assert order.opened_at is not None
    parts: list[Rows] = []
    some: list[tuple[int, int, float]] = []
    async for found, key in objects.of_runs("bundle", ".tar.zst"):
        if key[0] <= order.horizon and found.size_bytes:
            some.append((number_of(found.name), found.size_bytes, found.written_at.timestamp()))
        if len(some) >= ROWS:
            parts.append(np.array(some, dtype=_LISTED))
            some = []
    there = np.concatenate([*parts, np.array(some, dtype=_LISTED)])
    there = there[np.argsort(there["number"])]
    numbers, mine, theirs = np.intersect1d(there["number"], merged["number"], assume_unique=True, return_indices=True)
    there, merged = there[mine], merged[theirs]
    bundles = repacking.Bundles(
        size=there["size"],
        live=merged["live"],
        members=merged["members"],
        pages=merged["pages"],
        age=np.maximum(0.0, order.opened_at.timestamp() - there["written"]) / MONTH_S,
        held=merged["held"] / MONTH_S,
    )
    return bundles, numbers


async def _merged(scope: RunScope) -> Rows:
    """What all pieces have found, a row for each bundle, by number. Raises ``IntegrityError``."""
    parts: list[Rows] = [np.empty(0, dtype=_MERGED)]
    async for found in _tallies(scope):
        part = np.zeros(len(found.bundles), dtype=_MERGED)
        for name in ("number", "members", "live", "held"):
            part[name] = found.bundles[name]
        part["pages"] = np.bincount(found.pages["bundle"], minlength=len(part))
        parts.append(part)
        if len(parts) > READS_AT_ONCE:
            parts = [_merge(parts)]
    return _merge(parts)


def _merge(parts: Sequence[Rows]) -> Rows:
    rows = np.concatenate(parts)
    numbers, places = np.unique(rows["number"], return_inverse=True)
    merged = np.zeros(len(numbers), dtype=_MERGED)
    merged["number"] = numbers
    for name in _SUMS:
        merged[name] = np.bincount(places, weights=rows[name], minlength=len(numbers))
    np.maximum.at(merged["held"], places, rows["held"])
    return merged


def _of_these(found: Tally, wanted: Rows) -> list[Repack]:
    """The pages that have files in the bundles of these numbers."""
    chosen = np.isin(found.bundles["number"], wanted)
    keys = [
        (int(b["run"]), int(b["batch"]), int(b["part"])) if of else None
        for b, of in zip(found.bundles, chosen, strict=True)
    ]
    noted: list[Repack] = []
    for page_id, place, live in found.pages[chosen[found.pages["bundle"]]].tolist():
        key = keys[place]
        assert key is not None
        noted.append(Repack(page_id, key, live))
    return noted


async def _tallies(scope: RunScope) -> AsyncIterator[Tally]:
    """What each piece has found. Raises ``IntegrityError`` when something of it is lost or damaged."""
    written = await scope.sweeps.marks_written(scope.run.run_id)

    async def read(batch_no: int) -> Tally:
        name = tally_name(scope.share.share_id, scope.run.run_no, batch_no)
        try:
            return tally.decode(await scope.vault.get(name))
        except NotFound as error:
            raise IntegrityError(f"{name} is not there") from error

    for start in range(0, len(written), READS_AT_ONCE):
        for found in await together(read(batch_no) for batch_no, _ in written[start : start + READS_AT_ONCE]):
            yield found
