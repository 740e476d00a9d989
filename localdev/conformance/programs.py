"""Ways to run a Functions app: localdev's host, Core Tools, a container, or any command.

A program is a command line with gaps: ``{app}``, ``{port}``, ``{python}``, ``{postgres}``, ``{record}``.  The app's settings, storage
included, are environment variables.  Whatever is started here has a session of its own, which is ended as a whole: ``func`` is a Node
script that starts the host, which starts Python workers.
"""

import http.client
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from localdev.conformance import container
from localdev.services import ports
from localdev.services.processes import wait_until
from localdev.services.service import Service, ServiceFailed

#: Name of the app setting with the host's key, for hosts that take one.
KEY = "FUNCTIONS_HOST_KEY"

#: A real host downloads its extensions when it starts for the first time.
FIRST_START_SECONDS = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """One way to run an app.  Only what is ``real`` says anything about Azure."""

    name: str
    version: str
    template: str
    real: bool = False
    environ: Mapping[str, str] = field(default_factory=dict)
    engine: str = ""
    """A container engine, when it is one that runs the app."""


def localdev() -> Program:
    """Our own host, as it is in this checkout."""
    command = "{python} -m localdev.functions_host --app {app} --port {port} --postgres {postgres} --record {record}"
    return Program(name="localdev", version=_sdk(), template=command)


def command(template: str) -> Program:
    """Any other command: says what it gave, and nothing about Azure."""
    return Program(name="command", version=template, template=template)


def core_tools() -> Program | None:
    """Azure Functions Core Tools, if they are on the path."""
    if not shutil.which("func"):
        return None
    version = _said(["func", "--version"])
    if version is None:
        return None
    # The worker must be run by the Python that has the app's packages.
    virtual = {
        "PATH": f"{Path(sys.prefix) / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}",
        "VIRTUAL_ENV": sys.prefix,
        "FUNCTIONS_CORE_TOOLS_TELEMETRY_OPTOUT": "1",
    }
    start = "env -C {app} func start --port {port}"
    return Program(name="core-tools", version=f"Core Tools {version}", template=start, real=True, environ=virtual)


def in_container(image: str) -> Program | None:
    """The image of the real host, if it is named and a container engine answers.

    :param image: the published image of Functions 4 for Python.
    """
    if not image:
        return None
    for engine in ("docker", "podman"):
        if shutil.which(engine) and _said([engine, "info"]) is not None:
            return Program(name="container", version=image, template=container.RUN, real=True, engine=engine)
    return None


def find(wanted: str, *, image: str) -> Program | None:
    """The real host, ``wanted`` or (``auto``) whichever is there."""
    match wanted:
        case "core-tools":
            return core_tools()
        case "container":
            return in_container(image)
        case "none":
            return None
        case _:
            return core_tools() or in_container(image)


class AppHost(Service):
    """An app, run by a program.  Ready when the app answers at ``probe``."""

    name: ClassVar[str] = "host"
    start_seconds: ClassVar[float] = FIRST_START_SECONDS

    def __init__(
        self, program: Program, *, app: Path, probe: str, settings: Mapping[str, str], postgres_url: str, out: Path
    ) -> None:
        """Describe it; nothing runs yet.

        :param settings: the app's.
        :param out: directory for log, record and what else the program needs.
        """
        self.program = program
        self.port = ports.choose()
        self._probe = probe
        self._app = app
        self._out = out
        self._key = settings[KEY]
        self._gaps = {
            "app": str(app),
            "port": str(self.port),
            "python": sys.executable,
            "postgres": postgres_url,
            "record": str(out / "record"),
            "image": program.version,
            "engine": program.engine,
            "out": str(out),
            "name": f"conformance-{self.port}",
        }
        environ = {"PYTHONUNBUFFERED": "1", **settings, **program.environ}
        super().__init__(log=out / "host.log", environ=environ)

    @property
    def url(self) -> str:
        """Where the app's HTTP triggers are, without a slash at the end."""
        return f"http://{ports.LOOPBACK}:{self.port}"

    @property
    def address(self) -> str:
        """Where the app's HTTP triggers are."""
        return self.url

    def prepare(self) -> None:
        """Make the directory, and the container's image."""
        self._out.mkdir(parents=True, exist_ok=True)
        if self.program.engine:
            container.prepare(
                self.program.engine,
                image=self.program.version,
                app=self._app,
                settings=self.extra_environ,
                key=self._key,
                port=self.port,
                name=self._gaps["name"],
                out=self._out,
            )

    def command(self) -> Sequence[str | Path]:
        """Fill the gaps."""
        try:
            return [word.format(**self._gaps) for word in shlex.split(self.program.template)]
        except (KeyError, IndexError, ValueError) as error:
            raise ServiceFailed(
                f"the command {self.program.template!r} cannot be read ({error}); "
                f"expected gaps among {', '.join(f'{{{gap}}}' for gap in self._gaps)}"
            ) from error

    def is_ready(self) -> bool:
        """Whether the app answers."""
        return self._get(self._probe)[0] == http.client.OK

    def version(self) -> str:
        """What runs, as exactly as the host says; call it when the host is ready."""
        code, text = self._get("/admin/host/status")
        try:
            status: dict[str, Any] = json.loads(text) if code == http.client.OK else {}
        except ValueError:
            status = {}
        bundle = status.get("extensionBundle") or {}
        said = {"host": status.get("version"), "bundle": bundle.get("version")}
        return ", ".join([self.program.version, *(f"{what} {number}" for what, number in said.items() if number)])

    def start(self) -> None:
        """Start it, and return when the app answers.

        :raises ServiceFailed: it ended, or did not answer in time.  Nothing of it is left running.
        """
        try:
            super().start()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End it, and whatever it has started."""
        leader = self.identity
        super().stop()
        if leader is None:
            return
        if self.program.engine:
            container.remove(self.program.engine, self._gaps["name"])
        # What is left of its session goes by the number of the group, which nobody else can have while somebody is in it.
        if not wait_until(lambda: not _signal_group(leader.pid, 0), 1):
            _signal_group(leader.pid, signal.SIGKILL)

    def _get(self, path: str) -> tuple[int, str]:
        with closing(http.client.HTTPConnection(ports.LOOPBACK, self.port, timeout=5)) as connection:
            try:
                connection.request("GET", path, headers={"x-functions-key": self._key})
                answer = connection.getresponse()
                return answer.status, answer.read().decode(errors="replace")
            except (OSError, http.client.HTTPException):
                return 0, ""


def _signal_group(leader: int, number: int) -> bool:
    """Signal a process group; return whether there is one."""
    try:
        os.killpg(leader, number)
    except ProcessLookupError:
        return False
    return True


def _said(words: Sequence[str]) -> str | None:
    """What a command prints, or ``None`` if it fails."""
    with suppress(OSError, subprocess.TimeoutExpired):
        done = subprocess.run(words, capture_output=True, text=True, timeout=120)
        if done.returncode == 0:
            return done.stdout.strip()
    return None


def _sdk() -> str:
    """The packages that decide how an orchestration goes."""
    from importlib.metadata import version

    names = ("azure-functions-durable", "azure-functions")
    python = ".".join(map(str, sys.version_info[:2]))
    return ", ".join([*(f"{name} {version(name)}" for name in names), f"Python {python}"])
