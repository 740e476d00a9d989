"""Bring a database to the current schema while the release before it still runs.

Files are ``NNNN_pre_what.sql`` or ``NNNN_post_what.sql``, numbered from 1 without gaps, applied in order, never edited and
never undone. ``pre`` works under the code before it as well as under the code it came with; ``post`` only under the latter.

A release is rolled out in three steps:

1. its ``pre`` files are applied (``before_post``), while the code of the release before goes on working;
2. its code is deployed, and works before its ``post`` files as well as after them;
3. when no other code runs any more, its ``post`` files are applied.

Files are never passed over, so a release has its ``pre`` files first: a ``pre`` behind a ``post`` is of a later release, and
step 1 of that one refuses while the ``post`` is pending, because then the code it needs may not be everywhere. Releases are
rolled out one after the other, each to its end, or all at once with every program stopped. What came after the last release
is held to this by ``tests/integration/test_releases.py``, which runs each of the two releases on what the other left.

Somebody who can reach the database takes these steps. Where nobody can, because its network is closed, programs take them by
themselves (:class:`SchemaUpkeep`): step 1 is done by the first program of the new release that starts, and step 3 when every
program that is connected to the database knows the ``post`` files. Programs say what they know by the name of their connections.

A program that starts after step 1 may still be of the release before. It knows by their names that the files it does not
have are ``pre`` and leave it working; when one is ``post``, it refuses.
"""

import hashlib
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, LiteralString

from shared.db.pool import Connection
from shared.db.sign_in import CatalogueConnection, Password, SignIn
from shared.db.translate import translation
from shared.errors import IntegrityError, Unavailable

PROGRAM: Final = "azure-files-backup"
"""How the names of our connections begin."""
DIRECTORY: Final = Path(__file__).resolve().parents[2] / "schema" / "sql"
_FILE_NAME: Final = re.compile(r"(\d{4})_(?:pre|post)_[a-z0-9_]+\.sql")
_LOCK: Final = 4_706_329_127_002
"""Any number that no other program on this server uses for an advisory lock."""

_TABLE: Final[LiteralString] = """
    CREATE TABLE IF NOT EXISTS schema_migration (
        number      int PRIMARY KEY,
        name        text NOT NULL,
        sha256      text NOT NULL,
        applied_at  timestamptz NOT NULL DEFAULT now()
    )
"""
_APPLIED: Final[LiteralString] = "SELECT number, name, sha256 FROM schema_migration ORDER BY number"
_CONNECTED: Final[LiteralString] = """
    SELECT DISTINCT application_name
      FROM pg_stat_activity
     WHERE datname = current_database() AND pid <> pg_backend_pid() AND starts_with(application_name, %s)
"""
_NAMED: Final = re.compile(rf"{PROGRAM}/(\d+)")
_RECORD: Final[LiteralString] = "INSERT INTO schema_migration (number, name, sha256) VALUES (%s, %s, %s)"


@dataclass(frozen=True, slots=True)
class Migration:
    """One file."""

    number: int
    name: str
    text: str

    @property
    def is_post(self) -> bool:
        """Whether it needs the code it came with, everywhere."""
        return _is_post(self.name)

    @property
    def sha256(self) -> str:
        """Of the text, with Unix line ends: a checkout on Windows is not a change."""
        return hashlib.sha256(self.text.replace("\r\n", "\n").encode()).hexdigest()


def migrations(directory: Path = DIRECTORY) -> list[Migration]:
    """The files of ``directory`` in order.

    :raises IntegrityError: one is misnamed, or a number is missing or taken twice.
    """
    found = []
    for path in sorted(directory.glob("*.sql")):
        match = _FILE_NAME.fullmatch(path.name)
        if match is None:
            raise IntegrityError(f"migration {path.name} is not named like 0001_pre_catalogue.sql")
        found.append(Migration(int(match[1]), path.stem, path.read_text(encoding="utf-8")))
    numbers = [m.number for m in found]
    if numbers != list(range(1, len(found) + 1)):
        raise IntegrityError(f"migrations are numbered {numbers}: expected 1 to {len(found)}, each once")
    return found


async def migrate(
    url: str, directory: Path = DIRECTORY, *, before_post: bool = False, password: Password | None = None
) -> list[str]:
    """Apply what is pending, each file in a transaction of its own; return the names of what was applied.

    Safe to call from any number of processes at once: one works, the others wait for it and then find nothing to do.

    :param before_post: stop before the first pending ``post``, for the code of the release before still runs. A database
        without a schema has no such code, and gets everything.
    :param password: see :func:`shared.db.pool.make_pool`.
    :raises IntegrityError: an applied file was changed; or the database has a ``post`` that is not here (it is newer); or,
        with ``before_post``, a ``pre`` would have to pass over a ``post`` of an earlier release.
    """
    async with _opened(url, directory, password) as (conn, is_new, pending):
        if before_post and not is_new:
            pending = _before_post(pending)
        for migration in pending:
            await _apply(conn, migration)
        return [migration.name for migration in pending]


