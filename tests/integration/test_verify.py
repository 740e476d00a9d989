"""A verify finds nothing in an intact vault, and whatever is damaged in another, with the files and restore points concerned."""

import secrets
from contextlib import nullcontext

import pytest

from shared.model.run import RunState
from shared.model.verify_order import VerifyLevel
from shared.usecases import verify_content
from tests.support.damage import Oracle, Vandal, numbers
from tests.support.share_tree import change, differences, fill, put, read_tree
from tests.support.world import world

QUICK, FULL = VerifyLevel.QUICK, VerifyLevel.FULL
MIB = 1024 * 1024


@pytest.fixture
async def files(postgres_url, azurite, files_emulator):
    async with world(postgres_url, azurite, files_emulator) as found:
        yield found


async def intact(files, *, all_points=True):
    """No level finds anything; returns the runs."""
    found = []
    for level in (QUICK, FULL):
        run = await files.verify(level, all_points=all_points)
        assert (run.state, await files.journal(run)) == (RunState.SUCCEEDED, []), run.report
        found.append(run)
    return found


def wide(share, count=70):
    for n in range(count):
        put(share, f"wide/{n:03d}.txt", b"x" * n)


async def test_nothing_is_found_in_an_intact_vault(files):
    share = files.client()
    fill(share)
    wide(share)
    await files.backup()
    change(share)
    for n in range(0, 70, 9):
        share.get_file_client(f"wide/{n:03d}.txt").delete_file()
    await files.backup()
    for n in range(100, 120):
        put(share, f"wide/{n:03d}.txt", b"y" * n)
    for n in range(1, 60):
        if n % 9:
            share.get_file_client(f"wide/{n:03d}.txt").delete_file()
    point = await files.backup()
    quick, full = await intact(files)
    assert quick.report["checked"]["files"] == point.counters.files
    assert quick.report["checked"]["directories"] == point.counters.directories
    assert quick.report["read"]["files"] == 0
    assert full.report["read"]["files"] > point.counters.files  # older versions too
    for run_no in (1, 2, 3):
        for level in (QUICK, FULL):
            run = await files.verify(level, run_no)
            assert (run.state, await files.journal(run)) == (RunState.SUCCEEDED, [])
            assert run.report["restore_points"] == {"newest": run_no, "oldest": run_no, "count": 1}


# ---------------------------------------------------------------------------------------------------------------------
# Damage


@pytest.fixture
async def damaged(files):
    """A share with three restore points and objects of every class, all points of which are verified at any level."""
    share = files.client()
    fill(share)
    wide(share, 30)
    put(share, "lonely/alone.bin", b"plain " * 3000)
    put(share, "large/listed.bin", bytes(range(251)) * 40_000)
    await files.backup()
    change(share)
    put(share, "lonely/alone.bin", b"second " * 3000)
    await files.backup()
    put(share, "wide/005.txt", b"third")
    await files.backup()
    return Scene(files)


class Scene:
    def __init__(self, files):
        self.files, self.vandal, self.oracle = files, Vandal(files), Oracle(files)
        self.names = self.vandal.names()

    async def found(self, level, name):
        """What a verify says of an object; it says nothing of any other."""
        run = await self.files.verify(level, all_points=True)
        lines = await self.files.journal(run)
        assert [line.details["object"] for line in lines] in ([], [f"{self.files.share.share_id}/{name}"]), lines
        assert run.state is (RunState.COMPLETED_WITH_ERRORS if lines else RunState.SUCCEEDED)
        assert run.report["damaged_objects"] == run.counters.errors == len(lines)
        assert all(line.hint for line in lines)
        return lines[0] if lines else None

    def told(self, line):
        """Names and restore points of a finding."""
        paths = line.details.get("paths", "").splitlines()
        return {path.rpartition("/")[2] for path in paths}, numbers(line.details.get("restore_points", ""))

    def concerned(self, name, only=None):
        """The same by the oracle, of files in an object; ``only`` those of which it says so."""
        found = [(no, path) for no, path, saved in self.oracle.files_in(name) if only is None or only(saved)]
        return {path.rpartition("/")[2] for _, path in found}, {no for no, _ in found}


async def test_damage_of_a_bundle_is_found(damaged):
    for name in [n for n in damaged.names if n.startswith("bundle/")][:1]:
        _, path, saved = next(iter(damaged.oracle.files_in(name)))
        at = saved.content.offset + saved.content.length // 2
        with damaged.vandal.instead(name, damaged.vandal.flipped(name, at)):
            assert await damaged.found(QUICK, name) is None
            line = await damaged.found(FULL, name)
            assert line.kind == "object_damaged", path
            assert damaged.told(line) == damaged.concerned(
                name, lambda s, at=saved.content.offset: s.content.offset == at
            )
        data = damaged.vandal.read(name)
        cut = saved.content.offset + saved.content.length - 1
        with damaged.vandal.instead(name, data[:cut]):
            for level in (QUICK, FULL):
                line = await damaged.found(level, name)
                beyond = damaged.concerned(name, lambda s, cut=cut: s.content.offset + s.content.length > cut)
                assert (line.kind, *damaged.told(line)) == ("object_size", *beyond)
        with damaged.vandal.instead(name, None):
            for level in (QUICK, FULL):
                line = await damaged.found(level, name)
                assert (line.kind, *damaged.told(line)) == ("object_lost", *damaged.concerned(name))
        with damaged.vandal.instead(name, damaged.vandal.flipped(name, len(data) - 3)):  # the end that is no file's
            assert await damaged.found(QUICK, name) is None
            line = await damaged.found(FULL, name)
            assert (line.kind, *damaged.told(line)) == ("object_damaged", set(), set())


