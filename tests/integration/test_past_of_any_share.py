"""Whatever happened to a share between backups: its past, looked at in every way, is what the share was.

The oracle is the share itself, read through the SDK at the time of each backup; what needs node ids is reckoned by brute force from
the whole trees of all restore points, after these were compared with the share.
"""

import fnmatch
from dataclasses import dataclass
from itertools import combinations, pairwise

import pytest

from shared.adapters.metering import Meter
from shared.core.changes import changes
from shared.core.name_pattern import NamePattern
from shared.core.tally import Tally
from shared.model.manifest import SavedEntry
from shared.model.node import ROOT_ID
from shared.model.run import RunState
from shared.model.ticks import to_text
from shared.usecases import difference as difference_of
from shared.usecases import search_names
from shared.usecases.difference import difference
from shared.usecases.past import Past
from shared.usecases.search_names import search_latest, search_versions
from shared.usecases.versions import versions, whereabouts
from tests.integration.test_any_change import Owner
from tests.integration.test_any_change_nfs import NfsOwner
from tests.support.share_tree import read_tree
from tests.support.world import world

ROUNDS = 6


def past_of(files):
    meter = Meter()
    return Past(files.app.catalogue, files.app.vaults.vault(files.share.tenant_id, meter), files.share.share_id)


@dataclass
class Then:
    """A node at a restore point."""

    path: str
    parent: int
    saved: SavedEntry


async def browse(past, run_no, limit=3):
    """Every node of a restore point by node id, by going down from the root in small windows."""
    found, stack = {}, [(ROOT_ID, "")]
    while stack:
        directory_id, path = stack.pop()
        after = ""
        while True:
            window = await past.children(directory_id, run_no, after=after, limit=limit)
            for saved in window.entries:
                below = f"{path}/{saved.entry.name}" if path else saved.entry.name
                assert saved.node_id not in found
                found[saved.node_id] = Then(below, directory_id, saved)
                if saved.entry.is_directory:
                    stack.append((saved.node_id, below))
            if not (after := window.following):
                break
            assert window.entries
    return found


def as_source(tree):
    return {p: (n.kind, len(n.content), n.times[:2], n.metadata) for p, n in tree.items()}


def as_browsed(nodes):
    return {
        then.path: (
            "directory" if then.saved.entry.is_directory else "file",
            then.saved.entry.size_bytes,
            (to_text(then.saved.entry.created), to_text(then.saved.entry.written)),
            dict(then.saved.metadata),
        )
        for then in nodes.values()
    }


def stretches(points, state_at):
    """``(first, last, state)`` of neighbouring points with equal states, oldest first; None is no state."""
    found = []
    for point in points:
        state = state_at(point)
        if state is None:
            continue
        before = found[-1] if found else None
        if before and before[2] == state and points.index(before[1]) + 1 == points.index(point):
            found[-1] = (before[0], point, state)
        else:
            found.append((point, point, state))
    return found


def file_state(then):
    return then and (then.saved.entry.name, then.saved.entry.changed, then.saved.saved_run, then.saved.stale)


def directory_state(nodes, node_id):
    """Its own properties, where it is, and what is in it."""
    then = nodes.get(node_id)
    if then is None:
        return None
    inside = frozenset((n, *file_state(t)) for n, t in nodes.items() if t.parent == node_id)
    return (file_state(then), then.parent, inside)


def below(nodes, directory_id):
    """Everything below a directory, at any depth."""
    children = [n for n, then in nodes.items() if then.parent == directory_id]
    return {n: nodes[n] for n in children} | {k: v for n in children for k, v in below(nodes, n).items()}


