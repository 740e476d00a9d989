"""Import: a real tree of this machine becomes part of a share, with its times; what is sparse stays sparse."""

import os
import stat
from collections.abc import Iterator
from errno import ENXIO
from itertools import islice
from pathlib import Path as RealPath

from localdev.files_emulator import content, smb
from localdev.files_emulator.account import Account
from localdev.files_emulator.errors import ServiceError
from localdev.files_emulator.filling import Counts
from localdev.files_emulator.names import check_path
from localdev.files_emulator.posix import Posix, shared
from localdev.files_emulator.share import Share
from localdev.files_emulator.times import UNIX_EPOCH_TICKS
from localdev.files_emulator.tree import Directory, Entry, File, Path

_BLOCK_BYTES = 4 * 1024 * 1024
_BYTES_A_STEP = 16 * 1024 * 1024
_ENTRIES_A_STEP = 200


class ImportRefused(Exception):
    """The tree cannot be imported, with the reason."""


def import_tree(account: Account, share: Share, source: RealPath, skipped: list[str]) -> Iterator[Counts]:
    """Put what is in ``source`` into the share's root; directories join those there, files replace those there.

    Yields after each step what it has done. What a share cannot hold is left out and told in ``skipped``: links and
    devices (but NFS shares hold symbolic links), names that Azure refuses, on SMB shares names that differ in case only.

    :raises ImportRefused: ``source`` is not a directory that can be read.
    """
    if not source.is_dir():
        raise ImportRefused(f"{source} is not a directory")
    work = _Import(account, share, skipped)
    times: list[tuple[Path, os.stat_result]] = [((), source.stat())]
    waiting: list[tuple[Path, RealPath]] = [((), source)]
    while waiting:
        path, real = waiting.pop()
        for entry in sorted(_scanned(real, skipped), key=lambda entry: entry.name):
            there = (*path, entry.name)
            if entry.is_dir(follow_symlinks=False):
                if work.directory(there, entry):
                    times.append((there, entry.stat(follow_symlinks=False)))
                    waiting.append((there, RealPath(entry.path)))
            else:
                yield from work.file(there, entry)
            if sum(work.counts.values()) % _ENTRIES_A_STEP == 0:
                yield work.counts
    # Filling a directory touched it: its own times come last, deepest first.
    backwards = reversed(times)
    while batch := list(islice(backwards, _ENTRIES_A_STEP)):
        for path, status in batch:
            work.time(path, status)
        yield work.counts


def _scanned(directory: RealPath, skipped: list[str]) -> list["os.DirEntry[str]"]:
    try:
        with os.scandir(directory) as found:
            return list(found)
    except OSError as error:
        skipped.append(f"{directory}: {error.strerror}")
        return []


def _ticks(nanoseconds: int) -> int:
    return UNIX_EPOCH_TICKS + nanoseconds // 100


