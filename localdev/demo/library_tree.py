"""A real tree that nobody made up for the demo: the running Python's standard library and site-packages."""

import os
import sysconfig
from collections.abc import Iterator
from pathlib import Path

from localdev.demo.content import MIB, OnDisk
from localdev.demo.plan import Facts, Plan, PlannedDirectory, PlannedFile, time_text

LARGEST_BYTES = 4 * MIB
"""Larger ones, a dozen shared objects, are left out: the demo brings large files of its own."""

TOTAL_BYTES = 256 * MIB

_FORBIDDEN = frozenset('"\\:|<>*?')
_CACHE = "__pycache__"


def library_tree(below: str, *, cap: int) -> Plan:
    """Plan a copy of the libraries under the directory ``below``, times included.

    Source files come before compiled ones, one directory after the other, until there are ``cap`` files or
    ``TOTAL_BYTES`` of them.  What cannot be on such a share is left out: names it does not allow, names that differ only
    by case, links to directories.
    """
    found: list[tuple[str, Path, os.stat_result]] = []
    for name, root in _roots():
        for source, stat in _files(root, leave_out=[other for _, other in _roots() if other != root]):
            found.append((f"{below}/{name}/{source.relative_to(root).as_posix()}", source, stat))
    found.sort(key=lambda file: f"/{_CACHE}/" in file[0])  # stable: each kind keeps its order
    files: list[PlannedFile] = []
    size = 0
    for path, source, stat in found:
        if len(files) == cap:
            break
        if size + stat.st_size <= TOTAL_BYTES:
            size += stat.st_size
            files.append(PlannedFile(path, OnDisk(source, stat.st_size), _facts(stat)))
    return Plan(tuple(_directories(below, files)), tuple(files))


def _roots() -> list[tuple[str, Path]]:
    """Name the libraries; one may be inside the other."""
    names = {"lib": sysconfig.get_path("stdlib"), "site-packages": sysconfig.get_path("purelib")}
    return [(name, Path(path).resolve()) for name, path in names.items()]


def _files(root: Path, leave_out: list[Path]) -> Iterator[tuple[Path, os.stat_result]]:
    for directory, names, files in os.walk(root):
        here = Path(directory)
        names[:] = sorted(name for name in _distinct(names) if here / name not in leave_out and name != "site-packages")
        taken = {name.upper() for name in names}
        for name in sorted(_distinct(files)):
            path = here / name
            if name.upper() not in taken and path.is_file():
                stat = path.stat()
                if stat.st_size <= LARGEST_BYTES:
                    yield path, stat


def _distinct(names: list[str]) -> list[str]:
    """Leave out names a share cannot have, and those that differ from another only by case."""
    allowed = sorted((name for name in names if not _FORBIDDEN & set(name) and name.isprintable()), reverse=True)
    return list({name.upper(): name for name in allowed}.values())


def _directories(below: str, files: list[PlannedFile]) -> Iterator[PlannedDirectory]:
    """Yield the directories of ``files`` with the times of those they are copies of."""
    roots = dict(_roots())
    seen = {below}
    yield PlannedDirectory(below)
    for file in files:
        parts = file.path.split("/")
        for depth in range(below.count("/") + 2, len(parts)):
            path = "/".join(parts[:depth])
            if path not in seen:
                seen.add(path)
                name, *inner = parts[below.count("/") + 1 : depth]
                yield PlannedDirectory(path, _facts(roots[name].joinpath(*inner).stat()))


def _facts(stat: os.stat_result) -> Facts:
    # Unix knows no creation time; the time of the last change of the inode is at least another one.
    return Facts(created=time_text(stat.st_ctime_ns), written=time_text(stat.st_mtime_ns))
