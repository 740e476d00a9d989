"""What a run costs: operations by class, bytes, compute; of a run that is done from its counters, of a backup from what a scan found.

Prices, and the date and place they are of, are in one data file, ``prices.toml``, which is given as text to :func:`read_prices`. A
price here is what Azure lists for it, so a sum of them is for comparing and planning; what was charged is on the bill.
"""

import datetime as dt
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from enum import StrEnum
from math import ceil
from typing import Any, Final

from shared.model.content import CHUNK_BYTES
from shared.model.run import Counters, RunKind
from shared.model.share import ShareSettings

GB: Final = 1_000_000_000
"""Azure's prices are per GB; whether a thousand or 1,024 to the third makes 7 %, which is less than what else is unknown."""


VAULT_TIER: Final = "Hot"
"""Of the vault: blobs are in the account's default tier."""


class OperationClass(StrEnum):
    """What Azure Files charges alike."""

    LIST = "list"
    READ = "read"
    WRITE = "write"
    OTHER = "other"


CLASS_OF_OPERATION: Final[Mapping[str, OperationClass]] = {
    "list": OperationClass.LIST,
    "get_file": OperationClass.READ,
    "get_properties": OperationClass.READ,
    "get_directory": OperationClass.READ,
    "get_permission": OperationClass.READ,
    "get_link": OperationClass.READ,
    "list_ranges": OperationClass.READ,
    "create_file": OperationClass.WRITE,
    "create_directory": OperationClass.WRITE,
    "put_range": OperationClass.WRITE,
    "set_properties": OperationClass.WRITE,
    "set_directory_properties": OperationClass.WRITE,
    "set_directory_metadata": OperationClass.WRITE,
    "create_permission": OperationClass.WRITE,
    "create_symbolic_link": OperationClass.WRITE,
    "create_hard_link": OperationClass.WRITE,
    "rename_file": OperationClass.WRITE,
    "copy_file": OperationClass.WRITE,
    "set_metadata": OperationClass.WRITE,
    "force_close_handles": OperationClass.OTHER,
    "delete_file": OperationClass.OTHER,
    "delete_directory": OperationClass.OTHER,
    # Shares and share snapshots, through the SDK: a handful per run, so it does not matter which class each is in.
    "share": OperationClass.OTHER,
}
"""By the name under which adapters meter a request. Source: the table of transaction types in Microsoft's documentation of Azure Files
billing, of which only an excerpt was seen (create, put range and set are writes; list is list; get is read)."""


def class_of(operation: str) -> OperationClass:
    """The class of a metered operation; of one that nobody has put into a class, the cheapest would be a guess: OTHER."""
    return CLASS_OF_OPERATION.get(operation, OperationClass.OTHER)


@dataclass(frozen=True, slots=True, kw_only=True)
class FilesPrices:
    """Per 10,000 operations of a class; ``read_gb`` per GB read."""

    list: float
    read: float
    write: float
    other: float
    read_gb: float


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultPrices:
    """``write`` and ``read`` per 10,000 operations; the others per GB, ``gb_month`` per month that it is kept."""

    write: float
    read: float
    written_gb: float
    read_gb: float
    gb_month: float
    early_deletion_months: float
    """What is deleted sooner is charged until then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ComputePrices:
    """Of the machines that workers run on."""

    gb_s: float
    million_executions: float
    instance_gb: float
    activities_per_instance: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Speed:
    """What the time of a backup is reckoned with, per worker."""

    seconds_per_read: float
    reads_at_once: int
    bytes_per_s: float
    cpu_s_per_file: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """The price table."""

    as_of: dt.date
    currency: str
    region: str
    accuracy: str
    files: Mapping[str, FilesPrices]
    """By access tier of the share, as the service names them."""
    vault: Mapping[str, VaultPrices]
    """By access tier of the vault."""
    compute: ComputePrices
    speed: Speed


def read_prices(text: str) -> Prices:
    """Read a price table.

    :raises ValueError: it is not TOML, or a price is missing, negative or not a number.
    """
    table = tomllib.loads(text)
    try:
        prices = Prices(
            as_of=table["as_of"],
            currency=table["currency"],
            region=table["region"],
            accuracy=table["accuracy"],
            files={tier: FilesPrices(**values) for tier, values in table["files"].items()},
            vault={tier: VaultPrices(**values) for tier, values in table["vault"].items()},
            compute=ComputePrices(**table["compute"]),
            speed=Speed(**table["speed"]),
        )
    except (KeyError, TypeError) as error:
        raise ValueError(f"the price table lacks something or has too much: {error}") from error
    groups = [asdict(p) for p in prices.files.values()] + [asdict(p) for p in prices.vault.values()]
    for name, value in [
        item for group in (*groups, asdict(prices.compute), asdict(prices.speed)) for item in group.items()
    ]:
        if not isinstance(value, int | float) or value < 0:
            raise ValueError(f"the price table has {name} = {value!r}; expected a number from 0 up")
    return prices


# ---------------------------------------------------------------------------------------------------------------------
# Operations to money


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What is paid for."""

    files_list: int = 0
    files_read: int = 0
    files_write: int = 0
    files_other: int = 0
    read_bytes: int = 0
    """Read from the share."""
    vault_write: int = 0
    vault_read: int = 0
    vault_read_bytes: int = 0
    stored_bytes: int = 0
    """Written to the vault, and kept there."""
    worker_s: float = 0.0
    """Seconds of one worker: those of several side by side add up."""

    def __add__(self, other: "Work") -> "Work":
        """Both."""
        return Work(**{name: getattr(self, name) + getattr(other, name) for name in _WORK})