def tally(before, after, existed_before, exist_after):
    """The same by brute force, of two sets of nodes; the other two are all nodes of the share."""
    found = Tally()

    def count(what, saved):
        kind = "directories" if saved.entry.is_directory else "files"
        setattr(found, f"{what}_{kind}", getattr(found, f"{what}_{kind}") + 1)
        if kind == "files":
            setattr(found, f"{what}_bytes", getattr(found, f"{what}_bytes") + saved.entry.size_bytes)

    for node_id in before.keys() & after.keys():
        a, b = before[node_id], after[node_id]
        said = changes(a.saved, b.saved)
        if a.parent != b.parent or said == ("name",):
            count("moved", b.saved)
        elif said:
            count("changed", b.saved)
    come = {(after[n].parent, after[n].saved.entry.name): after[n].saved for n in after.keys() - before.keys()}
    gone = {(before[n].parent, before[n].saved.entry.name): before[n].saved for n in before.keys() - after.keys()}
    for place in come.keys() & gone.keys():
        if not come[place].entry.is_directory and not gone[place].entry.is_directory:
            count("changed", come.pop(place))
            del gone[place]
    come, gone = list(come.values()), list(gone.values())
    for saved in come:
        if saved.entry.is_directory:
            count("moved" if saved.node_id in existed_before else "added", saved)
    for saved in gone:
        if saved.entry.is_directory:
            count("moved" if saved.node_id in exist_after else "deleted", saved)
    left = {}
    for saved in gone:
        if not saved.entry.is_directory:
            left.setdefault(saved.entry.file_id, []).append(saved)
    for saved in come:
        if not saved.entry.is_directory:
            names = left.get(saved.entry.file_id)
            count("moved" if names else "added", saved)
            if names:
                names.pop()
    for names in left.values():
        for saved in names:
            count("deleted", saved)
    return found


def compared(a, b, top):
    """What the older and the newer restore point have in the directories that belong to a subtree.

    Those are the ones in it now, wherever they were before, and those that were deleted from it; what moved away belongs elsewhere.
    """
    directories = {top} | {n for n, then in below(b, top).items() if then.saved.entry.is_directory}
    more = directories
    while more:
        more = {n for n, then in a.items() if then.parent in more and then.saved.entry.is_directory and n not in b}
        more -= directories
        directories |= more
    return tuple({n: then for n, then in nodes.items() if then.parent in directories} for nodes in (a, b))


async def all_differences(past, directory_id, older, newer, limit=2):
    children, after, parts = [], "", []
    while True:
        part = await difference(past, directory_id, older, newer, after=after, limit=limit)
        parts.append(part)
        children += part.children
        if not (after := part.following):
            return children, parts


async def check_difference(files, points, older, newer):
    a, b, past = points[older], points[newer], past_of(files)
    whole = await difference(past, ROOT_ID, older, newer, limit=1000)
    assert (whole.moves_known, whole.unreadable, whole.following) == (True, (), "")
    assert whole.total == tally(a, b, a, b)
    windows, _ = await all_differences(past, ROOT_ID, older, newer)
    assert [(c.shown, c.changes) for c in windows] == [(c.shown, c.changes) for c in whole.children]
    for child in whole.children:
        if child.below is None:
            continue
        node_id = (child.after or child.before).node_id
        if child.before is not None and child.after is not None:
            # Alone, so files that moved to or from elsewhere came or went.
            alone = await difference(past, node_id, older, newer, limit=1000)
            assert alone.total == tally(*compared(a, b, node_id), a, b), child.shown.entry.name
            assert bool(child.below) == bool(alone.total)
    named = {saved.node_id for c in whole.children if c.changes for saved in (c.before, c.after) if saved}
    expected = {
        n
        for n in {n for t in (a, b) for n, then in t.items() if then.parent == ROOT_ID}
        if (n in a) != (n in b)
        or a[n].parent != b[n].parent
        or changes(a[n].saved, b[n].saved)
        or (a[n].saved.entry.is_directory and tally(*compared(a, b, n), a, b))
    }
    assert named == expected


