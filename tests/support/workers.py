"""Worker processes of a test's world."""

import asyncio
import json
import os
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO

from tests.support.nested import REPOSITORY
from tests.support.world import CREDENTIAL, World


@dataclass
class WorkerProcess:
    """One ``python -m worker`` and what it said."""

    process: asyncio.subprocess.Process
    said: IO[bytes] = field(repr=False)

    async def left(self, seconds: float = 90.0) -> int:
        """Its exit code, once it has gone by itself."""
        async with asyncio.timeout(seconds):
            return await self.process.wait()

    def terminate(self) -> None:
        self.process.send_signal(signal.SIGTERM)

    def events(self) -> list[dict]:
        self.said.seek(0)
        return [json.loads(line) for line in self.said.read().splitlines() if line.startswith(b"{")]

    async def heard(self, event: str, seconds: float = 90.0) -> None:
        """Wait until it has told of an event."""
        async with asyncio.timeout(seconds):
            while not any(line["event"] == event for line in self.events()):
                assert self.process.returncode is None, self.events()
                await asyncio.sleep(0.05)


@dataclass
class Workers:
    """Starts them; whoever is left at the end is killed."""

    world: World
    settings: dict[str, str]
    started: list[WorkerProcess] = field(default_factory=list)

    async def start(self, *arguments: str, **settings: str) -> WorkerProcess:
        said = tempfile.TemporaryFile()  # noqa: SIM115 - closed when the worker is
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "worker",
            *arguments,
            cwd=REPOSITORY,
            env={**environment(self.world), **self.settings, **settings},
            stdout=said,
            stderr=said,
        )
        self.started.append(WorkerProcess(process, said))
        return self.started[-1]


def environment(world: World) -> dict[str, str]:
    """The settings of a world's app, as environment variables."""
    settings = world.app.settings
    return {
        "PATH": os.environ["PATH"],
        "AFB_POSTGRES_URL": settings.postgres_url,
        "AFB_VAULT_CONNECTION": settings.vault_connection,
        f"AFB_CREDENTIAL_{CREDENTIAL.upper()}": settings.credentials[CREDENTIAL.upper()],
    }


@contextmanager
def workers(world: World, **settings: str) -> Iterator[Workers]:
    """Worker processes with these settings more than the world's own."""
    all_of_them = Workers(world, settings)
    try:
        yield all_of_them
    except BaseException:
        for worker in all_of_them.started:
            worker.said.seek(0)
            print(worker.said.read().decode(), file=sys.stderr)
        raise
    finally:
        for worker in all_of_them.started:
            if worker.process.returncode is None:
                worker.process.kill()
            worker.said.close()
