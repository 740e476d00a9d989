"""The services that tests share, started once per session and only when a test asks for one."""

import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from localdev.services import ports
from localdev.services.azurite import Azurite
from localdev.services.postgres import DISPOSABLE, Postgres


class PostgresForTests:
    """A server whose databases are made and dropped in milliseconds."""

    def __init__(self, server: Postgres) -> None:
        self.server = server
        self._templates: dict[str, str] = {}

    @contextmanager
    def database(self, template: str = "template1") -> Iterator[str]:
        """Yield the URL of a new database, a copy of ``template``; drop it after, whoever is still connected."""
        name = f"test_{secrets.token_hex(6)}"
        yield self.server.create_database(name, template=template)
        self.server.drop_database(name)

    def template(self, name: str, prepare: Callable[[str], object]) -> str:
        """Return a template for ``database``: on first use made by ``prepare``, which gets the URL of an empty one.

        ``prepare`` must close its connections.
        """
        if name not in self._templates:
            database = f"template_{name}"
            prepare(self.server.create_database(database))
            self._templates[name] = database
        return self._templates[name]


class Services:
    """What runs in this test session.  Everything is stopped by ``close``, last started first."""

    def __init__(self) -> None:
        self._exits = ExitStack()
        self.directory = Path(tempfile.mkdtemp(prefix="afb-tests-"))
        self._exits.callback(shutil.rmtree, self.directory)

    def close(self) -> None:
        self._exits.close()

    def postgres(self) -> PostgresForTests:
        server = Postgres(
            self.directory / "postgres",
            port=ports.choose(),
            log=self.directory / "postgres.log",
            settings=DISPOSABLE,
        )
        return PostgresForTests(self._exits.enter_context(server))

    def azurite(self) -> Azurite:
        server = Azurite(
            self.directory / "azurite",
            blob_port=ports.choose(),
            queue_port=ports.choose(),
            table_port=ports.choose(),
            log=self.directory / "azurite.log",
        )
        return self._exits.enter_context(server)