def program_name(directory: Path = DIRECTORY) -> str:
    """What the connections of this program call themselves: it tells how many migrations the program knows."""
    return f"{PROGRAM}/{len(migrations(directory))}"


async def migrate_beside(url: str, directory: Path = DIRECTORY, *, password: Password | None = None) -> list[str]:
    """Apply what is pending as far as every program at work can live with it; return the names of what has to wait.

    A ``post`` waits while a program is connected that does not know it. A database without a schema has no programs, and gets
    everything. As safe to call as :func:`migrate`.

    :raises IntegrityError: an applied file was changed; or the database has a ``post`` that is not here (it is newer).
    :raises Unavailable: a ``pre``, without which this program does not work, is behind a ``post`` that has to wait: two releases
        were deployed within the time that programs of the first of them need to come to their end.
    """
    async with _opened(url, directory, password) as (conn, is_new, pending):
        while pending:
            if pending[0].is_post and not is_new and await _somebody_older(conn, pending[0].number):
                break
            await _apply(conn, pending.pop(0))
        behind = next((migration for migration in pending if not migration.is_post), None)
        if behind is not None:
            raise Unavailable(
                f"migration {behind.name} waits behind {pending[0].name}, and that one for programs of an earlier release, which"
                " are still connected; hint: they end within minutes; if they do not, stop them"
            )
        return [migration.name for migration in pending]


class SchemaUpkeep:
    """Keeps a database's schema up to date while programs of two releases may be at work: see :func:`migrate_beside`."""

    def __init__(self, url: str, *, directory: Path = DIRECTORY, password: Password | None = None) -> None:
        self._url = url
        self._directory = directory
        self._password = password
        self._done = False

    async def go_on(self) -> None:
        """Apply what can be applied now. Costs nothing once there is nothing left that this program knows."""
        if not self._done:
            self._done = not await migrate_beside(self._url, self._directory, password=self._password)


@asynccontextmanager
async def _opened(
    url: str, directory: Path, password: Password | None
) -> AsyncIterator[tuple[CatalogueConnection, bool, list[Migration]]]:
    """A connection that nobody else migrates by, whether the database had no schema, and what it has not been given yet."""
    known = migrations(directory)
    name = program_name(directory)
    with translation():
        async with await CatalogueConnection.connect(
            url, autocommit=True, sign_in=SignIn(password), application_name=name
        ) as conn:
            await conn.execute("SELECT pg_advisory_lock(%s)", [_LOCK])  # released with the connection
            await conn.execute(_TABLE)
            applied = await (await conn.execute(_APPLIED)).fetchall()
            _check(applied, known)
            yield conn, not applied, known[len(applied) :]


async def _apply(conn: CatalogueConnection, migration: Migration) -> None:
    async with conn.transaction():
        await conn.execute(migration.text.encode())  # a file of this repository, not input
        await conn.execute(_RECORD, [migration.number, migration.name, migration.sha256])


async def _somebody_older(conn: CatalogueConnection, number: int) -> bool:
    """Whether a program is connected that does not know migration ``number``; one that does not say is older than that."""
    names = await (await conn.execute(_CONNECTED, [PROGRAM])).fetchall()
    return any((match := _NAMED.fullmatch(name)) is None or int(match[1]) < number for (name,) in names)


async def pending(conn: Connection) -> list[str]:
    """Names of the files that the database has not.

    :raises IntegrityError: an applied file was changed, or the database has a ``post`` that is not here.
    """
    known = migrations()
    applied = await (await conn.execute(_APPLIED)).fetchall()
    _check([(number, name, sha256) for number, name, sha256 in applied], known)
    return [migration.name for migration in known[len(applied) :]]


def _check(applied: Sequence[tuple[int, str, str]], known: Sequence[Migration]) -> None:
    """Refuse a database that this program would not understand."""
    for number, name, sha256 in applied:
        if number > len(known):
            if _is_post(name):
                raise IntegrityError(
                    f"the database has migration {name}, which this program does not know: it is newer; "
                    "hint: deploy the release it came with"
                )
        elif known[number - 1].sha256 != sha256:
            raise IntegrityError(
                f"migration {known[number - 1].name} was changed after it was applied as {name}; "
                "hint: restore the file and write a new migration"
            )


def _before_post(pending: list[Migration]) -> list[Migration]:
    """What of ``pending`` works under the code of the release before."""
    post = next((m for m in pending if m.is_post), None)
    if post is None:
        return pending
    behind = next((m for m in pending if not m.is_post and m.number > post.number), None)
    if behind is not None:
        raise IntegrityError(
            f"migration {behind.name} waits behind {post.name}, which ends the rollout of an earlier release; "
            "hint: deploy that release everywhere and apply its post files first, or stop every program and apply all files"
        )
    return [m for m in pending if m.number < post.number]


def _is_post(name: str) -> bool:
    return name[5:].startswith("post_")
