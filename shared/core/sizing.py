"""What a whole installation takes: requests, hours, instances, the catalogue's server, the vault, and what all of that costs a month.

:mod:`shared.core.cost` prices runs that are done or scanned. Here nothing is there yet but numbers that somebody has of their shares, and the
answer is a plan: every figure is a formula of those numbers, of the limits of Azure Files, and of what was measured (:mod:`shared.core.basis`).
A share's run takes as long as the tightest of eight bounds, which is named. What the formulas leave out, such as the first
and last moments of a run and uneven shares, ``python -m benchmarks plan`` simulates.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import ceil, erf, exp, log, sqrt
from typing import Final

from shared.core.basis import Basis, Server
from shared.core.cost import (
    BATCH_BYTES,
    BATCH_DIRECTORIES,
    BATCH_FILES,
    GB,
    Work,
    cost_of,
)
from shared.errors import InvalidInput
from shared.model.content import CHUNK_BYTES
from shared.model.share import ShareSettings

HOURS: Final = 3_600
DAYS_PER_MONTH: Final = 30.4375
MONTH_S: Final = 730 * HOURS
"""Azure's month."""
LIST_ENTRIES: Final = 5_000
"""Of one List."""
PAGE_ENTRIES: Final = 64
"""Of one page of the catalogue, and of one manifest record (adr/0006)."""
WIDTH_MAX: Final = 100
"""Of AFB_WIDTH."""
ACTIVITY_S: Final = 30.0
CHURN_SHAPE: Final = 0.3
"""Of the gamma distribution of directories' rates of change: most hardly ever change, some every day. As in adr/0016."""
SIZE_SIGMA: Final = 2.0
"""Of the logarithm of files' sizes."""
SPANS_BYTES: Final = 64 * 1024 * 1024
BASE_ENDPOINTS: Final = 5
"""Private endpoints beside one per account that is backed up: the vault's blobs, the journal's tables, and blobs, queues and tables of the host."""
QUEUE_OPERATIONS: Final = 10
"""Assumed: operations of queues for one execution of a function."""
LOG_BYTES_PER_EXECUTION: Final = 10_000
"""Assumed: logs and spans of one execution of a function, its batches included."""
LOGS_GB_MONTH: Final = 2.0
"""Assumed: logs of an installation at rest, timers and API, per month."""

_SETTINGS: Final = ShareSettings()


# ---------------------------------------------------------------------------------------------------------------------
# What is asked


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """What is to be backed up, every day, and how. Shares are taken to be alike, and spread evenly over accounts."""

    files: int
    mean_bytes: float = 100_000
    """Of a file."""
    files_per_directory: float = 10.9
    changed_files: float | None = None
    """Per day, over all shares. None: one in two hundred."""
    touched_directories: float | None = None
    """In which a file changed, per day. None: as many as rates of change that differ between directories make (:func:`touched`)."""
    shares: int = 1
    accounts: int = 1
    account_kind: str = "pay_as_you_go"
    files_tier: str = "TransactionOptimized"
    """Of the shares; of provisioned ones Premium, as their requests are paid for with what is provisioned."""
    restore_points: int = 30
    """Kept, one a day."""
    vault_tier: str = "Hot"
    """Where content is kept; manifests are Hot."""
    width: int | None = None
    """Activities of one run side by side. None: as many as it takes to use up what the shares give."""
    private_endpoints: bool = True
    high_availability: bool = True
    """Of the catalogue's server."""

    @property
    def directories(self) -> float:
        """All of them."""
        return max(self.files / self.files_per_directory, self.shares)

    @property
    def changed(self) -> float:
        """Files changed per day."""
        return self.files / 200 if self.changed_files is None else self.changed_files

    @property
    def touched(self) -> float:
        """Directories in which they are."""
        if self.touched_directories is not None:
            return self.touched_directories
        return touched(self.directories, self.files_per_directory, self.changed / self.files if self.files else 0.0)


def touched(directories: float, files_per_directory: float, part: float) -> float:
    """In how many of ``directories`` at least one file changes, when ``part`` of all files do.

    Changes of a directory's files come as a Poisson process, whose rate is drawn from a gamma distribution. Of directories of different
    sizes fewer are touched than of as many that all have the mean, so this is an upper bound.
    """
    return float(directories * (1 - (1 + files_per_directory * part / CHURN_SHAPE) ** -CHURN_SHAPE))


