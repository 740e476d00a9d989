"""Peers on the share that is backed up: what each takes, as metrics and as times to compare with."""

from dataclasses import dataclass

from azure.storage.fileshare import ShareClient

from benchmarks.backup.world import World
from benchmarks.peers import azcopy, rclone
from benchmarks.peers.program import Used
from benchmarks.report import Results

CONTAINER = "peer"


@dataclass(frozen=True, slots=True)
class Ran:
    """What a peer took, and what it asked of the share."""

    used: Used
    operations: dict[str, int]

    def results(self, name: str, files: int) -> Results:
        """Return it as metrics of a share of so many files."""
        return {
            f"{name}_wall_s": self.used.wall_s,
            f"{name}_cpu_us_per_file": self.used.cpu_s / files * 1e6,
            f"{name}_rss_mib": self.used.rss_mib,
            f"{name}_requests_per_file": sum(self.operations.values()) / files,
        }

    def __str__(self) -> str:
        """Say it in one line."""
        asked = ", ".join(f"{n:,} {name}" for name, n in sorted(self.operations.items(), key=lambda item: -item[1])[:4])
        return f"{self.used}; {asked}"


def with_rclone(world: World, verb: str, share_name: str) -> Ran:
    """Rclone ``copy`` or ``sync`` of a share to a container of Azurite."""
    world.control("DELETE", "/counters")
    home = world.directory / "rclone"
    used = rclone.transfer(verb, world.files, share_name, world.azurite, CONTAINER, home)
    return Ran(used, _operations(world, share_name))


def back_with_rclone(world: World, share_name: str) -> Ran:
    """Rclone ``copy`` of that container to a share, which has to be there for it."""
    with ShareClient(
        world.files.url, share_name, credential={"account_name": world.files.account, "account_key": world.files.key}
    ) as share:
        share.create_share()
    world.control("DELETE", "/counters")
    used = rclone.transfer_back(world.azurite, CONTAINER, world.files, share_name, world.directory / "rclone")
    return Ran(used, _operations(world, share_name))


def with_azcopy(world: World, verb: str, share_name: str) -> Ran:
    """AzCopy ``copy`` or ``sync`` of a share to a directory."""
    world.control("DELETE", "/counters")
    target = world.directory / "azcopied"
    used = azcopy.transfer(verb, world.files, share_name, target, world.directory / "azcopy")
    return Ran(used, _operations(world, share_name))


def _operations(world: World, share_name: str) -> dict[str, int]:
    counted = world.control("GET", f"/shares/{share_name}/counters")["operations"]
    return {name: counts["requests"] for name, counts in counted.items()}
