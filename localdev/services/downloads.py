"""The download server as a service."""

import http.client
import sys
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import ClassVar

from localdev.services import ports
from localdev.services.service import ROOT, Service


class DownloadServer(Service):
    """``python -m worker.downloads`` of the product, with the app's ``settings``."""

    name: ClassVar[str] = "downloads"
    stop_seconds: ClassVar[float] = 5.0

    def __init__(self, *, port: int, settings: Mapping[str, str], log: Path) -> None:
        super().__init__(log=log, environ={"PYTHONUNBUFFERED": "1", "PYTHONPATH": str(ROOT), **settings})
        self.port = port

    @property
    def url(self) -> str:
        """Where links lead, without a slash at the end."""
        return f"http://{ports.LOOPBACK}:{self.port}"

    @property
    def address(self) -> str:
        """Where links lead."""
        return self.url

    def command(self) -> Sequence[str | Path]:
        """Run it with the Python that runs us."""
        return [sys.executable, "-m", "worker.downloads", "--port", str(self.port)]

    def is_ready(self) -> bool:
        """Whether it answers."""
        with closing(http.client.HTTPConnection(ports.LOOPBACK, self.port, timeout=1)) as connection:
            try:
                connection.request("GET", "/healthz")
                return connection.getresponse().status == http.client.OK
            except (OSError, http.client.HTTPException):
                return False
