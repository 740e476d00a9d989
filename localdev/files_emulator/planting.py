"""Put nodes into a share under names that the REST protocol cannot say, as clients over SMB or NFS can.

Control characters, names of devices, dots only, halves of surrogate pairs, paths of more than 2,048 characters: such nodes
are listed, and every request for one of them is refused.
"""

from localdev.files_emulator import content, smb
from localdev.files_emulator.account import Account
from localdev.files_emulator.posix import DIRECTORY_DEFAULT, shared
from localdev.files_emulator.share import Share
from localdev.files_emulator.tree import Directory, File, Path


class PlantRefused(Exception):
    """Not even these protocols could."""


def plant(account: Account, share: Share, path: Path, data: bytes | None) -> None:
    """Make a file with ``data``, or a directory without, in a directory that is there.

    :raises PlantRefused: there is something of that name, or no such directory, or no file system has such names.
    """
    if not path or any(not part or "\0" in part or "/" in part for part in path):
        raise PlantRefused(f"no file system has a path like {path!r}")
    node: object = share.root
    for part in path[:-1]:
        node = node.child(node.key(part)) if isinstance(node, Directory) else None
    if not isinstance(node, Directory):
        raise PlantRefused(f"there is no directory {'/'.join(path[:-1])!r}")
    if node.child(node.key(path[-1])) is not None:
        raise PlantRefused(f"there is something at {'/'.join(path)!r}")
    parent, now = share.own_directory(path[:-1]), account.clock.tick()
    is_nfs, is_directory = share.is_nfs, data is None
    key = "" if is_nfs else account.permissions.inherited(parent.permission_key, is_directory=is_directory)
    if data is None:
        directory = Directory(
            share.take_number(), parent.number, path[-1], share.epoch, smb.DIRECTORY, key, now, now, now, now,
            posix=DIRECTORY_DEFAULT if is_nfs else None,
        )  # fmt: skip
        share.hang(parent, directory)
    else:
        file = File(
            share.take_number(), parent.number, path[-1], share.epoch, smb.ARCHIVE, key, now, now, now, now,
            size=len(data), posix=shared(0, 0, 0o664) if is_nfs else None,
            extents=content.write((), 0, len(data), account.blocks.keep(data)) if data else (),
        )  # fmt: skip
        share.hang(parent, file)
    share.touch(parent, now)
