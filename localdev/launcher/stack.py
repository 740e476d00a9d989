r"""One stack: Postgres, Azurite, the Files emulator and the Functions host on the unmodified app.

::

    postgres  azurite  files     side by side
         \       |      /
            databases            the catalogue's and the host's
               host              loads function_app.py; beside it, if wanted, the download server

Used by ``python -m localdev up``, by the demo and by the tests::

    with Stack(directory) as stack:
        ...                      # stack.host_url, stack.postgres_url, ...
        stack.kill_host()        # SIGKILL; the others go on
        stack.start_host()       # the same port, the same data

Every service stays reachable as an object (``stack.postgres``, ``stack.azurite``, ``stack.files``, ``stack.host``)
with ``start``, ``stop`` and ``kill``; killing any of them and starting it again is what it is made for.  Azurite is the
exception in what it keeps: it writes its index to disk every few seconds, so a killed one forgets the latest blobs.
"""

import secrets
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from localdev.launcher.addresses import Addresses
from localdev.launcher.settings import app_settings
from localdev.launcher.state import Lock, Member, State, forget
from localdev.services import ports, postgres
from localdev.services.azurite import Azurite
from localdev.services.downloads import DownloadServer
from localdev.services.files import FilesEmulator
from localdev.services.host import FunctionsHost
from localdev.services.postgres import Postgres
from localdev.services.processes import myself
from localdev.services.service import ROOT, Service

CATALOGUE = "afb"
HOST_HISTORY = "functions_host"  # a database of its own, so that the size of the catalogue is the catalogue's


class AlreadyRunning(Exception):
    """A live launcher works on this data directory."""