def check(wanted: Installation, basis: Basis) -> None:
    """Refuse what cannot be.

    :raises InvalidInput: with the field.
    """
    if wanted.account_kind not in basis.limits:
        raise _wrong("account_kind", wanted.account_kind, " or ".join(basis.limits))
    if wanted.files_tier not in basis.prices.files:
        raise _wrong("files_tier", wanted.files_tier, " or ".join(basis.prices.files))
    if wanted.vault_tier not in basis.tiers:
        raise _wrong("vault_tier", wanted.vault_tier, " or ".join(basis.tiers))
    if wanted.accounts > wanted.shares:
        raise _wrong("accounts", wanted.accounts, f"as many as there are shares ({wanted.shares}) at most")
    if wanted.changed > wanted.files:
        raise _wrong("changed_files", wanted.changed_files, f"as many as there are files ({wanted.files:,}) at most")
    if wanted.touched_directories is not None and wanted.touched_directories > wanted.directories:
        raise _wrong(
            "touched_directories",
            wanted.touched_directories,
            f"as many as there are ({wanted.directories:,.0f}) at most",
        )


def _wrong(field: str, value: object, expected: str) -> InvalidInput:
    return InvalidInput(f"{field} is {value!r}; expected {expected}", field=field)


# ---------------------------------------------------------------------------------------------------------------------
# What a run takes


@dataclass(frozen=True, slots=True, kw_only=True)
class Large:
    """What of the content is in files that are not bundled, by sizes that are distributed log-normally."""

    chunks: float
    """Objects per file of all, those of its content list included."""
    reads: float
    """Requests per file of all, beside the one that each takes."""


def large_files(mean_bytes: float) -> Large:
    """How many chunks and further reads the mean file takes when sizes have this mean: most take none, a few many."""
    if mean_bytes <= 0:
        return Large(chunks=0, reads=0)
    median_log = log(mean_bytes) - SIZE_SIGMA**2 / 2

    def above(size: float) -> tuple[float, float]:
        """Of all files, and of all bytes, the part above a size."""
        z = (log(size) - median_log) / SIZE_SIGMA
        return 1 - _normal(z), 1 - _normal(z - SIZE_SIGMA)

    files, part = above(_SETTINGS.bundle_file_max_bytes)
    spans, spans_part = above(_SETTINGS.large_file_bytes)
    # The last chunk of a file is half full as a rule.
    chunks = part * mean_bytes / CHUNK_BYTES + files / 2 + spans
    return Large(chunks=chunks, reads=spans_part * mean_bytes / CHUNK_BYTES + spans / 2)


def _normal(z: float) -> float:
    return (1 + erf(z / sqrt(2))) / 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What all shares' runs of one kind take together."""

    work: Work
    """Without time: ``worker_s`` is 0."""
    metadata: float
    """Of the requests to shares, those that are not for content."""
    list_bytes: float
    stored_content: float
    """Of what is written to the vault, what is not manifests."""
    worker_cpu_s: float
    """Of cores of instances."""
    catalogue_cpu_s: float
    latency_s: float
    """Of one worker that waits, as many requests at once as it makes."""
    batches: float

    @property
    def requests(self) -> float:
        """To the shares, of every class."""
        work = self.work
        return work.files_list + work.files_read + work.files_write + work.files_other

    @property
    def bytes(self) -> float:
        """From the shares: content and listings."""
        return self.work.read_bytes + self.list_bytes


def first_backup(wanted: Installation, basis: Basis) -> Job:
    """Everything is new."""
    return _job(wanted, basis, wanted.files, wanted.directories, new=True)


def daily_backup(wanted: Installation, basis: Basis) -> Job:
    """Everything is listed; what changed is read."""
    return _job(wanted, basis, wanted.changed, min(wanted.touched, wanted.changed), new=False)


def _job(wanted: Installation, basis: Basis, files: float, directories: float, *, new: bool) -> Job:
    lists = wanted.directories + wanted.files / LIST_ENTRIES
    return job_of(
        wanted,
        basis,
        lists=lists,
        directories=wanted.directories,
        entries=wanted.files + wanted.directories,
        changed=files,
        touched=directories,
        new=new,
    )


