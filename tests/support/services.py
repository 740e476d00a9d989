"""The services that tests share: one stack per session, of which each service starts when a test first asks for it."""

import os
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from localdev.launcher.stack import Stack
from localdev.launcher.state import State
from localdev.services.postgres import Postgres

PREFIX = "afb-tests-"


class PostgresForTests:
    """A server whose databases are made and dropped in milliseconds."""

    def __init__(self, server: Postgres) -> None:
        self.server = server
        self._templates: dict[str, str] = {}

    @contextmanager
    def database(self, template: str = "template1") -> Iterator[str]:
        """Yield the URL of a new database, a copy of ``template``; drop it after, whoever is still connected."""
        name = f"test_{secrets.token_hex(6)}"
        url = self.server.create_database(name, template=template)
        try:
            yield url
        finally:
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


@contextmanager
def session_stack() -> Iterator[Stack]:
    """Yield a stack of which nothing runs yet, on data that is deleted after."""
    _sweep()
    stack = Stack(Path(tempfile.mkdtemp(prefix=PREFIX)), durable=False, with_host=False)
    stack.files.data = None  # in memory: faster, and nobody kills the one that all tests share
    try:
        stack.open()
        yield stack
    finally:
        stack.stop()
        shutil.rmtree(stack.data)


def _sweep() -> None:
    """Stop and delete what a test session that was killed left behind."""
    for data in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        if data.stat().st_uid != os.getuid():
            continue
        left = State.read(data)
        if left and not left.launcher.alive:
            left.stop_members()
            shutil.rmtree(data, ignore_errors=True)  # another worker of this session may be at it, too
