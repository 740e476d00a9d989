"""The vault as Azure's SDK shows it, and a memory of what it showed before: no object may ever change or go."""

from dataclasses import dataclass
from hashlib import sha256

from azure.storage.blob import ContainerClient


@dataclass(frozen=True, slots=True)
class Seen:
    """One object as it was when it was first seen."""

    etag: str
    digest: bytes


class Stored:
    """All objects of one share. ``refresh`` reads what is new; ``objects`` are bytes by name, without the share's number."""

    def __init__(self, connection, tenant_id, share_id):
        self._connection, self._container, self._prefix = connection, tenant_id, f"{share_id}/"
        self._seen: dict[str, Seen] = {}
        self.objects: dict[str, bytes] = {}

    def remember(self, other):
        """Have seen what another has seen."""
        self._seen, self.objects = dict(other._seen), dict(other.objects)

    def refresh(self, *, full):
        """Read new objects, and those whose ETag moved; with ``full`` all. Returns what changed that must not."""
        problems = []
        with ContainerClient.from_connection_string(self._connection, self._container) as container:
            listed = {}
            if container.exists():
                listed = {blob.name: blob.etag for blob in container.list_blobs(name_starts_with=self._prefix)}
            for name in sorted(self._seen.keys() - listed.keys()):
                problems.append(f"object {name} is gone")
                del self._seen[name], self.objects[name.removeprefix(self._prefix)]
            for name, etag in listed.items():
                before = self._seen.get(name)
                if before is not None and before.etag == etag and not full:
                    continue
                data = container.download_blob(name).readall()
                digest = sha256(data).digest()
                if before is not None and before.digest != digest:
                    problems.append(f"object {name} has changed: {len(data)} bytes now")
                elif before is not None and before.etag != etag:
                    problems.append(f"object {name} was written again, with the same bytes")
                self._seen[name] = Seen(etag, digest)
                self.objects[name.removeprefix(self._prefix)] = data
        return problems