_WORK: Final = tuple(f.name for f in fields(Work))


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """In the currency of the price table."""

    files_operations: float
    vault_operations: float
    compute: float
    total: float
    """Of the three, once."""
    storage_per_month: float
    """For what this run added, every month that it is kept."""


_AMOUNTS: Final = tuple(f.name for f in fields(Cost))


def cost_of(work: Work, prices: Prices, *, tier: str = "", vault_tier: str = VAULT_TIER) -> Cost:
    """Price ``work``.

    :param tier: of the share; one that the table does not know is taken for TransactionOptimized, as shares are made.
    """
    files = prices.files.get(tier) or prices.files["TransactionOptimized"]
    vault = prices.vault[vault_tier]
    shared = (
        work.files_list * files.list
        + work.files_read * files.read
        + work.files_write * files.write
        + work.files_other * files.other
    ) / 10_000 + work.read_bytes / GB * files.read_gb
    stored = (work.vault_write * vault.write + work.vault_read * vault.read) / 10_000
    stored += work.stored_bytes / GB * vault.written_gb + work.vault_read_bytes / GB * vault.read_gb
    compute = prices.compute
    instance_s = work.worker_s / compute.activities_per_instance
    # An activity lasts some 30 s, and each has an episode of its orchestrator.
    executions = 2 * work.worker_s / 30
    computed = instance_s * compute.instance_gb * compute.gb_s + executions / 1e6 * compute.million_executions
    return Cost(
        files_operations=shared,
        vault_operations=stored,
        compute=computed,
        total=shared + stored + computed,
        storage_per_month=work.stored_bytes / GB * vault.gb_month,
    )


def work_of(kind: RunKind, counters: Counters, *, worker_s: float) -> Work:
    """What a run has done, from its counters: requests that were repeated or refused are paid for and counted."""
    known = counters.files_lists + counters.files_reads + counters.files_writes
    return Work(
        files_list=counters.files_lists,
        files_read=counters.files_reads,
        files_write=counters.files_writes,
        files_other=max(0, counters.files_requests - known),
        read_bytes=counters.changed_bytes if kind is RunKind.BACKUP else 0,
        vault_write=counters.vault_writes,
        vault_read=counters.vault_reads,
        vault_read_bytes=counters.bytes if kind is RunKind.RESTORE else counters.reread_bytes + counters.repacked_bytes,
        stored_bytes=counters.vault_bytes,
        worker_s=worker_s,
    )


# ---------------------------------------------------------------------------------------------------------------------
# What a scan found to what a backup takes


@dataclass(frozen=True, slots=True)
class ContentPlan:
    """What reading and storing one file takes."""

    reads: int
    chunks: int
    bundle_bytes: int


def content_plan(size_bytes: int, settings: ShareSettings) -> ContentPlan:
    """How a backup saves a file of this size that it has to read whole. Of a large file that changed in part it reads less."""
    if size_bytes <= settings.bundle_file_max_bytes:
        return ContentPlan(1, 0, size_bytes)
    chunks = ceil(size_bytes / CHUNK_BYTES)
    if size_bytes <= settings.large_file_bytes:
        return ContentPlan(1, chunks, 0)
    return ContentPlan(chunks + 1, chunks + 1, 0)  # with its properties, and its content list


BATCH_FILES: Final = 20_000
BATCH_DIRECTORIES: Final = 1_000
BATCH_BYTES: Final = 48 * 1024 * 1024
"""Where a batch ends: :class:`shared.usecases.scope.Limits`."""

