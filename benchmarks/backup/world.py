"""The services a backup needs, started on free ports, and the shares on them; all of it gone at the end."""

import json
import os
import secrets
import tempfile
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks.report import BenchmarkFailed
from localdev.services import ports
from localdev.services.azurite import Azurite
from localdev.services.files import FilesEmulator
from localdev.services.postgres import DURABLE, Postgres
from localdev.services.service import Service, ServiceFailed
from shared import wiring
from shared.db import runs, shares, tenants
from shared.model.run import Run, RunKind
from shared.model.share import Share
from shared.settings import Settings

CREDENTIAL: Final = "bench"

FILES_PER_DIRECTORY: Final = 12

SHAPE: Final[Mapping[str, object]] = {
    "profile": "office",
    "files_per_directory": FILES_PER_DIRECTORY,
    "tail": 0,  # between half and one and a half of the mean: the number of directories is the same for every seed
    "median_bytes": 8192,
    "sigma": 1.0,
    "large": 0,
}
"""The share that is backed up: 12 files to a directory, sizes log-normal around 8 KiB (13.4 KiB on average)."""


@dataclass(frozen=True, slots=True)
class World:
    """Postgres, Azurite and the emulator, each a process of its own, with the app of this process on them."""

    app: wiring.App
    postgres: Postgres
    azurite: Azurite
    files: FilesEmulator
    environment: Mapping[str, str]
    """Settings of a worker, as it would find them in its environment."""
    directory: Path
    """For whatever a phase has to put somewhere."""

    def control(self, method: str, path: str, body: object = None) -> Any:
        """Ask the emulator's control API.

        :raises BenchmarkFailed: it refuses.
        """
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.files.control_url + path, data=data, method=method)
        try:
            with urllib.request.urlopen(request, timeout=600) as answer:
                return json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as refused:
            with refused:
                raise BenchmarkFailed(f"the emulator refused {method} {path}: {refused.read()!r}") from None

    async def protect(self, share_name: str) -> Share:
        """A tenant of its own for a share that is there."""
        async with self.app.transaction() as conn:
            tenant = await tenants.create(conn, f"t{secrets.token_hex(8)}", "Benchmark")
            return await shares.create(
                conn,
                tenant.tenant_id,
                name="files",
                account_url=self.files.url,
                share_name=share_name,
                credential=CREDENTIAL,
            )

    def synthetic(self, share_name: str, files: int, **shape: object) -> None:
        """Make a share whose files are computed, of :data:`SHAPE` unless ``shape`` says otherwise."""
        self.control("POST", f"/shares/{share_name}/synthetic", {**SHAPE, "files": files, **shape})

    async def queue(self, share: Share) -> Run:
        """A backup that nobody works on yet."""
        async with self.app.transaction() as conn:
            return await runs.create(conn, share.tenant_id, share.share_id, RunKind.BACKUP)

    async def reload(self, run: Run) -> Run:
        """The run as it is now."""
        async with self.app.transaction() as conn:
            return await runs.get(conn, run.run_id)


@asynccontextmanager
async def world(directory: Path | None = None, preload: Path | None = None) -> AsyncIterator[World]:
    """Start everything with its data below ``directory`` (a temporary one if ``None``); stop it and delete the data.

    :param preload: a module that Azurite loads first.
    :raises BenchmarkFailed: a service did not start.
    """
    async with AsyncExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="backup-benchmark-", dir=directory)))
        os.chmod(place, 0o755)
        postgres = Postgres(place / "postgres", port=ports.choose(), log=place / "postgres.log", settings=DURABLE)
        azurite = Azurite(
            place / "azurite",
            blob_port=ports.choose(),
            queue_port=ports.choose(),
            table_port=ports.choose(),
            log=place / "azurite.log",
        )
        if preload is not None:
            azurite.extra_environ["NODE_OPTIONS"] = f'--require "{preload}"'
        files = FilesEmulator(None, port=ports.choose(), control_port=ports.choose(), log=place / "files.log")
        try:
            for service in (postgres, azurite, files):
                started: Service = service
                stack.enter_context(started)
        except ServiceFailed as failed:
            raise BenchmarkFailed(str(failed)) from failed
        environment = {
            "AFB_POSTGRES_URL": postgres.create_database("catalogue"),
            "AFB_VAULT_CONNECTION": azurite.connection_string,
            f"AFB_CREDENTIAL_{CREDENTIAL.upper()}": files.key,
        }
        app = await wiring.make_app(Settings.from_env({**environment, "AFB_MIGRATE": "true"}))
        stack.push_async_callback(app.aclose)
        yield World(app, postgres, azurite, files, environment, place)
