"""What is done to the product: two backups of a small share with a change between them, a restore, a verify.

Always the same files, and one activity at a time, so that counters and histories are the same each time.  The product is known by its
HTTP API, its orchestrations by the management API.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from azure.storage.fileshare import ShareClient

from localdev.conformance import seen
from localdev.conformance.management import HostError, Management, is_over
from localdev.conformance.seen import Seen
from localdev.demo.account import Account
from localdev.demo.api import Api, ApiError, ProtectedShare, Run
from localdev.launcher.settings import FILES_CREDENTIAL

SETTINGS: Mapping[str, str] = {"AFB_WIDTH": "1"}
"""With more, who does what is chance."""

SHARE, RESTORED = "conformance", "conformance-restored"
KIB = 1024
LARGE_BYTES = 80 * KIB * KIB
"""Above the threshold from which a file is a work item of its own."""
OVER_SECONDS = 30.0
TIMES_IN_IT = "vault_bytes"
"""The one counter that is never the same: records of files have times in them, and are compressed."""

FILES: Mapping[str, int] = {
    "letter.txt": 700,
    "empty": 0,
    "reports/2031/january.xlsx": 40 * KIB,
    "reports/2031/february.xlsx": 41 * KIB,
    "reports/2031/unchanged.pdf": 300 * KIB,
    "reports/old/moved.txt": 90,
    "pictures/ä ö ü.jpg": 2 * KIB * KIB,
    **{f"many/{number:03}.log": 100 + number for number in range(40)},
}

_NOT_COMPARED = frozenset(
    {"requested_at", "started_at", "finished_at", "seconds", "rate", "share_snapshot", "taken_at", "committed_at"}
)
"""Fields of runs and restore points that are times, or made of them."""


@dataclass(frozen=True, slots=True)
class Product:
    """The app on a running host, and the account that its share is in."""

    host: Management
    account: Account

    def play(self, step: Callable[[str], None] = lambda _: None) -> dict[str, Seen]:
        """Do all of it; ``step`` is told what comes next.

        :returns: what was seen of each step, in order.  It ends with the first one that failed.
        """
        found: dict[str, Seen] = {}
        try:
            for name, what in self._steps(step):
                found[name] = what  # noqa: PERF403  what was found before a failure stays
        except (ApiError, HostError) as problem:
            found["product-problem"] = {"problem": str(problem)}
        return found

    def _steps(self, step: Callable[[str], None]) -> Iterator[tuple[str, Seen]]:
        step("fill a share")
        with self.account.share(SHARE) as share:
            share.create_share()
            for path, size_bytes in FILES.items():
                _put(share, path, _bytes(path, size_bytes))
            _put(share, "large.vhdx", _bytes("large", KIB * KIB), size_bytes=LARGE_BYTES)
        api = Api(self.host.url, self.host.key)
        protected = api.create_share(
            api.create_tenant("Conformance"),
            name=SHARE,
            account_url=self.account.url,
            share_name=SHARE,
            credential=FILES_CREDENTIAL,
        )
        step("first backup")
        yield "product-first-backup", self._ran(protected.backup(_unwatched))
        with self.account.share(SHARE) as share:
            _change(share)
        step("second backup")
        yield "product-second-backup", self._ran(protected.backup(_unwatched))
        yield "product-restore-points", {"restore_points": [_compared(one) for one in protected.restore_points()]}
        step("restore")
        yield "product-restore", self._ran(protected.restore(_newest(protected), RESTORED, _unwatched))
        with self.account.share(RESTORED) as share:
            yield "product-restored", {"files": dict(_tree(share))}
        step("verify")
        yield "product-verify", self._ran(protected.verify(_unwatched))

    def _ran(self, run: Run) -> Seen:
        """A run that has ended, and its orchestration."""
        instance_id = f"run-{run.wire['run_id']}"
        shown, did = self.host.until(instance_id, is_over, seconds=OVER_SECONDS)
        if not did:
            raise HostError(f"{instance_id} is {shown['runtimeStatus']}, its run is {run.wire['state']}")
        counters = {name: count for name, count in run.counters.items() if count and name != TIMES_IN_IT}
        return {
            **{name: run.wire[name] for name in ("kind", "state", "errors", "error", "restore_point")},
            "counters": counters,
            "orchestration": seen.instance(shown),
        }


def _unwatched(_run: Run) -> None:
    """Nobody looks on."""


def _newest(share: ProtectedShare) -> int:
    return int(share.restore_points()[0]["restore_point"])


def _compared(shown: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in shown.items() if name not in _NOT_COMPARED}


def _bytes(seed: str, size_bytes: int) -> bytes:
    """Bytes that do not compress, always the same."""
    return hashlib.shake_128(seed.encode()).digest(size_bytes)


def _put(share: ShareClient, path: str, content: bytes, size_bytes: int | None = None) -> None:
    """Make or replace a file, and the directories above it."""
    above = path.split("/")[:-1]
    for depth in range(1, len(above) + 1):
        directory = share.get_directory_client("/".join(above[:depth]))
        if not directory.exists():
            directory.create_directory()
    file = share.get_file_client(path)
    file.create_file(len(content) if size_bytes is None else size_bytes)
    if content:
        file.upload_range(content, 0, len(content))


def _change(share: ShareClient) -> None:
    """Change, add, delete, rename and move something."""
    _put(share, "reports/2031/january.xlsx", _bytes("january, corrected", 42 * KIB))
    _put(share, "reports/2031/march.xlsx", _bytes("march", 39 * KIB))
    share.get_file_client("empty").delete_file()
    share.get_file_client("many/007.log").rename_file("many/007.txt")
    share.get_directory_client("reports/old").rename_directory("archive")
    share.get_file_client("large.vhdx").upload_range(_bytes("a block", 4 * KIB), 8 * KIB * KIB, 4 * KIB)


def _tree(share: ShareClient, below: str = "") -> Iterator[tuple[str, str]]:
    """Every file with the SHA-256 of its content."""
    directory = share.get_directory_client(below)
    for entry in sorted(directory.list_directories_and_files(), key=lambda entry: str(entry["name"])):
        path = f"{below}/{entry['name']}" if below else str(entry["name"])
        if entry["is_directory"]:
            yield from _tree(share, path)
        else:
            digest = hashlib.sha256()
            for piece in share.get_file_client(path).download_file().chunks():
                digest.update(piece)
            yield path, digest.hexdigest()
