"""The schema that tests of the database run on: this checkout's, unless the environment names another directory of files."""

import os
from pathlib import Path

from shared.db import migrate

FILES = "AFB_TESTS_SCHEMA"


async def prepare(url: str) -> None:
    """Give the empty database at ``url`` the schema."""
    await migrate.migrate(url, Path(os.environ.get(FILES, migrate.DIRECTORY)))
