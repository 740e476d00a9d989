"""Open a rebuild: read the restore points, find out which segments there are, and make them work.

Only restore points say which segments count. One that is damaged or gone takes its list along; then all segments of the runs it
covered are taken: what a run wrote and did not commit is older than what was committed later, or the same. Safe to repeat at any
point: items are added once, and the run counts as seeded when all are there.

Numbers that the vault has seen are never given again: neither those of runs that left nothing but objects, nor of directories.
"""

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import Final

from shared.errors import NotFound
from shared.model.node import SLOT_BITS
from shared.model.objects import point_name, segment_name
from shared.model.rebuild import Loss, RebuildItem, Task, segment_item_no
from shared.ports.vault import Vault
from shared.usecases.scope import RunScope
from shared.usecases.vault_points import VaultPoints, read_points

ITEMS_AT_ONCE: Final = 5_000

Segments = dict[tuple[int, int], int]
"""Size in bytes by run and batch."""


async def open_rebuild(scope: RunScope) -> None:
    """QUEUED to RUNNING with all segments to be read.

    :raises NotFound: the vault has no restore point of the share, or not the one that was asked for.
    :raises Conflict: the share has a catalogue, and it was not said that it may be replaced.
    """
    assert scope.rebuilds is not None
    share_id, run, order = scope.share.share_id, scope.run, scope.run.rebuild
    assert order is not None
    every = await read_points(scope.vault, share_id)
    found = chosen(every, order.restore_point, share_id)  # before anything is dropped
    await scope.rebuilds.begin(run.run_id)
    if run.seeded:
        return  # it goes on after a pause
    assert found.newest is not None
    newest = found.newest.run_no
    losses = list(_lost_points(found, share_id, newest))
    await scope.rebuilds.lost_at_opening(share_id, [(loss.object, loss.to_wire()) for loss in losses])
    there = await _segments_there(scope.vault, share_id)
    bundles = await bundles_there(scope.vault, share_id)
    items = [RebuildItem(Task.PLAN, 0)]
    for run_no, batch_no in sorted(named(found, newest, there)):
        key = (run_no, batch_no)
        items.append(RebuildItem(Task.SEGMENT, segment_item_no(*key), there.get(key, -1), tuple(bundles.get(key, ()))))
    for start in range(0, len(items), ITEMS_AT_ONCE):
        await scope.rebuilds.add_items(run.run_id, share_id, items[start : start + ITEMS_AT_ONCE])
    directory_no = max((r.origin.next_directory_no for r in every.records.values() if r.origin is not None), default=2)
    run_no = max([every.highest, run.run_no, *(run_no for run_no, _ in (*there, *bundles))])
    async for seen_directory, seen_run in _node_objects(scope.vault, share_id):
        run_no, directory_no = max(run_no, seen_run), max(directory_no, seen_directory + 1)
    await scope.rebuilds.seed(run.run_id, share_id, run_no=run_no + 1, directory_no=directory_no)


def chosen(every: VaultPoints, wanted: int | None, share_id: int) -> VaultPoints:
    """The restore points that the catalogue will have, damaged ones included.

    :raises NotFound: none of them can be read, or not the one that is wanted.
    """
    if wanted is not None and wanted not in every.kept:
        there = ", ".join(map(str, every.kept[-10:])) or "none"
        why = "it was let go" if wanted in every.expired else every.damaged.get(wanted, "the vault does not have it")
        raise NotFound(f"restore point {wanted} of share {share_id} cannot be read: {why}; hint: these can be: {there}")
    found = every.up_to(wanted)
    newest = found.newest
    if newest is None:
        raise NotFound(
            f"the vault has no readable restore point of share {share_id}; hint: is this the vault's account?"
        )
    chain = set(found.chain(newest.run_no))
    return replace(
        found,
        records={no: record for no, record in found.records.items() if no in chain},
        damaged={no: why for no, why in found.damaged.items() if no in chain or no > newest.run_no},
    )


def named(found: VaultPoints, newest: int, there: Segments) -> set[tuple[int, int]]:
    """The segments that count: those that restore points name, and all of the runs that a damaged one covered.

    Of those that a sweep has looked at, the ones that it has left.
    """
    segments: set[tuple[int, int]] = set()
    before = 0
    for run_no in found.chain(newest):
        record = found.records.get(run_no)
        if record is not None:
            segments.update(record.segments)
        else:
            segments.update(key for key in there if before < key[0] <= run_no)
        before = run_no
    if found.ledger is None:
        return segments
    horizon, stayed = found.ledger.horizon, {*found.ledger.segments}
    return {key for key in segments if key[0] > horizon or key in stayed}


def _lost_points(found: VaultPoints, share_id: int, newest: int) -> Iterator[Loss]:
    if found.ledger_trouble:
        name, _, why = found.ledger_trouble.partition(": ")
        yield Loss(
            object=name,
            reason=why,
            restore_points=(),
            directories=0,
            hint="what sweeps have deleted since the one before is told as lost, and is not; the next sweep writes a new one",
        )
    for run_no, why in found.damaged.items():
        if run_no in found.expired:
            continue
        hint = "its files can be restored as of the restore points before and after it"
        if run_no > newest:
            hint = f"the catalogue is that of restore point {newest}; start a backup: it finds what has changed since"
        yield Loss(object=point_name(share_id, run_no), reason=why, restore_points=(run_no,), directories=0, hint=hint)


async def _segments_there(vault: Vault, share_id: int) -> Segments:
    found: Segments = {}
    prefix = f"{share_id}/segment/"
    async for name, size in vault.names(prefix):
        run_no, _, batch_no = name.removeprefix(prefix).removesuffix(".fb").partition("/")
        if run_no.isdecimal() and batch_no.isdecimal() and segment_name(share_id, int(run_no), int(batch_no)) == name:
            found[int(run_no), int(batch_no)] = size
    return found


async def bundles_there(vault: Vault, share_id: int) -> dict[tuple[int, int], list[int]]:
    """Sizes of bundles by run and batch, in order of their parts."""
    found: dict[tuple[int, int], dict[int, int]] = {}
    prefix = f"{share_id}/bundle/"
    async for name, size in vault.names(prefix):
        run_no, _, rest = name.removeprefix(prefix).removesuffix(".tar.zst").partition("/")
        batch_no, _, part = rest.partition("-")
        if run_no.isdecimal() and batch_no.isdecimal() and (part.isdecimal() or not part):
            found.setdefault((int(run_no), int(batch_no)), {})[int(part or 0)] = size
    return {key: [parts.get(part, 0) for part in range(max(parts) + 1)] for key, parts in found.items()}


async def _node_objects(vault: Vault, share_id: int) -> AsyncIterator[tuple[int, int]]:
    """Directory and run number of every object that is named by them. Digits sort before all other folders' names."""
    prefix = f"{share_id}/"
    async for name, _ in vault.names(prefix):
        node_id, _, run_no = name.removeprefix(prefix).partition("/")
        if not node_id.isdecimal():
            return
        if run_no.isdecimal():
            yield int(node_id) >> SLOT_BITS, int(run_no)
