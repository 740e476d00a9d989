"""Whatever happens to an NFS share between backups, links included, every restore point comes back as it was."""

import random
import secrets

import pytest
from azure.storage.fileshare import ContentSettings

from shared.model.run import RunState
from tests.integration.test_any_change import CHANGES, Owner, catalogued
from tests.support.nfs_tree import differences, link, read_tree, symlink
from tests.support.world import world

ROUNDS = 4


class NfsOwner(Owner):
    """The same person at a Linux machine."""

    def __init__(self, share, seed):
        self.share, self.rng, self.soft = share, random.Random(seed), set()

    def nodes(self):
        """Kind of every node by path, from listings alone: a round looks some thirty times."""
        found = {}

        def walk(path):
            for item in self.share.list_directories_and_files(path or None):
                child = f"{path}/{item.name}" if path else item.name
                found[child] = self.kind(item)
                if item.is_directory:
                    walk(child)

        walk("")
        return found

    def kind(self, item):
        return "Directory" if item.is_directory else "SymLink" if item.file_id in self.soft else "Regular"

    def paths(self, kind):
        kinds = {"directory": ("Directory",), "file": ("Regular", "SymLink")}[kind]
        return sorted(path for path, found in self.nodes().items() if found in kinds)

    def work(self):
        few = (self.write, self.make, self.delete, self.move_file, self.move_directory, self.touch)
        for _ in range(CHANGES):
            self.rng.choice((*few, self.write, self.link, self.link, self.link, self.symlink))()

    def write(self):
        """In place if there is a file: under all its names."""
        if files := [path for path, kind in self.nodes().items() if kind == "Regular"]:
            path = self.rng.choice(sorted(files))
            if self.rng.random() < 0.4:
                content = self.content()
                self.share.get_file_client(path).create_file(len(content), data=content or None)
                return
        path = self.below(self.some_directory(), self.name("f"))
        if path not in self.nodes():
            content = self.content()
            self.share.get_file_client(path).create_file(len(content), data=content or None, owner=self.name(""))

    def link(self):
        files = [path for path, kind in self.nodes().items() if kind == "Regular"]
        if files:
            path = self.below(self.some_directory(), self.name("h"))
            if path not in self.nodes():
                link(self.share, path, self.rng.choice(sorted(files)))

    def symlink(self):
        path = self.below(self.some_directory(), self.name("s"))
        if path not in self.nodes():
            symlink(self.share, path, self.rng.choice(("..", "f1", "/nowhere", "x" * 300)))
            self.soft.add(self.share.get_file_client(path).get_file_properties().file_id)

    def delete_tree(self, path):
        below = {p: n for p, n in self.nodes().items() if p.startswith(path + "/")}
        for p, kind in sorted(below.items(), reverse=True):
            if kind == "Directory":
                self.share.get_directory_client(p).delete_directory()
            else:
                self.share.get_file_client(p).delete_file()
        self.share.get_directory_client(path).delete_directory()

    def move_file(self):
        if files := self.paths("file"):
            target = self.below(self.some_directory(), self.name("f"))
            if target not in self.nodes():
                self.share.get_file_client(self.rng.choice(files)).rename_file(target)

    def touch(self):
        nodes = self.nodes()
        if nodes:
            path = self.rng.choice(sorted(nodes))
            mode = f"{self.rng.randrange(0o10000):04o}"
            if nodes[path] == "Directory":
                self.share.get_directory_client(path).set_http_headers(file_mode=mode, group="5")
            elif nodes[path] == "Regular":
                self.share.get_file_client(path).set_http_headers(ContentSettings(content_type="x/y"), file_mode=mode)


@pytest.mark.parametrize("seed", range(2))
async def test_every_restore_point_of_an_nfs_share_comes_back_as_it_was(postgres_url, azurite, files_emulator, seed):
    async with world(
        postgres_url,
        azurite,
        files_emulator,
        protocol="NFS",
        bundle_file_max_bytes=16 * 1024,
        large_file_bytes=64 * 1024,
    ) as files:
        owner, points = NfsOwner(files.client(), seed), {}
        for _ in range(ROUNDS):
            owner.work()
            run = await files.backup()
            assert run.state is RunState.SUCCEEDED, await files.journal(run)
            tree = points[run.run_no] = read_tree(files.client())
            sizes = {
                p: len(n.content if n.kind == "Regular" else n.content.encode())
                for p, n in tree.items()
                if n.kind != "Directory"
            }
            assert await catalogued(files) == {p: sizes.get(p) for p in tree if p}
        await files.nothing_is_damaged()
        for run_no in sorted(points, reverse=True):
            target = f"restored-{secrets.token_hex(4)}"
            restore = await files.restore(run_no, target)
            assert restore.state is RunState.SUCCEEDED, await files.journal(restore)
            assert differences(points[run_no], read_tree(files.client(target))) == [], f"restore point {run_no}"
        # And the first, over what came after.
        await files.restore(min(points), target, create_share=False)
        tree = read_tree(files.client(target))
        assert all(tree[path].content == node.content for path, node in points[min(points)].items())
