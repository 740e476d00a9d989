"""AzCopy from a share to a directory of this machine, which is as far as it gets here.

From a share to a container it has the Blob service fetch every file by itself (Put Blob From URL), which Azurite does not do.
So what is measured is the share's side: ``sync`` of an unchanged share is the comparison that it makes file by file.
"""

import datetime as dt
from pathlib import Path

from azure.storage.fileshare import AccountSasPermissions, ResourceTypes, generate_account_sas

from benchmarks.peers import program
from benchmarks.peers.program import Used
from benchmarks.report import BenchmarkFailed
from localdev.services.files import FilesEmulator
from localdev.services.service import ROOT

PROGRAM = ROOT / "build/azcopy/node_modules/@azure-tools/azcopy-linux/dist/bin/azcopy_linux_amd64"


def transfer(verb: str, files: FilesEmulator, share_name: str, target: Path, home: Path) -> Used:
    """``copy`` or ``sync`` a share to a directory.

    :raises BenchmarkFailed: it is not installed, or failed.
    """
    if not PROGRAM.exists():
        raise BenchmarkFailed(
            f"{PROGRAM} is not installed: `make install` does it, on Linux on x86-64 with access to npm"
        )
    target.mkdir(parents=True, exist_ok=True)
    sas = generate_account_sas(
        files.account,
        files.key,
        resource_types=ResourceTypes(service=True, container=True, object=True),
        permission=AccountSasPermissions(read=True, list=True),
        expiry=dt.datetime.now(dt.UTC) + dt.timedelta(hours=6),
    )
    every = "/*" if verb == "copy" else ""
    return program.run(
        [
            *(PROGRAM, verb, f"{files.url}/{share_name}{every}?{sas}", target, "--recursive", "--from-to=FileLocal"),
            *("--skip-version-check", "--log-level=NONE", "--output-level=essential"),
        ],
        home,
    )