async def check_small_difference(files, points, monkeypatch):
    """With few directories to an answer it is windows that end early, and parts that say so."""
    older, newer = min(points), max(points)
    whole = await difference(past_of(files), ROOT_ID, older, newer, limit=1000)
    monkeypatch.setattr(difference_of, "DIRECTORIES_MAX", 2)
    children, parts = await all_differences(past_of(files), ROOT_ID, older, newer, limit=1000)
    assert len(parts) > 1 or not all(child.complete for child in children)
    assert [c.shown for c in children] == [c.shown for c in whole.children]
    for part, all_of_it in zip(children, whole.children, strict=True):
        if part.complete:
            assert (part.changes, bool(part.below)) == (all_of_it.changes, bool(all_of_it.below))
        else:
            assert all_of_it.below


def last_of(points, node_id):
    return max(number for number, nodes in points.items() if node_id in nodes)


def named_alike(points, numbers, node_id, step):
    """The other file that has the node's name right before it came, or right after it went."""
    shown_at = [number for number in numbers if node_id in points[number]]
    edge = shown_at[-1] if step > 0 else shown_at[0]
    at = numbers.index(edge) + step
    if not 0 <= at < len(numbers):
        return None
    place = (points[edge][node_id].parent, points[edge][node_id].saved.entry.name)
    for n, then in points[numbers[at]].items():
        if (then.parent, then.saved.entry.name) == place and not then.saved.entry.is_directory:
            return n
    return None


async def check_versions(files, points):
    numbers, past = sorted(points), past_of(files)
    for node_id in {n for nodes in points.values() for n in nodes}:
        own = [number for number in numbers if node_id in points[number]]
        is_directory = points[own[0]][node_id].saved.entry.is_directory

        def state(number, node_id=node_id, is_directory=is_directory):
            nodes = points[number]
            return directory_state(nodes, node_id) if is_directory else file_state(nodes.get(node_id))

        newest = node_id
        # A file goes on as the one that took its name, if that was nowhere before, and was before the one whose name it took.
        while not is_directory and (heir := named_alike(points, numbers, newest, 1)):
            if any(heir in points[number] for number in numbers if number <= last_of(points, newest)):
                break
            newest = heir
        expected, one, until = [], newest, numbers[-1]
        last_shown = last_of(points, newest)
        while one is not None:
            some = [number for number in numbers if number <= until]
            found = stretches(some, lambda number, n=one: state(number, n))
            expected += [(first, last) for first, last, _ in reversed(found)]
            until = found[0][0] - 1
            one = None if is_directory else named_alike(points, numbers, one, -1)
        told, after = [], ""
        while True:
            some, after = await versions(past, node_id, own[0], after=after, limit=2)
            told += some
            if not after:
                break
        if last_shown != numbers[-1]:
            assert (told[0].first, told[0].changes) == (numbers[numbers.index(last_shown) + 1], ("deleted",))
            del told[0]
        assert [(v.first, v.last) for v in told] == expected, (node_id, told)
        assert told[-1].changes == ("created",)
        for version, older in pairwise(told):
            assert version.changes
            assert version.saved == points[version.last][version.saved.node_id].saved
            assert version.directory_id == points[version.last][version.saved.node_id].parent
            if not is_directory:
                assert version.changes == changes(older.saved, version.saved)