ROUND_REQUESTS: Final = 8
"""Share properties, share snapshot and root: once per run and a few more."""


def backup_work(found: Counters, settings: ShareSettings) -> Work:
    """What a backup of what a scan has found takes, but for the time of its workers.

    An upper bound where it is not exact: what is read may compress, or be in the vault already, and of large files a backup reads
    only the ranges that changed. Not in it: one request for each permission that no file of the share had before.
    """
    changed = found.changed_directories
    batches = max(ceil(found.changed_files / BATCH_FILES), ceil(changed / BATCH_DIRECTORIES)) if changed else 0
    bundles = (
        max(ceil(found.planned_bundle_bytes / settings.bundle_target_bytes), batches) if found.changed_files else 0
    )
    return Work(
        files_list=found.files_lists,
        files_read=found.planned_reads + changed,
        files_other=ROUND_REQUESTS,
        read_bytes=found.changed_bytes,
        vault_write=bundles + batches + found.planned_chunks + 1,
        vault_read=found.vault_reads,
        stored_bytes=found.changed_bytes,
    )


def backup_seconds(found: Counters, prices: Prices, *, walk_s: float, workers: int) -> float:
    """How long a backup of what a scan has found takes with ``workers``, if the scan took ``walk_s`` with as many.

    The walk is the same; what is read comes on top of it: as long as the slowest of waiting for the service, moving the bytes, and
    computing.
    """
    speed = prices.speed
    waiting = found.planned_reads * speed.seconds_per_read / speed.reads_at_once
    moving = found.changed_bytes / speed.bytes_per_s
    computing = found.changed_files * speed.cpu_s_per_file
    return walk_s + max(waiting, moving, computing) / workers


def scan_report(
    found: Counters, settings: ShareSettings, prices: Prices, *, walk_s: float, workers: int, tier: str = ""
) -> dict[str, Any]:
    """What a scan tells people, as plain JSON."""
    seconds = backup_seconds(found, prices, walk_s=walk_s, workers=workers)
    work = backup_work(found, settings)
    priced = cost_of(replace(work, worker_s=seconds * workers), prices, tier=tier)
    return {
        "seen": {"directories": found.directories, "files": found.files, "bytes": found.bytes},
        "changes": {
            "new_files": found.new_files,
            "changed_files": found.changed_files - found.new_files,
            "deleted_files": found.deleted_files,
            "moved_files": found.moved_files,
            "new_directories": found.new_directories,
            "deleted_directories": found.deleted_directories,
            "moved_directories": found.moved_directories,
        },
        "left_out": {"files": found.excluded_files, "directories": found.excluded_directories},
        "to_transfer": {"files": found.changed_files, "bytes": found.changed_bytes},
        "backup": {
            "seconds": round(seconds, 1),
            "workers": workers,
            "operations": {name: value for name, value in asdict(work).items() if name != "worker_s"},
            "cost": cost_answer(priced, prices, tier),
        },
    }


def restore_plan(found: Counters, prices: Prices, *, walk_s: float, workers: int, tier: str = "") -> dict[str, Any]:
    """What a restore would take, from the counters of its dry run, as plain JSON.

    Like the dry run itself, which took ``walk_s`` with as many ``workers``, and then as long as the slowest of waiting for the target,
    moving the bytes, and computing.
    """
    speed = prices.speed
    waiting = found.planned_writes * speed.seconds_per_read / speed.reads_at_once
    moving = found.bytes / speed.bytes_per_s
    computing = found.files * speed.cpu_s_per_file
    seconds = walk_s + max(waiting, moving, computing) / workers
    work = Work(
        files_list=found.files_lists,
        files_read=found.files_reads,
        files_write=found.planned_writes,
        vault_read=found.vault_reads + found.planned_reads_vault,
        vault_read_bytes=found.bytes,
        worker_s=seconds * workers,
    )
    return {
        "seconds": round(seconds, 1),
        "workers": workers,
        "operations": {name: value for name, value in asdict(work).items() if name != "worker_s"},
        "cost": cost_answer(cost_of(work, prices, tier=tier), prices, tier),
    }


def cost_answer(cost: Cost, prices: Prices, tier: str = "") -> dict[str, Any]:
    """A cost as plain JSON, with what it was reckoned with."""
    amounts = {name: round(getattr(cost, name), 6) for name in _AMOUNTS}
    return {
        "currency": prices.currency,
        **amounts,
        "prices": {
            "as_of": prices.as_of.isoformat(),
            "region": prices.region,
            "accuracy": prices.accuracy,
            "tier": tier if tier in prices.files else "TransactionOptimized",
        },
    }
