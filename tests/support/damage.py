"""Damage one object of a vault, and say by independent means what that concerns."""

from contextlib import contextmanager

from azure.storage.blob import ContainerClient

from shared.core.history import next_hop
from tests.support.checker import Checker


class Vandal:
    """Changes objects of a share's vault behind the product's back, and undoes it."""

    def __init__(self, files):
        self._files = files
        self._prefix = f"{files.share.share_id}/"

    def _container(self):
        settings = self._files.app.settings
        return ContainerClient.from_connection_string(settings.vault_connection, self._files.share.tenant_id)

    def names(self):
        with self._container() as container:
            return [b.name.removeprefix(self._prefix) for b in container.list_blobs(name_starts_with=self._prefix)]

    def read(self, name):
        with self._container() as container:
            return container.download_blob(self._prefix + name).readall()

    def delete(self, name):
        with self._container() as container:
            container.delete_blob(self._prefix + name)

    def put(self, name, data):
        with self._container() as container:
            container.upload_blob(self._prefix + name, data)

    @contextmanager
    def instead(self, name, data):
        """While this lasts the object holds ``data``, or is gone if that is None."""
        with self._container() as container:
            before = container.download_blob(self._prefix + name).readall()
            if data is None:
                container.delete_blob(self._prefix + name)
            else:
                assert data != before
                container.upload_blob(self._prefix + name, data, overwrite=True)
            try:
                yield
            finally:
                container.upload_blob(self._prefix + name, before, overwrite=True)

    def flipped(self, name, at, bit=0):
        """With one bit the other way round."""
        data = bytearray(self.read(name))
        data[at] ^= 1 << bit
        return bytes(data)


class Oracle:
    """What an intact vault's objects are for, by the checker."""

    def __init__(self, files):
        settings = files.app.settings
        self._checker = Checker(settings.postgres_url, settings.vault_connection, files.share.share_id)
        assert self._checker.check() == []
        self.trees = self._checker.trees

    def files_in(self, name):
        """``(run_no, path, saved)`` of every file of every restore point that has content or its permission in an object."""
        contents = self._checker.contents
        return [
            (run_no, path, saved)
            for run_no, tree in self.trees.items()
            for path, saved in tree.nodes.items()
            if name in contents.names(saved.content)
            or name == f"permission/{saved.entry.permission_key.replace('*', '-')}"
        ]

    def points_through(self, name, *, offsets=None):
        """Restore points that cannot be read without a segment, or without those of its records that begin at ``offsets``."""
        records, rows = self._checker._records.by_ref, self._checker.catalogued.pages
        found = set()
        for run_no, tree in self.trees.items():
            for page in tree.pages:
                ref = rows[page].manifest
                while ref is not None:
                    if f"segment/{ref.run_no}/{ref.batch_no}.fb" == name and (not offsets or ref.offset in offsets):
                        found.add(run_no)
                    record = records[ref]
                    ref = next_hop(record, run_no) if record.run_no > run_no else None
        return found

    def refs(self):
        """``(run_no, page, ref)`` of every record that a restore point shows."""
        return [(run_no, page, ref) for run_no, tree in self.trees.items() for page, ref in tree.pages.items()]

    def newest(self, ref):
        """Whether a record is the one that its row names."""
        return any(page.manifest == ref for page in self._checker.catalogued.pages.values())


def numbers(text):
    """``1-3, 7`` as a set."""
    found = set()
    for part in filter(None, text.split(", ")):
        first, _, last = part.partition("-")
        found |= set(range(int(first), int(last or first) + 1))
    return found
