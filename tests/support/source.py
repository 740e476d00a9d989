"""A share as Azure's SDK shows it, and how it differs from a restore point as the checker reads it from the vault."""

from dataclasses import dataclass
from hashlib import sha256

from shared.model import ticks
from shared.model.entry import Attributes

_INCLUDE = ("timestamps", "Etag", "Attributes", "PermissionKey")
_NAMES = {"ReadOnly": "READ_ONLY", "NotContentIndexed": "NOT_CONTENT_INDEXED", "NoScrubData": "NO_SCRUB_DATA"}


@dataclass(frozen=True, slots=True)
class Node:
    """What both sides say of a file or directory; times as the service writes them."""

    is_directory: bool
    file_id: int
    size_bytes: int
    digest: bytes
    times: tuple[str, ...]
    attributes: int
    permission_key: str


class Source:
    """Reads a share again and again; what has the same FileId and ETag as before is not downloaded once more."""

    def __init__(self):
        self._digests: dict[tuple[str, str], bytes] = {}

    def read(self, share):
        """Every node below the root by path. ``share`` is a ShareClient, of a share snapshot or of the share itself."""
        found = {}
        todo = [""]
        while todo:
            path = todo.pop()
            for item in share.get_directory_client(path or None).list_directories_and_files(include=list(_INCLUDE)):
                child = f"{path}/{item.name}" if path else item.name
                digest = b""
                if item.is_directory:
                    todo.append(child)
                else:
                    key = (item.file_id, item.etag)
                    if key not in self._digests:
                        data = b"" if not item.size else share.get_file_client(child).download_file().readall()
                        assert len(data) == item.size
                        self._digests[key] = sha256(data).digest()
                    digest = self._digests[key]
                found[child] = Node(
                    is_directory=item.is_directory,
                    file_id=int(item.file_id),
                    size_bytes=0 if item.is_directory else item.size,
                    digest=digest,
                    times=(item.creation_time, item.last_write_time, item.change_time),
                    attributes=_attributes(str(item.file_attributes)),
                    permission_key=item.permission_key or "",
                )
        return found


def of_point(checker, run_no):
    """The same of a restore point that ``checker`` found whole."""
    found = {}
    for path, saved in checker.trees[run_no].nodes.items():
        entry = saved.entry
        found[path] = Node(
            is_directory=entry.is_directory,
            file_id=entry.file_id,
            size_bytes=entry.size_bytes,
            digest=b"" if entry.is_directory else sha256(checker.contents.read(saved)).digest(),
            times=tuple(map(ticks.to_text, (entry.created, entry.written, entry.changed))),
            attributes=int(entry.attributes) & ~Attributes.DIRECTORY,
            permission_key=entry.permission_key,
        )
    return found


def differences(expected, found, most=10):
    """What a person would want to read when two trees differ."""
    lines = [f"missing: {path}" for path in sorted(expected.keys() - found.keys())]
    lines += [f"extra: {path}" for path in sorted(found.keys() - expected.keys())]
    for path in sorted(expected.keys() & found.keys()):
        lines += [f"{path}: {expected[path]} != {found[path]}"] if expected[path] != found[path] else []
    return lines[:most]


def _attributes(text):
    flags = Attributes.NONE
    for name in (part.strip() for part in text.split("|")):
        if name and name not in ("None", "Directory", "Normal"):
            flags |= Attributes[_NAMES.get(name, name.upper())]
    return int(flags)
