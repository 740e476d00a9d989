"""The Functions host as a service."""

import http.client
import sys
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import ClassVar

from localdev.services import ports
from localdev.services.service import ROOT, Service


class FunctionsHost(Service):
    """The host running the app in ``app``, its durable state in the database at ``postgres_url``.

    Several may share that state.  ``settings`` become the app's environment variables: in Azure, its app settings.
    """

    name: ClassVar[str] = "host"

    def __init__(
        self, app: Path, *, port: int, postgres_url: str, key: str, settings: Mapping[str, str], log: Path
    ) -> None:
        # By environment, not on the command line, which everybody on the machine can read.
        ours = {"FUNCTIONS_HOST_KEY": key, "PYTHONUNBUFFERED": "1", "PYTHONPATH": str(ROOT)}
        super().__init__(log=log, environ={**ours, **settings})
        self.app = app
        self.port = port
        self.postgres_url = postgres_url
        self.key = key

    @property
    def url(self) -> str:
        """Where the app's HTTP triggers are, without a slash at the end."""
        return f"http://{ports.LOOPBACK}:{self.port}"

    @property
    def address(self) -> str:
        """Where the app's HTTP triggers are."""
        return self.url

    def command(self) -> Sequence[str | Path]:
        """Run the host with the Python that runs us."""
        module = [sys.executable, "-m", "localdev.functions_host"]
        return [*module, "--app", self.app, "--port", str(self.port), "--postgres", self.postgres_url]

    def is_ready(self) -> bool:
        """Whether the host says that the app is loaded."""
        with closing(http.client.HTTPConnection(ports.LOOPBACK, self.port, timeout=1)) as connection:
            try:
                connection.request("GET", "/admin/host/status")
                return connection.getresponse().status == http.client.OK
            except (OSError, http.client.HTTPException):
                return False