class Stack:
    """The stack in ``data``; nothing runs before ``start`` (or ``with``).

    :param app: directory of the app's ``function_app.py``.
    :param logs: one file per service; ``data/logs`` unless given.
    :param addresses: ports; free ones unless given.
    :param settings: further settings of the app, which win over the stack's own.
    :param durable: ``False`` makes Postgres faster and its data worth nothing after a crash of the *machine*.
    :param with_downloads: also run the product's download server, and have the app send to it.
    :param with_host: ``False`` leaves the app to somebody else, such as ``func start``.
    """

    def __init__(
        self,
        data: Path,
        *,
        app: Path = ROOT,
        logs: Path | None = None,
        addresses: Addresses | None = None,
        settings: Mapping[str, str] | None = None,
        durable: bool = True,
        with_host: bool = True,
        with_downloads: bool = False,
    ) -> None:
        self.data = data.resolve()
        self.logs = (logs or data / "logs").resolve()
        self.addresses = at = addresses or Addresses.anywhere()
        self._lock: Lock | None = None
        self._ready = False

        self.postgres = Postgres(
            self.data / "postgres",
            port=at.postgres,
            log=self.logs / "postgres.log",
            settings=postgres.DURABLE if durable else postgres.DISPOSABLE,
            main_database=CATALOGUE,
        )
        self.azurite = Azurite(
            self.data / "azurite",
            blob_port=at.blob,
            queue_port=at.queue,
            table_port=at.table,
            log=self.logs / "azurite.log",
        )
        self.files = FilesEmulator(
            self.data / "files", port=at.files, control_port=at.files_control, log=self.logs / "files.log"
        )
        self.settings = app_settings(
            postgres_url=self.postgres.url(CATALOGUE),
            storage=self.azurite.connection_string,
            files_url=self.files.url,
            files_key=self.files.key,
        )
        if with_downloads:
            url = f"http://{ports.LOOPBACK}:{at.downloads}"
            self.settings |= {"AFB_DOWNLOADS_URL": url, "AFB_DOWNLOADS_KEY": secrets.token_urlsafe(32)}
        self._host_settings = {**self.settings, **(settings or {})}
        self.host_key = secrets.token_urlsafe(24)
        """For functions and admin routes that ask for a key, as ``x-functions-key``."""
        self.host = self.another_host("host", app=app, port=at.host)
        self.downloads = DownloadServer(
            port=at.downloads, settings=self._host_settings, log=self.logs / "downloads.log"
        )
        self.services: Sequence[Service] = [
            self.postgres,
            self.azurite,
            self.files,
            *([self.host] if with_host else []),
            *([self.downloads] if with_downloads else []),
        ]
        for service in self.services:
            service.on_begin = self._record

    @property
    def postgres_url(self) -> str:
        """The catalogue's database."""
        return self.postgres.url(CATALOGUE)

    @property
    def blob_connection_string(self) -> str:
        """Azurite, all three services: the vault's and the journal's connection string."""
        return self.azurite.connection_string

    @property
    def files_url(self) -> str:
        """The emulated Azure Files account."""
        return self.files.url

    @property
    def host_url(self) -> str:
        """The app."""
        return self.host.url

    def start(self, *, cancelled: Callable[[], bool] = lambda: False) -> None:
        """Start everything and return when it is ready.

        :param cancelled: asked while waiting; ``True`` stops everything again.
        :raises AlreadyRunning: another launcher runs this stack.
        :raises ServiceFailed: a service did not come up; all are stopped again.
        """
        self.open()
        try:
            on_databases = [service for service in self.services if service in (self.host, self.downloads)]
            together = [service for service in self.services if service not in on_databases]
            for service in together:
                service.begin()
            for service in together:
                service.wait_ready(cancelled)
            self.postgres.ensure_database(CATALOGUE)
            self.postgres.ensure_database(HOST_HISTORY)
            for service in on_databases:
                service.begin()
            for service in on_databases:
                service.wait_ready(cancelled)
            self._ready = True
            self._record()
        except BaseException:
            self.stop()
            raise

    def open(self) -> None:
        """Take the data directory and start nothing yet: for those who want only some of the services.

        Processes that a killed launcher left behind on the same data are stopped first.

        :raises AlreadyRunning: another launcher runs this stack.
        """
        lock = Lock(self.data)
        if not lock.acquire():
            raise AlreadyRunning(f"a stack is already running on {self.data}")
        self._lock = lock
        if left := State.read(self.data):
            left.stop_members()
        self._set_logs_aside()

    def stop(self) -> None:
        """Stop everything, last started first; do nothing if nothing runs."""
        if self._lock is None:
            return
        self._ready = False
        for service in reversed(self.services):
            service.stop()
        forget(self.data)
        self._lock.release()
        self._lock = None

    def another_host(self, name: str, *, app: Path = ROOT, port: int | None = None) -> FunctionsHost:
        """Describe one more Functions host on the same state, to be used in a ``with`` of its own.

        :param name: of its log file.
        """
        return FunctionsHost(
            app.resolve(),
            port=ports.choose() if port is None else port,
            postgres_url=self.postgres.url(HOST_HISTORY),
            key=self.host_key,
            settings=self._host_settings,
            log=self.logs / f"{name}.log",
        )

    def kill_host(self) -> None:
        """End the Functions host as a power cut would."""
        self.host.kill()

    def start_host(self) -> None:
        """Start the Functions host again, and return when it serves."""
        self.host.start()

    def ended(self) -> Service | None:
        """Return a service that ended by itself, if one did."""
        return next((service for service in self.services if service.exit_code is not None), None)

    def erase(self) -> None:
        """Delete the stack's data and logs, and nothing else that may be in the directory.

        :raises AlreadyRunning: the data is in use.
        """
        lock = Lock(self.data)
        if not lock.acquire():
            raise AlreadyRunning(
                f"a stack is running on {self.data}; hint: stop it with `python -m localdev down` first"
            )
        try:
            for part in ("postgres", "postgres.unfinished", "azurite", "files"):
                shutil.rmtree(self.data / part, ignore_errors=True)
            for service in self.services:
                service.log.unlink(missing_ok=True)
                _set_aside(service.log).unlink(missing_ok=True)
            forget(self.data)
        finally:
            lock.release()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def _record(self) -> None:
        members = [
            Member(
                name=service.name,
                address=service.address,
                log=str(service.log),
                stop_signal=service.gently.name,
                process=service.identity,
            )
            for service in self.services
            if service.identity
        ]
        State(
            launcher=myself(),
            ready=self._ready,
            addresses=self.addresses,
            settings={**self.settings, "FUNCTIONS_HOST_KEY": self.host_key},
            members=tuple(members),
        ).write(self.data)

    def _set_logs_aside(self) -> None:
        """Keep the logs of the run before this one, and of no other."""
        for service in self.services:
            if service.log.exists():
                service.log.replace(_set_aside(service.log))


def _set_aside(log: Path) -> Path:
    return log.with_name(f"{log.name}.before")
