"""Azurite: Blob, Queue and Table storage on this machine.

``make install`` puts it into ``build/azurite`` from the lock file in ``azurite_package/``.  The account and its key are
the ones that every Azure emulator and SDK publishes; they protect nothing.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from localdev.services import node, ports
from localdev.services.service import ROOT, Service, ServiceFailed

ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="

SCRIPT = ROOT / "build" / "azurite" / "node_modules" / "azurite" / "dist" / "src" / "azurite.js"


class Azurite(Service):
    """One Azurite on ``data``, serving three ports."""

    name: ClassVar[str] = "azurite"

    account: ClassVar[str] = ACCOUNT
    key: ClassVar[str] = KEY

    def __init__(self, data: Path, *, blob_port: int, queue_port: int, table_port: int, log: Path) -> None:
        super().__init__(log=log)
        self.data = data
        self.blob_port = blob_port
        self.queue_port = queue_port
        self.table_port = table_port

    @property
    def blob_url(self) -> str:
        """The Blob endpoint, account included."""
        return f"http://{ports.LOOPBACK}:{self.blob_port}/{ACCOUNT}"

    @property
    def queue_url(self) -> str:
        """The Queue endpoint, account included."""
        return f"http://{ports.LOOPBACK}:{self.queue_port}/{ACCOUNT}"

    @property
    def table_url(self) -> str:
        """The Table endpoint, account included."""
        return f"http://{ports.LOOPBACK}:{self.table_port}/{ACCOUNT}"

    @property
    def connection_string(self) -> str:
        """All three services in one connection string, for any SDK client.

        Endpoints are spelled out: ``UseDevelopmentStorage=true`` would mean the default ports.
        """
        return (
            f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={KEY};"
            f"BlobEndpoint={self.blob_url};QueueEndpoint={self.queue_url};TableEndpoint={self.table_url};"
        )

    @property
    def address(self) -> str:
        """The Blob endpoint, with the other ports."""
        return f"{self.blob_url} (queue {self.queue_port}, table {self.table_port})"

    def prepare(self) -> None:
        """Create the data directory."""
        if not SCRIPT.exists():
            raise ServiceFailed(f"azurite: {SCRIPT.relative_to(ROOT)} is missing: run `make install`")
        self.data.mkdir(parents=True, exist_ok=True)

    def command(self) -> Sequence[str | Path]:
        """Run it quietly and without telemetry.

        API versions are not checked, because the SDKs are newer than the newest version that it knows.
        """
        hosts = [word for kind in ("blob", "queue", "table") for word in (f"--{kind}Host", ports.LOOPBACK)]
        numbers = ["--blobPort", self.blob_port, "--queuePort", self.queue_port, "--tablePort", self.table_port]
        switches = ["--silent", "--disableTelemetry", "--skipApiVersionCheck"]
        return [node.program(), SCRIPT, "--location", self.data, *hosts, *map(str, numbers), *switches]

    def is_ready(self) -> bool:
        """Whether all three services accept connections."""
        return all(ports.accepts(port) for port in (self.blob_port, self.queue_port, self.table_port))