def kinds_of_objects(scene):
    """A plain object, a content list, a chunk that is compressed and one that is not, a permission."""
    numbered = [n for n in scene.names if n.split("/")[0].isdigit()]
    plain = [n for n in numbered if not scene.vandal.read(n).startswith(b"AFBL")]
    lists = [n for n in numbered if n not in plain]
    chunks = [n for n in scene.names if n.startswith("chunk/")]
    permissions = [n for n in scene.names if n.startswith("permission/")]
    assert all((plain, lists, chunks, permissions))
    return plain, lists, chunks, permissions


async def test_damage_of_a_plain_object_is_found(damaged):
    for name in kinds_of_objects(damaged)[0][:1]:
        data = damaged.vandal.read(name)
        with damaged.vandal.instead(name, damaged.vandal.flipped(name, len(data) // 2)):
            assert await damaged.found(QUICK, name) is None
            line = await damaged.found(FULL, name)
            assert (line.kind, *damaged.told(line)) == ("object_damaged", *damaged.concerned(name))
        for instead, kind in ((data[:-1], "object_size"), (None, "object_lost")):
            with damaged.vandal.instead(name, instead):
                for level in (QUICK, FULL):
                    line = await damaged.found(level, name)
                    assert (line.kind, *damaged.told(line)) == (kind, *damaged.concerned(name))


async def test_damage_of_a_content_list_is_found(damaged):
    name = kinds_of_objects(damaged)[1][0]
    data = damaged.vandal.read(name)
    flipped = damaged.vandal.flipped(name, len(data) // 2)
    for instead, kind in ((flipped, "object_damaged"), (data[:-1], "object_damaged"), (None, "object_lost")):
        with damaged.vandal.instead(name, instead):
            for level in (QUICK, FULL):
                line = await damaged.found(level, name)
                assert (line.kind, *damaged.told(line)) == (kind, *damaged.concerned(name))


async def test_damage_of_a_chunk_is_found(damaged):
    for name in kinds_of_objects(damaged)[2][:2]:
        data = damaged.vandal.read(name)
        for instead, kind, by_quick in (
            (damaged.vandal.flipped(name, len(data) // 2), "object_damaged", False),
            (damaged.vandal.flipped(name, 4), "object_damaged", False),
            (data[:-1], "object_damaged", False),
            (data[:6], "object_size", True),
            (None, "object_lost", True),
        ):
            with damaged.vandal.instead(name, instead):
                line = await damaged.found(QUICK, name)
                assert (line is not None) == by_quick
                if line is not None:
                    assert (line.kind, *damaged.told(line)) == (kind, *damaged.concerned(name))
                line = await damaged.found(FULL, name)
                assert damaged.told(line) == damaged.concerned(name)


async def test_damage_of_a_permission_is_found(damaged):
    for name in kinds_of_objects(damaged)[3][:2]:
        data = damaged.vandal.read(name)
        expected = damaged.concerned(name)
        for instead, kind in (
            (damaged.vandal.flipped(name, len(data) // 2), "object_damaged"),
            (data[:-1], "object_damaged"),
            (None, "object_lost"),
        ):
            with damaged.vandal.instead(name, instead):
                line = await damaged.found(QUICK, name)
                assert (line is not None) == (instead is None)
                line = await damaged.found(FULL, name)
                paths, points = damaged.told(line)
                assert line.kind == kind
                assert paths <= expected[0]
                assert len(line.details["paths"].splitlines()) == min(len(expected[0]), 20)
                assert points >= expected[1]  # and those that the root had it at


async def test_damage_of_a_restore_point_is_found(damaged):
    for run_no in (1, 3):
        name = f"point/{run_no}.fb"
        data = damaged.vandal.read(name)
        flipped = damaged.vandal.flipped(name, len(data) // 2)
        for instead, kind in ((flipped, "object_damaged"), (data[:-1], "object_damaged"), (None, "object_lost")):
            with damaged.vandal.instead(name, instead):
                for level in (QUICK, FULL):
                    line = await damaged.found(level, name)
                    assert (line.kind, *damaged.told(line)) == (kind, set(), {run_no})


async def test_damage_of_a_segment_is_found(damaged):
    names = sorted({f"segment/{ref.run_no}/{ref.batch_no}.fb" for _, _, ref in damaged.oracle.refs()})
    for name in names[:: len(names) // 3]:
        data = damaged.vandal.read(name)
        ref = next(ref for _, _, ref in damaged.oracle.refs() if f"segment/{ref.run_no}/{ref.batch_no}.fb" == name)
        flipped = damaged.vandal.flipped(name, ref.offset + ref.length // 2)
        some = damaged.oracle.points_through(name, offsets={ref.offset})
        every = damaged.oracle.points_through(name)
        for instead, kind, concerned in (
            (flipped, "object_damaged", some),
            (data[: len(data) - 1], "object_size", set()),
            (None, "object_lost", every),
        ):
            with damaged.vandal.instead(name, instead):
                for level in (QUICK, FULL):
                    line = await damaged.found(level, name)
                    paths, points = damaged.told(line)
                    assert line.kind == kind
                    if any(damaged.oracle.newest(r) for _, _, r in damaged.oracle.refs() if r.run_no == ref.run_no):
                        assert (
                            points >= concerned
                        )  # of a newest record that is gone nobody can tell how old its page is
                    else:
                        assert points == concerned
                    assert bool(paths) == bool(concerned)
        for at in (len(data) - 20, len(data) - 2):  # index, trailer
            with damaged.vandal.instead(name, damaged.vandal.flipped(name, at)):
                assert await damaged.found(QUICK, name) is None
                assert (await damaged.found(FULL, name)).kind == "object_damaged"


# ---------------------------------------------------------------------------------------------------------------------
# Mending


async def test_a_backup_saves_again_what_a_verify_found_damaged_although_nothing_has_changed(damaged):
    files, vandal = damaged.files, damaged.vandal
    plain, lists, chunks, _ = kinds_of_objects(damaged)
    bundle = next(n for n in damaged.names if n.startswith("bundle/1/"))
    segment = next(
        f"segment/{ref.run_no}/{ref.batch_no}.fb" for no, _, ref in damaged.oracle.refs() if no == 3 and ref.run_no == 1
    )
    expected = read_tree(files.client())
    for name in (plain[-1], lists[0], bundle, chunks[0], segment):
        with vandal.instead(name, None) if "chunk" not in name else nullcontext():
            if "chunk" in name:
                vandal.delete(name)  # and the backup puts it back: it has the same name
            found = await files.verify()
            assert found.counters.errors == 1, name
            run = await files.backup()
            assert run.counters.changed_files >= 1 or "segment" in name, name
            again = await files.verify()
            # What older restore points have lost stays lost, and is told; the newest is whole.
            assert not any("restore_points" in line.details for line in await files.journal(again)), name
            assert again.state is RunState.SUCCEEDED or name in (bundle, segment)
            target = f"mended-{secrets.token_hex(4)}"
            await files.restore(run.run_no, target)
            assert differences(expected, read_tree(files.client(target))) == []
            still = await files.backup()
            assert (still.counters.changed_files, still.counters.changed_directories) == (0, 0), name
            if "chunk" not in name:
                older = await files.verify(all_points=True)
                (line,) = await files.journal(older)
                assert numbers(line.details["restore_points"]) & {1, 2, 3}, (
                    "what older restore points have lost is told again"
                )
    await files.nothing_is_damaged()  # each object came back in the end, and with it what had been lost


# ---------------------------------------------------------------------------------------------------------------------
# Files too large for one piece


async def test_a_very_large_file_is_read_in_pieces_by_many(files, monkeypatch):
    monkeypatch.setattr(verify_content, "PIECE_CHUNKS", 2)
    share = files.client()
    client = share.get_file_client("disk.img")
    client.create_file(60 * MIB)
    for place in (0, 1, 3, 4, 5, 9, 14):
        client.upload_range(secrets.token_bytes(MIB), place * 4 * MIB, MIB)
    put(share, "small.txt", b"small")
    await files.backup()
    full = await files.verify(FULL)
    assert full.state is RunState.SUCCEEDED
    assert (full.report["read"]["files"], full.report["read"]["bytes"]) == (2, 60 * MIB + 5)
    async with files.app.transaction() as conn:
        query = b"SELECT count(*) FROM batch WHERE run_id = %s AND kind = 4 AND state = 1"
        (pieces,) = await (await conn.execute(query, [full.run_id])).fetchone()
    assert pieces >= 1 + 1 + 4  # objects, pages, and seven chunks by two
    vandal = Vandal(files)
    chunks = [n for n in vandal.names() if n.startswith("chunk/")]
    assert len(chunks) == 7
    for name in chunks:
        with vandal.instead(name, vandal.flipped(name, 100_000)):
            run = await files.verify(FULL)
            (line,) = await files.journal(run)
            assert line.details["object"].endswith(name)
            assert (line.kind, line.path, line.details["files"]) == ("object_damaged", "disk.img", "1")
            assert run.report["read"]["unreadable"] == 1
