"""Whatever happens to a share between backups, every restore point comes back as it was, and the catalogue is the share."""

import random
import secrets

import pytest
from azure.storage.fileshare import ContentSettings

from shared.db import pages
from shared.model.run import RunState
from tests.support.share_tree import SDDL, differences, mkdir, put, read_kinds, read_tree
from tests.support.world import world

ROUNDS, CHANGES = 6, 12


class Owner:
    """Somebody who works on a share at random; ``tree`` is what they know to be there."""

    def __init__(self, share, seed):
        self.share, self.rng = share, random.Random(seed)
        self.keys = [share.create_permission_for_share(SDDL.format(n=n)) for n in (1, 2, 3)]

    def paths(self, kind):
        return sorted(path for path, found in read_kinds(self.share).items() if found == kind)

    def some_directory(self):
        return self.rng.choice(["", *self.paths("directory")])

    def name(self, kind):
        return f"{kind}{self.rng.randrange(30)}"

    def below(self, directory, name):
        return f"{directory}/{name}" if directory else name

    def content(self):
        return self.rng.randbytes(self.rng.choice((0, 1, 500, 20_000, 70_000)))

    def work(self):
        for _ in range(CHANGES):
            self.rng.choice(
                (
                    self.write,
                    self.write,
                    self.write,
                    self.make,
                    self.delete,
                    self.move_file,
                    self.move_directory,
                    self.touch,
                )
            )()

    def write(self):
        put(self.share, self.below(self.some_directory(), self.name("f")), self.content())

    def make(self):
        mkdir(self.share, self.below(self.some_directory(), self.name("d")), metadata={"made": self.name("m")})

    def delete(self):
        directories = self.paths("directory")
        if self.rng.random() < 0.4 and directories:
            self.delete_tree(self.rng.choice(directories))
        elif files := self.paths("file"):
            self.share.get_file_client(self.rng.choice(files)).delete_file()

    def delete_tree(self, path):
        below = [(p, kind) for p, kind in read_kinds(self.share).items() if p.startswith(path + "/")]
        for p, kind in sorted(below, reverse=True):
            (
                self.share.get_directory_client(p).delete_directory
                if kind == "directory"
                else self.share.get_file_client(p).delete_file
            )()
        self.share.get_directory_client(path).delete_directory()

    def move_file(self):
        if files := self.paths("file"):
            path = self.rng.choice(files)
            target = self.below(self.some_directory(), self.name("f"))
            if target != path:
                self.share.get_file_client(path).rename_file(target, overwrite=True)

    def move_directory(self):
        if directories := self.paths("directory"):
            path = self.rng.choice(directories)
            target = self.below(self.some_directory(), self.name("d"))
            if target not in directories and not f"{target}/".startswith(f"{path}/"):
                self.share.get_directory_client(path).rename_directory(target)

    def touch(self):
        kinds = read_kinds(self.share)
        if not kinds:
            return
        path = self.rng.choice(sorted(kinds))
        if kinds[path] == "directory":
            client = self.share.get_directory_client(path)
            client.set_http_headers(permission_key=self.rng.choice(self.keys))
            client.set_directory_metadata({"seen": self.name("x")})
        else:
            client = self.share.get_file_client(path)
            client.set_http_headers(ContentSettings(content_type="x/y"), permission_key=self.rng.choice(self.keys))
            client.set_file_metadata({"seen": self.name("x")})


async def catalogued(files):
    """``(path, size)`` of every node, rebuilt from the node view."""
    async with files.app.transaction() as conn:
        await pages.choose_share(conn, files.share.share_id)
        rows = await (await conn.execute("SELECT node_id, parent_id, name, size FROM node")).fetchall()
    by_id = {row[0]: row for row in rows}

    def path(row):
        parent = by_id[row[1]] if row[1] is not None else None
        return "" if parent is None else f"{path(parent)}/{row[2]}".lstrip("/")

    return {path(row): row[3] for row in rows if row[1] is not None}


@pytest.mark.parametrize("seed", [0, 2, *(pytest.param(seed, marks=pytest.mark.torture) for seed in (1, 3, 4, 5))])
async def test_every_restore_point_comes_back_as_it_was(postgres_url, azurite, files_emulator, seed):
    async with world(
        postgres_url, azurite, files_emulator, bundle_file_max_bytes=16 * 1024, large_file_bytes=64 * 1024
    ) as files:
        owner, points = Owner(files.client(), seed), {}
        for _ in range(ROUNDS):
            owner.work()
            run = await files.backup()
            assert run.state is RunState.SUCCEEDED, await files.journal(run)
            tree = points[run.run_no] = read_tree(files.client())
            expected = {p: len(n.content) if n.kind == "file" else None for p, n in tree.items()}
            assert await catalogued(files) == expected
        await files.nothing_is_damaged()
        for run_no in sorted(points, reverse=True):
            target = f"restored-{secrets.token_hex(4)}"
            restore = await files.restore(run_no, target)
            assert restore.state is RunState.SUCCEEDED, await files.journal(restore)
            assert differences(points[run_no], read_tree(files.client(target))) == [], f"restore point {run_no}"