class _Import:
    """One import on its way."""

    def __init__(self, account: Account, share: Share, skipped: list[str]) -> None:
        self.counts: Counts = {"directories": 0, "files": 0, "bytes": 0, "skipped": 0}
        self._account = account
        self._share = share
        self._skipped = skipped

    def directory(self, path: Path, entry: "os.DirEntry[str]") -> bool:
        """Make a directory, unless it is there; return whether it is there now."""
        old = self._free(path, entry)
        if isinstance(old, Directory):
            return True
        if old is not None:
            return old != "" and self._leave(entry, "there is a file of that name")
        share, now = self._share, self._account.clock.tick()
        parent = share.own_directory(path[:-1])
        key = self._permission(parent, is_directory=True)
        directory = Directory(
            share.take_number(), parent.number, path[-1], share.epoch, smb.DIRECTORY, key, now, now, now, now,
            posix=self._posix(entry.stat(follow_symlinks=False)),
        )  # fmt: skip
        share.hang(parent, directory)
        share.touch(parent, now)
        self.counts["directories"] += 1
        return True

    def file(self, path: Path, entry: "os.DirEntry[str]") -> Iterator[Counts]:
        """Make a file, its content in steps."""
        if entry.is_symlink() and self._share.is_nfs:
            self._link(path, entry)
            return
        if not entry.is_file(follow_symlinks=False):
            self._leave(entry, "neither a file nor a directory")
            return
        old = self._free(path, entry)
        if old == "":
            return
        if isinstance(old, Directory):
            self._leave(entry, "there is a directory of that name")
            return
        try:
            handle = os.open(entry.path, os.O_RDONLY | os.O_NOFOLLOW)
        except OSError as error:
            self._leave(entry, error.strerror or "cannot be read")
            return
        try:
            status = os.fstat(handle)
            if not stat.S_ISREG(status.st_mode):
                self._leave(entry, "not a file any more")
                return
            yield from self._content(path, handle, status)
        finally:
            os.close(handle)

    def _content(self, path: Path, handle: int, status: os.stat_result) -> Iterator[Counts]:
        share, now = self._share, self._account.clock.tick()
        written = _ticks(status.st_mtime_ns)
        parent = share.own_directory(path[:-1])
        old = parent.child(parent.key(path[-1]))
        key = self._permission(parent, is_directory=False)
        file = File(
            share.take_number(), parent.number, path[-1], share.epoch, smb.ARCHIVE, key, written, written, written, now,
            size=status.st_size, posix=self._posix(status),
        )  # fmt: skip
        share.hang(parent, file)
        if old is None:
            share.touch(parent, now)
        self.counts["files"] += 1
        since = 0
        for at, data in _data(handle, status.st_size):
            if file.epoch != share.epoch:
                owned = share.own(path)
                if not isinstance(owned, File):
                    raise ImportRefused(f"/{'/'.join(path)} was replaced by a directory during the import")
                file = owned
            file.extents = content.write(file.extents, at, at + len(data), self._account.blocks.keep(data))
            share.changed(file)
            self.counts["bytes"] += len(data)
            since += len(data)
            if since >= _BYTES_A_STEP:
                yield self.counts
                since = 0
                if self._find(path) is not file and file.epoch == share.epoch:
                    return  # a client deleted or replaced it: it is the client's now

    def _link(self, path: Path, entry: "os.DirEntry[str]") -> None:
        """Make a symbolic link, which NFS shares can hold."""
        old = self._free(path, entry)
        if old == "":
            return
        if old is not None:
            self._leave(entry, "there is something of that name")
            return
        share, now, status = self._share, self._account.clock.tick(), entry.stat(follow_symlinks=False)
        text, written = os.readlink(entry.path), _ticks(status.st_mtime_ns)
        parent = share.own_directory(path[:-1])
        link = File(
            share.take_number(), parent.number, path[-1], share.epoch, 0, "", written, written, written, now,
            size=len(os.fsencode(text)), posix=Posix(status.st_uid, status.st_gid, 0o777, text),
        )  # fmt: skip
        share.hang(parent, link)
        share.touch(parent, now)
        self.counts["links"] = self.counts.get("links", 0) + 1

    def _posix(self, status: os.stat_result) -> Posix | None:
        return shared(status.st_uid, status.st_gid, status.st_mode & 0o7777) if self._share.is_nfs else None

    def _permission(self, parent: Directory, *, is_directory: bool) -> str:
        if self._share.is_nfs:
            return ""
        return self._account.permissions.inherited(parent.permission_key, is_directory=is_directory)

    def time(self, path: Path, status: os.stat_result) -> None:
        """Give a directory its real times."""
        if isinstance(self._find(path), Directory):
            directory = self._share.own_directory(path)
            directory.created = directory.accessed = directory.written = _ticks(status.st_mtime_ns)
            self._share.changed(directory)

    def _find(self, path: Path) -> Entry | None:
        node: Entry | None = self._share.root
        for part in path:
            node = node.child(node.key(part)) if isinstance(node, Directory) else None
        return node

    def _free(self, path: Path, entry: "os.DirEntry[str]") -> "Entry | str | None":
        """Return what is at ``path``, or an empty text if nothing may be."""
        try:
            path[-1].encode()
            check_path(path)
        except (ServiceError, UnicodeEncodeError):
            self._leave(entry, "Azure Files has no such names")
            return ""
        old = self._find(path)
        if old is not None and old.name != path[-1]:
            self._leave(entry, f"differs in case only from {old.name}")
            return ""
        return old

    def _leave(self, entry: "os.DirEntry[str]", why: str) -> bool:
        self.counts["skipped"] += 1
        self._skipped.append(f"{entry.path}: {why}")
        return False


def _data(handle: int, size: int) -> Iterator[tuple[int, bytes]]:
    """Yield position and bytes of what is not a hole, in blocks."""
    at = 0
    while at < size:
        try:
            at = os.lseek(handle, at, os.SEEK_DATA)
            end = min(size, os.lseek(handle, at, os.SEEK_HOLE))
        except OSError as error:
            if error.errno == ENXIO:  # there is only a hole to the end
                return
            raise
        while at < end:
            data = os.pread(handle, min(_BLOCK_BYTES, end - at), at)
            if not data:  # it became shorter
                return
            yield at, data
            at += len(data)
