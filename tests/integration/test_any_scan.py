"""Whatever happens to a share between scans and backups, a backup saves the share, and scans have no part in what it saves."""

import random
import secrets
from contextlib import closing, suppress
from dataclasses import replace

import pytest
from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError

from shared.core.rounds import Phase, RoundState
from shared.db import pages, runs, shares
from shared.model.run import RunKind, RunState
from tests.support.share_tree import Reader, differences, mkdir, put, read_tree
from tests.support.vault_check import objects, verify_references
from tests.support.world import world

RULES = [
    [],
    ["*.tmp"],
    ["d1/"],
    ["/wide/*.tmp", "/*/d2"],
    ["*.tmp", "!keep*.tmp"],
]


def leaves_out(rules, path, is_directory):
    """The same rules, said in another way."""
    parts = path.split("/")
    name = parts[-1]
    if rules == ["*.tmp"]:
        return name.endswith(".tmp")
    if rules == ["d1/"]:
        return is_directory and name == "d1"
    if rules == ["/wide/*.tmp", "/*/d2"]:
        return (len(parts) == 2 and parts[0] == "wide" and name.endswith(".tmp")) or (len(parts) == 2 and name == "d2")
    if rules == ["*.tmp", "!keep*.tmp"]:
        return name.endswith(".tmp") and not name.startswith("keep")
    return False


def kept(rules, tree):
    found = {}
    for path, node in sorted(tree.items()):
        parent = path.rpartition("/")[0]
        if (not parent or parent in found) and not leaves_out(rules, path, node.kind == "directory"):
            found[path] = node
    return found


class Owner:
    """Does something to a share."""

    def __init__(self, share, seed):
        self.share, self.random = share, random.Random(seed)

    def paths(self):
        """Path to whether it is a directory, and to its FileId."""
        with closing(Reader(self.share)) as reader:
            return {path: (listed.tag == "Directory", int(listed.findtext("FileId"))) for path, listed in reader.walk()}

    def name(self):
        kind = self.random.choice(["f", "g", "keep", "x"])
        return f"{kind}{self.random.randrange(12)}.{self.random.choice(['txt', 'tmp'])}"

    def below(self, parent, name):
        return f"{parent}/{name}" if parent else name

    def act(self):
        known = self.paths()
        directories = ["", *(p for p, (is_directory, _) in known.items() if is_directory)]
        some_files = [p for p, (is_directory, _) in known.items() if not is_directory]
        place = self.random.choice(["wide", *directories]) if "wide" in directories else self.random.choice(directories)
        action = self.random.choice(
            [
                "put",
                "put",
                "put",
                "rewrite",
                "delete",
                "rename",
                "move",
                "mkdir",
                "renamedir",
                "movedir",
                "rmdir",
                "pass",
            ]
        )
        target = self.below(place, self.name())
        if action == "put" and not known.get(target, (False,))[0]:
            put(self.share, target, secrets.token_bytes(self.random.randrange(1, 3000)))
        elif action == "mkdir":
            wanted = self.below(place, f"d{self.random.randrange(4)}")
            if wanted not in known:
                mkdir(self.share, wanted)
        elif action == "pass":  # something is made and taken back
            wanted = self.below(place, "passing")
            mkdir(self.share, wanted)
            return lambda: self.share.get_directory_client(wanted).delete_directory()
        elif some_files and action in ("rewrite", "delete", "rename", "move"):
            path = self.random.choice(some_files)
            file = self.share.get_file_client(path)
            if action == "rewrite":
                content = secrets.token_bytes(self.random.randrange(1, 3000))
                file.resize_file(len(content))
                file.upload_range(content, 0, len(content))
            elif action == "delete":
                file.delete_file()
            else:
                target = self.below(path.rpartition("/")[0], self.name()) if action == "rename" else target
                if target not in known:
                    file.rename_file(target)
        elif len(directories) > 1 and action in ("renamedir", "movedir", "rmdir"):
            path = self.random.choice(directories[1:])
            if action == "rmdir":
                self.delete(path)
            else:
                parent = path.rpartition("/")[0] if action == "renamedir" else place
                target = self.below(parent, f"d{self.random.randrange(9)}")
                if target not in known and not f"{target}/".startswith(f"{path}/"):
                    self.share.get_directory_client(path).rename_directory(target)
        return None

    def delete(self, path):
        for item in list(self.share.get_directory_client(path).list_directories_and_files()):
            child = f"{path}/{item.name}"
            if item.is_directory:
                self.delete(child)
            else:
                self.share.get_file_client(child).delete_file()
        self.share.get_directory_client(path).delete_directory()