def job_of(
    wanted: Installation,
    basis: Basis,
    *,
    lists: float,
    directories: float,
    entries: float,
    changed: float,
    touched: float,
    new: bool,
) -> Job:
    """What it takes to list ``directories`` with ``entries`` in ``lists`` requests, and to save ``changed`` files in ``touched`` of them.

    :param new: no file was saved before.
    """
    rates, platform, speed = basis.rates, basis.platform, basis.prices.speed
    large = large_files(wanted.mean_bytes)
    content = changed * wanted.mean_bytes
    stored = content + changed * rates.member_bytes_per_file
    # A changed file rewrites the record of its page. In directories of very different sizes most files are in pages fuller than the mean.
    rewritten = changed if new else changed * min(PAGE_ENTRIES, 4 * wanted.files_per_directory)
    batches = max(min(touched, directories / BATCH_DIRECTORIES), changed / BATCH_FILES, content / BATCH_BYTES)
    chunks = changed * large.chunks
    reads = changed * (1 + large.reads) + touched
    work = Work(
        files_list=ceil(lists),
        files_read=ceil(reads),
        files_other=8 * wanted.shares,
        read_bytes=ceil(content),
        vault_write=ceil(2 * batches + chunks + wanted.shares),
        vault_read=0 if new else ceil(touched),
        stored_bytes=ceil(stored + rewritten * rates.manifest_bytes_per_file),
    )
    return Job(
        work=work,
        metadata=lists + touched,
        stored_content=stored,
        list_bytes=entries * rates.list_bytes_per_entry,
        worker_cpu_s=(
            directories * rates.worker_s_per_directory
            + entries * rates.worker_s_per_entry
            + changed * rates.worker_s_per_file
            + content * rates.worker_s_per_byte
        )
        / platform.core_part,
        catalogue_cpu_s=(directories * rates.catalogue_s_per_directory + changed * rates.catalogue_s_per_file)
        / platform.catalogue_core_part,
        latency_s=lists * platform.list_s / platform.lists_at_once
        + reads * speed.seconds_per_read / speed.reads_at_once,
        batches=batches,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How long a job takes, with what, and what it costs."""

    job: Job
    width: int
    instances: int
    seconds: float
    bound: str
    """Which of the bounds it is that makes it last so long."""
    bounds: Mapping[str, float]
    """Seconds by bound: each alone would let it be done in so many."""
    instance_s: float
    files_operations: float
    vault_operations: float
    compute: float
    network: float
    tiering: float
    """What content costs more to write in the tier where it is kept."""

    @property
    def total(self) -> float:
        """What it costs, once; not what is kept of it."""
        return self.files_operations + self.vault_operations + self.compute + self.network + self.tiering


SHARE_REQUESTS: Final = "requests of the shares"
SHARE_METADATA: Final = "metadata requests of the shares"
ACCOUNT_REQUESTS: Final = "requests of the accounts"
ACCOUNT_BYTES: Final = "bandwidth of the accounts"
CATALOGUE: Final = "cores of the catalogue"
WORKERS_CPU: Final = "cores of the workers"
WORKERS_LATENCY: Final = "latency, with as many workers"
WORKERS_BYTES: Final = "bandwidth of the workers"


def bounds_of(job: Job, wanted: Installation, basis: Basis, server: Server, width: int) -> dict[str, float]:
    """Seconds that ``job`` takes at the least, by each bound alone, with ``width`` workers to a share."""
    limits, speed = basis.limits[wanted.account_kind], basis.prices.speed
    workers = width * wanted.shares
    return {
        SHARE_REQUESTS: job.requests / (limits.share_requests_per_s * wanted.shares),
        SHARE_METADATA: job.metadata / (limits.share_metadata_per_s * wanted.shares),
        ACCOUNT_REQUESTS: job.requests / (limits.account_requests_per_s * wanted.accounts),
        ACCOUNT_BYTES: job.bytes / (limits.account_bytes_per_s * wanted.accounts),
        CATALOGUE: job.catalogue_cpu_s / server.cores,
        WORKERS_CPU: job.worker_cpu_s / instances_of(width, wanted, basis),
        WORKERS_LATENCY: job.latency_s / workers,
        WORKERS_BYTES: job.bytes / (speed.bytes_per_s * workers),
    }


def instances_of(width: int, wanted: Installation, basis: Basis) -> int:
    """Instances that the runs of all shares side by side need; one has one core."""
    return ceil(width * wanted.shares / basis.prices.compute.activities_per_instance)


def width_for(job: Job, wanted: Installation, basis: Basis, server: Server) -> int:
    """The fewest workers to a share with which it is not they that make the run last."""
    one = bounds_of(job, wanted, basis, server, 1)
    services = max(one[name] for name in (SHARE_REQUESTS, SHARE_METADATA, ACCOUNT_REQUESTS, ACCOUNT_BYTES, CATALOGUE))
    activities = basis.prices.compute.activities_per_instance
    cores = job.worker_cpu_s * activities / wanted.shares
    workers = max(cores, one[WORKERS_LATENCY], one[WORKERS_BYTES]) / services if services else 1
    return min(WIDTH_MAX, max(1, ceil(workers)))


def plan(job: Job, wanted: Installation, basis: Basis, server: Server) -> Plan:
    """How long ``job`` takes and what it costs."""
    width = wanted.width or width_for(job, wanted, basis, server)
    bounds = bounds_of(job, wanted, basis, server, width)
    bound = max(bounds, key=bounds.__getitem__)
    seconds = bounds[bound]
    return priced(
        job,
        wanted,
        basis,
        width=width,
        seconds=seconds,
        bounds=bounds,
        instance_s=seconds * instances_of(width, wanted, basis),
    )


def priced(
    job: Job,
    wanted: Installation,
    basis: Basis,
    *,
    width: int,
    seconds: float,
    bounds: Mapping[str, float],
    instance_s: float,
) -> Plan:
    """What ``job`` costs when it takes ``seconds`` and ``instance_s`` of instances, however that was found."""
    worker_s = instance_s * basis.prices.compute.activities_per_instance
    cost = cost_of(replace(job.work, worker_s=worker_s), basis.prices, tier=tier_of(wanted))
    # Content comes from the share through one endpoint and goes to the vault through another.
    moved = job.bytes + job.work.stored_bytes if wanted.private_endpoints else 0
    return Plan(
        job=job,
        width=width,
        instances=instances_of(width, wanted, basis),
        seconds=seconds,
        bound=max(bounds, key=bounds.__getitem__),
        bounds=bounds,
        instance_s=instance_s,
        files_operations=cost.files_operations,
        vault_operations=cost.vault_operations,
        compute=cost.compute,
        network=moved / GB * basis.fixed["private_endpoint_gb"].value,
        tiering=_tiering(job, wanted, basis),
    )


def tier_of(wanted: Installation) -> str:
    """By which prices the shares' requests are charged."""
    return "Premium" if wanted.account_kind.endswith("provisioned") else wanted.files_tier


def _tiering(job: Job, wanted: Installation, basis: Basis) -> float:
    """Content is written in its tier; half of what a batch writes is a segment, which is not."""
    hot, tier = basis.tiers["Hot"], basis.tiers[wanted.vault_tier]
    objects = job.work.vault_write - job.batches
    return objects / 10_000 * max(0.0, tier.write - hot.write) + job.stored_content / GB * tier.written_gb


def executions_of(instance_s: float, basis: Basis) -> float:
    """Of functions: an activity lasts some 30 s, and each has an episode of its orchestrator."""
    return 2 * instance_s * basis.prices.compute.activities_per_instance / ACTIVITY_S


# ---------------------------------------------------------------------------------------------------------------------
# The catalogue and the vault


def catalogue_bytes(wanted: Installation, basis: Basis, *, fresh: bool = False) -> float:
    """All of the catalogue that grows with the shares, after months of nightly changes unless ``fresh``."""
    rates = basis.rates
    size = wanted.files * rates.catalogue_bytes_per_file + wanted.directories * rates.catalogue_bytes_per_directory
    return size if fresh else size * rates.catalogue_growth


def server_for(wanted: Installation, basis: Basis) -> Server:
    """The smallest server that holds the catalogue in its memory; the largest if none does."""
    size = catalogue_bytes(wanted, basis)
    offered = [one for one in basis.servers if one.standby or not wanted.high_availability]
    fits = (one for one in offered if one.memory_gib * 2**30 * basis.platform.memory_part >= size)
    return next(fits, offered[-1])


def files_in_memory(server: Server, basis: Basis, files_per_directory: float = 10.9) -> float:
    """How many files' catalogue a server holds in its memory."""
    one = catalogue_bytes(Installation(files=1_000_000, files_per_directory=files_per_directory), basis) / 1_000_000
    return server.memory_gib * 2**30 * basis.platform.memory_part / one


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What is in the vault when all restore points are there."""

    content_bytes: float
    manifest_bytes: float
    objects: float


def kept(wanted: Installation, first: Job, daily: Job) -> Kept:
    """The first backup and what each day added. It is the most there can be: nothing of it compresses, and nothing is there already."""
    days = max(wanted.restore_points - 1, 0)
    content = first.stored_content + days * daily.stored_content
    stored = first.work.stored_bytes + days * daily.work.stored_bytes
    return Kept(
        content_bytes=content,
        manifest_bytes=stored - content,
        objects=first.work.vault_write + days * daily.work.vault_write,
    )


def rebuild_s(wanted: Installation, basis: Basis, workers: int) -> float:
    """How long it takes to make the catalogue from the vault with so many cores of workers."""
    return wanted.files / (basis.rates.rebuilt_files_per_s * basis.platform.core_part * workers)


# ---------------------------------------------------------------------------------------------------------------------
# All together


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """The answer."""

    wanted: Installation
    basis: Basis
    first: Plan
    daily: Plan
    server: Server
    catalogue_bytes: float
    fresh_bytes: float
    kept: Kept
    month: Mapping[str, float]
    """Cost per month by part, in the state in which all restore points are there."""
    assumptions: tuple[str, ...]
    """What is not known, in sentences."""
    warnings: tuple[str, ...]
    """What will not work as asked for, and what to do."""

    @property
    def month_total(self) -> float:
        """Of all parts."""
        return sum(self.month.values())


def estimate(wanted: Installation, basis: Basis) -> Estimate:
    """Reckon an installation.

    :raises InvalidInput: something cannot be; names the field.
    """
    check(wanted, basis)
    server = server_for(wanted, basis)
    first = plan(first_backup(wanted, basis), wanted, basis, server)
    daily = plan(daily_backup(wanted, basis), wanted, basis, server)
    return assembled(wanted, basis, server, first, daily)


def assembled(wanted: Installation, basis: Basis, server: Server, first: Plan, daily: Plan) -> Estimate:
    """The estimate that these plans of a first backup and of a daily run make."""
    here = kept(wanted, first.job, daily.job)
    return Estimate(
        wanted=wanted,
        basis=basis,
        first=first,
        daily=daily,
        server=server,
        catalogue_bytes=catalogue_bytes(wanted, basis),
        fresh_bytes=catalogue_bytes(wanted, basis, fresh=True),
        kept=here,
        month=_month(wanted, basis, server, daily, here),
        assumptions=_assumptions(wanted, basis, server),
        warnings=_warnings(wanted, basis, server, first, daily),
    )


def _month(wanted: Installation, basis: Basis, server: Server, daily: Plan, here: Kept) -> dict[str, float]:
    fixed = {name: price.value for name, price in basis.fixed.items()}
    servers = 2 if wanted.high_availability else 1
    executions = executions_of(daily.instance_s, basis) * DAYS_PER_MONTH
    endpoints = BASE_ENDPOINTS + wanted.accounts if wanted.private_endpoints else 0
    hot = basis.prices.vault["Hot"].gb_month
    return {
        "requests to the shares": daily.files_operations * DAYS_PER_MONTH,
        "workers": daily.compute * DAYS_PER_MONTH,
        "an instance always ready": basis.prices.compute.instance_gb * MONTH_S * fixed["always_ready_gb_s"],
        "vault, operations": (daily.vault_operations + daily.tiering) * DAYS_PER_MONTH,
        "vault, content": here.content_bytes / GB * basis.tiers[wanted.vault_tier].gb_month,
        "vault, manifests": here.manifest_bytes / GB * hot,
        "catalogue, server": servers * server.month,
        "catalogue, disk": servers * server.disk_gb * fixed["postgres_disk_gb_month"],
        "network": endpoints * fixed["private_endpoint_month"] + daily.network * DAYS_PER_MONTH,
        "queues and tables": executions * QUEUE_OPERATIONS / 10_000 * (fixed["queue_10k"] + fixed["table_10k"]),
        "logs": (LOGS_GB_MONTH + executions * LOG_BYTES_PER_EXECUTION / GB) * fixed["logs_gb"],
    }


def _assumptions(wanted: Installation, basis: Basis, server: Server) -> tuple[str, ...]:
    platform, speed = basis.platform, basis.prices.speed
    found = [
        f"prices are {basis.prices.accuracy} ({basis.prices.as_of}, {basis.prices.region})",
        "the vault is priced as LRS and by the highest step of its capacity; ZRS, GRS and snapshots that shares keep cost more",
        f"sizes are log-normal (sigma {SIZE_SIGMA:g}), nothing compresses, and a changed file is read whole",
        f"a core of an instance does {platform.core_part:.0%}, and one of the server {platform.catalogue_core_part:.0%}, of what the measured machine's did",
        f"the service answers a List in {platform.list_s * 1000:g} ms and a small read in {speed.seconds_per_read * 1000:g} ms; a worker moves"
        f" {speed.bytes_per_s / 1e6:g} MB/s",
        f"an execution takes {QUEUE_OPERATIONS} operations of queues and tables and {LOG_BYTES_PER_EXECUTION / 1000:g} kB of logs",
    ]
    if wanted.touched_directories is None:
        found.append(
            "which directories change follows rates that are gamma-distributed, of shape 0.3; give touched_directories if you know"
        )
    if not server.source:
        found.append(f"no price of {server.name} was found: {server.month:g} is by core of an older size")
    found += [f"no source has {plain(price.value)} {price.unit}" for price in basis.fixed.values() if not price.source]
    if wanted.vault_tier in basis.tier_sources:
        found.append(f"prices of {wanted.vault_tier}: {basis.tier_sources[wanted.vault_tier]}")
    if wanted.vault_tier != "Hot":
        months = basis.tiers[wanted.vault_tier].early_deletion_months
        found.append(
            f"what is deleted before {months:g} months in {wanted.vault_tier} is charged until then, and reading it costs, which is not in here; nor is"
            " what a lifecycle rule costs that moves it there later"
        )
    if wanted.account_kind.endswith("provisioned"):
        found.append(
            "requests to provisioned shares are paid for with what is provisioned, which is not in here, and the most that can be bought is"
        )
    found.append("verifies, restores, sweeps, what people do in the API, and free grants are not in here")
    return tuple(found)


def _warnings(wanted: Installation, basis: Basis, server: Server, first: Plan, daily: Plan) -> tuple[str, ...]:
    found, limits = [], basis.limits[wanted.account_kind]
    share = wanted.files * wanted.mean_bytes / wanted.shares
    if share > limits.share_bytes:
        found.append(
            f"a share would hold {share / 2**40:,.0f} TiB, and holds {limits.share_bytes / 2**40:,.0f} at most: it takes"
            f" {ceil(wanted.files * wanted.mean_bytes / limits.share_bytes)} shares or more"
        )
    if catalogue_bytes(wanted, basis) > server.memory_gib * 2**30 * basis.platform.memory_part:
        found.append("no server holds the catalogue in its memory: divide the shares among several installations")
    most = max(first.instances, daily.instances)
    if most > basis.platform.cores_per_region:
        found.append(
            f"{most:,} instances are more than the {basis.platform.cores_per_region} cores that a subscription has in a region: have that raised,"
            " or give a width"
        )
    if most * basis.platform.connections > server.connections:
        found.append(
            f"{most:,} instances may want {most * basis.platform.connections:,} connections, and {server.name} takes {server.connections:,}: give a smaller"
            " width, or take a larger server"
        )
    if daily.seconds > 24 * HOURS:
        found.append(
            f"a daily run takes {daily.seconds / HOURS:,.0f} hours: spread the shares over more accounts, or back them up less often"
        )
    return tuple(found)


def plain(value: float) -> str:
    """Without an exponent, however small."""
    return f"{value:.10f}".rstrip("0").rstrip(".")


def median_bytes(mean_bytes: float) -> float:
    """Of sizes with this mean."""
    return mean_bytes * exp(-(SIZE_SIGMA**2) / 2)
