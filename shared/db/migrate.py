"""Bring a database to the current schema.

Files are ``NNNN_pre_what.sql`` or ``NNNN_post_what.sql``, numbered from 1 without gaps, applied in order, never edited and
never undone. ``pre`` works under the code before it as well as under the code it came with; ``post`` only under the latter.
"""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final, LiteralString

from psycopg import AsyncConnection

from shared.db.translate import translation
from shared.errors import IntegrityError

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
_RECORD: Final[LiteralString] = "INSERT INTO schema_migration (number, name, sha256) VALUES (%s, %s, %s)"


@dataclass(frozen=True, slots=True)
class Migration:
    """One file."""

    number: int
    name: str
    text: str

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


async def migrate(url: str, directory: Path = DIRECTORY) -> list[str]:
    """Apply what is pending, each file in a transaction of its own; return the names of what was applied.

    Safe to call from any number of processes at once: one works, the others wait for it and then find nothing to do.

    :raises IntegrityError: an applied file was changed, or the database knows one that is not here (it is newer).
    """
    known = migrations(directory)
    with translation():
        async with await AsyncConnection.connect(url, autocommit=True) as conn:
            await conn.execute("SELECT pg_advisory_lock(%s)", [_LOCK])  # released with the connection
            await conn.execute(_TABLE)
            applied = await (await conn.execute(_APPLIED)).fetchall()
            for number, name, sha256 in applied:
                if number > len(known):
                    raise IntegrityError(
                        f"the database has migration {name}, which this program does not know: it is newer"
                    )
                if known[number - 1].sha256 != sha256:
                    raise IntegrityError(
                        f"migration {known[number - 1].name} was changed after it was applied as {name}; "
                        "hint: restore the file and write a new migration"
                    )
            pending = known[len(applied) :]
            for migration in pending:
                async with conn.transaction():
                    await conn.execute(migration.text.encode())  # a file of this repository, not input
                    await conn.execute(_RECORD, [migration.number, migration.name, migration.sha256])
            return [migration.name for migration in pending]
