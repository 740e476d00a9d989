"""Trees that clients carry between a disk and a share, and how to read both back without any client.

A tree on disk is ``{path: content}``, ``None`` for a directory. A share is read with the tests' own signer, and every
header of every node is looked at.
"""

import os
import random
from base64 import b64encode
from dataclasses import dataclass, field
from hashlib import md5
from pathlib import Path
from urllib.parse import quote, unquote
from xml.etree import ElementTree

MIB = 1024 * 1024
DOTS = {"x-ms-allow-trailing-dot": "true"}
Disk = dict[str, bytes | None]


def awkward(*, trailing: bool) -> Disk:
    """A tree with what has gone wrong in one client or other: sizes, depths, names.

    ``trailing``: with dots and a space at the end of names.
    """
    bits = random.Random(3)
    tree: Disk = {
        "empty": b"",
        "one byte": b"x",
        "five.bin": bits.randbytes(5 * MIB),
        "nine.bin": bits.randbytes(9 * MIB + 1),
        "four exactly.bin": bits.randbytes(4 * MIB),
        "sparse.img": bytes(6 * MIB) + b"the end",
        "empty directory": None,
        "nested": None,
        "nested/empty": None,
        "Mixed Case": None,
        "Mixed Case/ReadMe.TXT": b"case is kept",
        "a+b": None,
        "a+b/100%.txt": b"percent",
        "a+b/%41 is not A": b"percent and hexadecimal",
        "a+b/c#d&e=f;g@h,i'j!k(l)[m]{n}^`~$.txt": b"punctuation",
        "space ": None,
        "space / leading": b"space",
        "unicode": None,
        "unicode/e\u0301 combining": b"decomposed",
        "unicode/\u00e9 composed": b"composed",
        "unicode/\u041f\u0440\u0438\u0432\u0435\u0442": "\u043c\u0438\u0440".encode(),
        "unicode/\U0001f600 \U0001f468\u200d\U0001f469\u200d\U0001f467": b"emoji",
        "unicode/\u65e5\u672c\u8a9e": b"",
        "n" * 255: b"long name",
        "\u0416" * 127: b"254 bytes in UTF-8",
    }
    path = ""
    for depth in range(9):
        path = f"{path}/level {depth}" if path else "deep"
        tree[path] = None
        tree[f"{path}/leaf"] = b"leaf %d" % depth
    if trailing:
        tree["space / trailing "] = b"space"
        tree |= {"dots...": None, "dots.../file.": b"trailing dots", "dots.../..two": b"leading dots"}
    return tree


def write_disk(root: Path, tree: Disk, *, mtime: int = 1_600_000_000):
    """Make a tree on disk; every file gets a time of its own, ``mtime`` and up, in whole seconds."""
    root.mkdir(exist_ok=True)
    for number, (path, content) in enumerate(tree.items()):
        if content is None:
            (root / path).mkdir(parents=True, exist_ok=True)
        else:
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_bytes(content)
            os.utime(root / path, (mtime + number, mtime + number))


def read_disk(root: Path) -> Disk:
    """Return a tree on disk."""
    return {str(path.relative_to(root)): None if path.is_dir() else path.read_bytes() for path in root.rglob("*")}


@dataclass
class Node:
    """A node of a share; ``content`` is ``None`` for a directory. Times in the wire's spelling."""

    content: bytes | None
    attributes: str
    created: str
    written: str
    changed: str
    permission_key: str
    headers: dict[str, str] = field(repr=False)

    @property
    def metadata(self):
        return {n[10:]: v for n, v in self.headers.items() if n.startswith("x-ms-meta-")}

    @property
    def smb(self):
        """What a copy with all properties keeps."""
        return (self.attributes, self.created, self.written, self.permission_key)


def read_share(raw, share, path="", snapshot="") -> dict[str, Node]:
    """Return everything below a directory of a share, by its path below it, read through the tests' own client.

    Asserts on the way that the listing and the nodes' own answers agree.
    """
    found: dict[str, Node] = {}
    query = {"sharesnapshot": snapshot} if snapshot else {}
    _read(raw, f"{share}/{quote(path)}".rstrip("/"), "", query, found)
    return found


def _read(raw, base, below, query, found):
    here = f"{base}/{quote(below)}".rstrip("/")
    marker = {}
    while True:
        wanted = {"restype": "directory", "comp": "list", "include": "Timestamps,ETag,Attributes,PermissionKey"}
        answer = raw.send("GET", here, {**wanted, **query, **marker}, DOTS)
        assert answer.status == 200, (here, answer)
        root = ElementTree.fromstring(answer.body)
        for entry in root.iterfind("Entries/*"):
            path = f"{below}/{_name(entry)}".lstrip("/")
            found[path] = _node(raw, f"{base}/{quote(path)}", query, entry)
            if entry.tag == "Directory":
                _read(raw, base, path, query, found)
        following = root.findtext("NextMarker")
        if not following:
            return
        marker = {"marker": following}


def _name(entry):
    element = entry.find("Name")
    return unquote(element.text) if element.get("Encoded") else element.text


def _node(raw, path, query, entry):
    is_file = entry.tag == "File"
    answer = raw.send("GET", path, query if is_file else {"restype": "directory", **query}, DOTS)
    assert answer.status == 200, (path, answer)
    headers = answer.headers
    properties = entry.find("Properties")
    listed = (
        entry.findtext("Attributes"),
        *(properties.findtext(name) for name in ("CreationTime", "LastWriteTime", "ChangeTime")),
        entry.findtext("PermissionKey"),
    )
    names = ("attributes", "creation-time", "last-write-time", "change-time", "permission-key")
    assert listed == tuple(headers[f"x-ms-file-{name}"] for name in names), path
    if is_file:
        assert int(properties.findtext("Content-Length")) == len(answer.body), path
    return Node(answer.body if is_file else None, *listed, headers)


def contents(tree: dict[str, Node]) -> Disk:
    """Return a share's tree as one on disk would be."""
    return {path: node.content for path, node in tree.items()}


def digest(content: bytes):
    """Content-MD5."""
    return b64encode(md5(content, usedforsecurity=False).digest()).decode()


def put_disk(raw, share, tree: Disk, **headers: str):
    """Make a tree in a share through the tests' own client; ``headers`` of files, ``_`` for ``-``."""
    extra = {name.replace("_", "-"): value for name, value in headers.items()} | DOTS
    for path, content in tree.items():
        target = f"{share}/{quote(path)}"
        if content is None:
            assert raw.send("PUT", target, {"restype": "directory"}, DOTS).status == 201, path
            continue
        first = content if len(content) <= 4 * MIB else b""
        assert raw.put(target, first, extra, len(content)).status == 201, path
        for offset in range(0, 0 if first else len(content), 4 * MIB):
            piece = content[offset : offset + 4 * MIB]
            span = {"x-ms-range": f"bytes={offset}-{offset + len(piece) - 1}", "x-ms-write": "update", **DOTS}
            span["x-ms-file-last-write-time"] = "preserve"
            assert raw.send("PUT", target, {"comp": "range"}, span, piece).status == 201, path


def differences(expected: Disk, found: Disk):
    """What a person would want to read when two trees differ."""
    lines = [f"missing: {path}" for path in expected.keys() - found.keys()]
    lines += [f"extra: {path}" for path in found.keys() - expected.keys()]
    lines += [
        f"{path}: {_brief(expected[path])} became {_brief(found[path])}"
        for path in expected.keys() & found.keys()
        if expected[path] != found[path]
    ]
    return sorted(lines)


def _brief(content):
    return "a directory" if content is None else f"{len(content)} bytes {content[:20]!r}"