async def check_places(files, points):
    """Where everything was, whatever was moved before and after; and windows that begin at a name."""
    for number, nodes in points.items():
        past = past_of(files)
        for node_id, then in nodes.items():
            assert await whereabouts(past, node_id, number) == then.path
        for directory_id in {then.parent for then in nodes.values()}:
            names = sorted(then.saved.entry.name for then in nodes.values() if then.parent == directory_id)
            for begin in {"!", names[0], names[-1], names[len(names) // 2][:2], names[-1] + "~"}:
                window = await past.children(directory_id, number, begin=begin, limit=2)
                shown = [saved.entry.name for saved in window.entries]
                assert shown == [name for name in names if name >= begin][:2]


async def check_search(files, points, pattern):
    numbers = sorted(points)
    expected = []
    for node_id in {n for nodes in points.values() for n in nodes}:
        for first, last, state in stretches(numbers, lambda number, n=node_id: file_state(points[number].get(n))):
            if fnmatch.fnmatchcase(state[0].lower(), pattern.lower()):
                expected.append((node_id, state[0], first, last))
    found, after = [], ""
    while True:
        answer = await search_versions(
            past_of(files), files.app.clock, NamePattern.parse(pattern), after=after, limit=3
        )
        assert not answer.unreadable
        found += [
            (one.shown.saved.node_id, one.shown.saved.entry.name, one.shown.first, one.shown.last)
            for one in answer.found
        ]
        if not (after := answer.following):
            break
    # Of a directory that was moved each place has its own.
    assert sorted(found) == sorted(expected)
    latest = points[numbers[-1]]
    live, after = [], ""
    while True:
        some, after = await search_latest(
            past_of(files), files.app.clock, NamePattern.parse(pattern), after=after, limit=3
        )
        live += [(node.node_id, path, node.size_bytes) for node, path in some]
        if not after:
            break
    assert sorted(live) == sorted(
        (n, t.path, None if t.saved.entry.is_directory else t.saved.entry.size_bytes)
        for n, t in latest.items()
        if fnmatch.fnmatchcase(t.saved.entry.name.lower(), pattern.lower())
    )


async def check(files, points, monkeypatch):
    """Everything that can be asked, of restore points of which all nodes are known."""
    for older, newer in combinations(sorted(points), 2):
        await check_difference(files, points, older, newer)
    await check_versions(files, points)
    await check_places(files, points)
    for pattern in ("*", "f1?", "[DF]*2"):
        await check_search(files, points, pattern)
    await check_small_difference(files, points, monkeypatch)
    # In the smallest steps.
    monkeypatch.setattr(search_names, "SEARCH_S", 0)
    monkeypatch.setattr(search_names, "SLICE_DIRECTORIES", 2)
    monkeypatch.setattr(search_names, "SLICE_RECORDS", 3)
    monkeypatch.setattr(search_names, "SLICE_PAGES", 2)
    await check_search(files, points, "*1*")


@pytest.mark.parametrize("seed", [1, pytest.param(0, marks=pytest.mark.torture)])
async def test_the_past_is_what_the_share_was(postgres_url, azurite, files_emulator, seed, monkeypatch):
    async with world(postgres_url, azurite, files_emulator) as files:
        owner, points = Owner(files.client(), seed + 100), {}
        for _ in range(ROUNDS):
            owner.work()
            run = await files.backup()
            assert run.state is RunState.SUCCEEDED, await files.journal(run)
            points[run.run_no] = read_tree(files.client())
        for run_no, tree in list(points.items()):
            past = past_of(files)
            nodes = await browse(past, run_no)
            assert as_browsed(nodes) == as_source(tree), f"restore point {run_no}"
            for node_id, then in nodes.items():
                assert (await past.resolve(then.path.upper(), run_no)).node_id == node_id
            points[run_no] = nodes
        await check(files, points, monkeypatch)


async def test_the_past_of_an_nfs_share_is_what_it_was(postgres_url, azurite, files_emulator, monkeypatch):
    async with world(postgres_url, azurite, files_emulator, protocol="NFS") as files:
        owner, points = NfsOwner(files.client(), 100), {}
        for _ in range(ROUNDS - 1):
            owner.work()
            run = await files.backup()
            assert run.state is RunState.SUCCEEDED, await files.journal(run)
            points[run.run_no] = owner.nodes()
        for run_no, kinds in list(points.items()):
            nodes = await browse(past_of(files), run_no)
            assert {then.path: kind_of(then.saved) for then in nodes.values()} == kinds, f"restore point {run_no}"
            for node_id, then in nodes.items():
                assert (await past_of(files).resolve(then.path, run_no)).node_id == node_id
            points[run_no] = nodes
        await check(files, points, monkeypatch)


def kind_of(saved):
    return "Directory" if saved.entry.is_directory else "SymLink" if saved.posix.link_text else "Regular"