async def nodes(files):
    """Path to node id and size of every live node but the root."""
    query = "SELECT p.path, n.node_id, n.size FROM node n CROSS JOIN LATERAL node_path(n.node_id) p"
    async with files.app.transaction() as conn:
        await pages.choose_share(conn, files.share.share_id)
        found = await (await conn.execute(query.encode())).fetchall()
    assert len({path for path, _, _ in found}) == len(found), "two nodes at one place"
    return {path: (node_id, size) for path, node_id, size in found if path}


async def queue_scan(files):
    async with files.app.transaction() as conn:
        return await runs.create(conn, files.share.tenant_id, files.share.share_id, RunKind.SCAN)


async def broken_scan(files, steps):
    """A scan that is given up on its way."""
    run = await queue_scan(files)
    limits = files.app.limits
    files.app.limits = replace(limits, activity_s=0.000001)  # one batch per step
    try:
        state = RoundState(run.run_id, 1)
        for _ in range(steps):
            if state.phase in (Phase.OPENING, Phase.WORKING):
                state = await files.step(run, state)
        given_up = RoundState(run.run_id, 1, phase=Phase.CLOSING, error="given up")
        done = await files.drive_on(run, given_up)
        assert done.state is RunState.FAILED
    finally:
        files.app.limits = limits


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
async def test_a_backup_saves_the_share_whatever_scans_came_before(postgres_url, azurite, files_emulator, seed):
    chance = random.Random(seed)
    async with world(postgres_url, azurite, files_emulator) as files:
        share = files.client()
        owner = Owner(share, seed)
        for n in range(25):
            put(share, f"wide/{'keep' if n % 5 == 0 else 'f'}{n}.{'tmp' if n % 3 else 'txt'}", b"%d" % n)
        rules, named, points, undo = [], {}, [], []
        for _ in range(8):
            for _ in range(chance.randrange(1, 9)):
                undo.append(owner.act())
            if chance.random() < 0.3:
                rules = chance.choice(RULES)
                async with files.app.transaction() as conn:
                    await shares.change_settings(conn, files.share.share_id, files.share.tenant_id, {"exclude": rules})
            kind = chance.choice(["scan", "scan", "broken", "backup", "both"])
            scan = None
            if kind == "broken":
                await broken_scan(files, chance.randrange(1, 4))
            elif kind != "backup":
                stored = await objects(files) if points else {}
                scan = await files.scan()
                assert scan.state is RunState.SUCCEEDED
                assert not points or await objects(files) == stored
                if not points:
                    tree = kept(rules, read_tree(share))
                    sizes = {p: None if n.kind == "directory" else len(n.content) for p, n in tree.items()}
                    assert {p: size for p, (_, size) in (await nodes(files)).items()} == sizes
            for take_back in undo:
                if take_back is not None:
                    with suppress(ResourceNotFoundError, ResourceExistsError):  # moved, gone or in use meanwhile
                        take_back()
                    scan = None
            undo.clear()
            if kind not in ("backup", "both"):
                continue
            first = not points  # until then a scan deletes what is gone itself
            run = await files.backup()
            assert (run.state, run.counters.errors) == (RunState.SUCCEEDED, 0), await files.journal(run)
            tree = kept(rules, read_tree(share))
            points.append((run, tree))
            if scan is not None:
                did, told = run.counters, scan.report
                assert (did.changed_files, did.changed_bytes) == (
                    told["to_transfer"]["files"],
                    told["to_transfer"]["bytes"],
                )
                assert did.new_files == told["changes"]["new_files"]
                assert did.new_directories == told["changes"]["new_directories"]
                assert first or did.deleted_directories == told["changes"]["deleted_directories"]
                assert first or did.deleted_files == told["changes"]["deleted_files"]
            after = await nodes(files)
            sizes = {p: None if n.kind == "directory" else len(n.content) for p, n in tree.items()}
            assert {p: size for p, (_, size) in after.items()} == sizes
            there = owner.paths()
            for path, (node_id, _) in after.items():
                file_id = there[path][1]
                assert named.setdefault(node_id, file_id) == file_id, f"{path}: number {node_id:x} was given twice"
            await verify_references(files, run.run_no)
        if not points or points[-1][1] != kept(rules, read_tree(share)):
            points.append((await files.backup(), kept(rules, read_tree(share))))
        for run, tree in [points[0], points[len(points) // 2], points[-1]]:
            target = f"restored-{secrets.token_hex(4)}"
            await files.restore(run.run_no, target)
            assert differences(tree, read_tree(files.client(target))) == []
