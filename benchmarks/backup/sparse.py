"""A sparse file on a share: very long, with a hundredth of it written, here and there."""

import secrets
from typing import Final

from azure.storage.fileshare import ShareClient

from benchmarks.backup.world import World

RANGE_BYTES: Final = 4 * 2**20


def create(world: World, share_name: str, gib: int) -> None:
    """Make a share with one file of so many GiB; a range of 4 MiB of random bytes is at the head of every 400 MiB."""
    length = gib * 2**30
    with ShareClient(world.files.url, share_name, credential=world.files.key) as share:
        share.create_share()
        with share.get_file_client("sparse.vhdx") as file:
            file.create_file(length)
            for offset in range(0, length, 100 * RANGE_BYTES):
                written = min(RANGE_BYTES, length - offset)
                file.upload_range(secrets.token_bytes(written), offset, written)
