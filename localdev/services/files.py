"""The Azure Files emulator as a service."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from localdev.services import ports
from localdev.services.azurite import ACCOUNT, KEY
from localdev.services.service import ROOT, Service


class FilesEmulator(Service):
    """One emulator; shares live in ``data``, or in memory only if that is ``None``."""

    name: ClassVar[str] = "files"

    account: ClassVar[str] = ACCOUNT
    key: ClassVar[str] = KEY

    def __init__(self, data: Path | None, *, port: int, control_port: int, log: Path) -> None:
        super().__init__(log=log, environ={"PYTHONUNBUFFERED": "1", "PYTHONPATH": str(ROOT)})
        self.data = data
        self.port = port
        self.control_port = control_port

    @property
    def url(self) -> str:
        """The account's URL, without a slash at the end."""
        return f"http://{ports.LOOPBACK}:{self.port}/{self.account}"

    @property
    def control_url(self) -> str:
        """The control API's URL, without a slash at the end: faults, limits, counters, the request log."""
        return f"http://{ports.LOOPBACK}:{self.control_port}"

    @property
    def connection_string(self) -> str:
        """For the SDK's clients."""
        return (
            f"DefaultEndpointsProtocol=http;AccountName={self.account};AccountKey={self.key};FileEndpoint={self.url};"
        )

    @property
    def address(self) -> str:
        """The account's URL."""
        return self.url

    def prepare(self) -> None:
        """Create the data directory."""
        if self.data:
            self.data.mkdir(parents=True, exist_ok=True)

    def command(self) -> Sequence[str | Path]:
        """Run the emulator with the Python that runs us."""
        kept: list[str | Path] = ["--data", self.data] if self.data else []
        own = ["--port", str(self.port), "--control-port", str(self.control_port)]
        return [sys.executable, "-m", "localdev.files_emulator", *own, *kept]

    def is_ready(self) -> bool:
        """Whether it accepts connections."""
        return ports.accepts(self.port)
