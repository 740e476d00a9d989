"""What an installation of some size would take and cost."""

from typing import Annotated, Literal

from pydantic import Field

from http_api.models.base import DIGITS, Query, Shown
from http_api.models.runs import PricesUsed


class EstimateQuery(Query):
    """What there is to back up, and how."""

    files: Annotated[int, DIGITS, Field(ge=1, le=10**12, description="Of all shares together.")]
    mean_bytes: Annotated[float, Field(ge=0, le=2**42, allow_inf_nan=False, description="Of a file.")] = 100_000
    files_per_directory: Annotated[
        float,
        Field(gt=0, le=10**7, allow_inf_nan=False, description="On average. 10.9 is that of a share of office files."),
    ] = 10.9
    changed_files: Annotated[
        float | None,
        Field(
            ge=0, le=10**12, allow_inf_nan=False, description="New or changed per day; one in two hundred unless given."
        ),
    ] = None
    touched_directories: Annotated[
        float | None,
        Field(ge=0, le=10**12, allow_inf_nan=False, description="In which these are; reckoned unless given."),
    ] = None
    shares: Annotated[int, DIGITS, Field(ge=1, le=100_000, description="That the files are in, evenly.")] = 1
    accounts: Annotated[
        int, DIGITS, Field(ge=1, le=100_000, description="Storage accounts that the shares are in, evenly.")
    ] = 1
    account_kind: Annotated[
        Literal["pay_as_you_go", "hdd_provisioned", "ssd_provisioned"],
        Field(description="Of provisioned ones requests are not charged."),
    ] = "pay_as_you_go"
    files_tier: Annotated[
        Literal["TransactionOptimized", "Hot", "Cool"],
        Field(description="Access tier of the shares: what a request costs."),
    ] = "TransactionOptimized"
    restore_points: Annotated[int, DIGITS, Field(ge=1, le=10_000, description="That are kept, one a day.")] = 30
    vault_tier: Annotated[
        Literal["Hot", "Cool", "Cold"],
        Field(description="In which content is kept; manifests are Hot."),
    ] = "Hot"
    width: Annotated[
        int | None,
        Field(
            ge=1,
            le=100,
            description="Activities of one run side by side; as many as use up what the shares give unless given.",
        ),
    ] = None
    private_endpoints: Annotated[bool, Field(description="Shares and vault are reached through private endpoints.")] = (
        True
    )
    high_availability: Annotated[bool, Field(description="The catalogue has a standby server.")] = True


class EstimatedRequests(Shown):
    """Requests by what they are charged as: of the shares, and of the vault."""

    list: int
    read: int
    other: int
    vault_read: int
    vault_write: int


class Bound(Shown):
    """What may hold a run up."""

    bound: str
    seconds: Annotated[float, Field(description="That the run takes at the least because of it alone.")]


class EstimatedCost(Shown):
    """What a run costs, once."""

    files_operations: float
    vault_operations: float
    compute: float
    network: Annotated[float, Field(description="Bytes through private endpoints.")]
    tiering: Annotated[float, Field(description="What content costs more to write in its tier.")]
    total: float


class EstimatedRun(Shown):
    """A backup of all shares side by side."""

    seconds: float
    bound: Annotated[str, Field(description="What makes it last so long: the greatest of `bounds`.")]
    bounds: list[Bound]
    width: Annotated[int, Field(description="Activities of each share's run side by side: AFB_WIDTH.")]
    instances: Annotated[int, Field(description="Of 2 GB and one core, for all shares.")]
    instance_seconds: float
    requests: EstimatedRequests
    read_bytes: int
    listed_bytes: int
    stored_bytes: int
    cost: EstimatedCost


class EstimatedCatalogue(Shown):
    """The Postgres server."""

    fresh_bytes: int
    bytes: Annotated[int, Field(description="After months of nightly changes.")]
    server: Annotated[str, Field(description="The smallest that holds it in its memory.")]
    cores: int
    memory_gib: int
    month: Annotated[float, Field(description="Price of one server; two with a standby.")]
    disk_gb: int
    rebuild_seconds: Annotated[
        float, Field(description="To make it anew from the vault with as many instances as the first backup had.")
    ]


class EstimatedVault(Shown):
    """The vault when all restore points are there."""

    content_bytes: int
    manifest_bytes: int
    objects: int


class MonthPart(Shown):
    """A part of the bill."""

    part: str
    cost: float


class Estimate(Shown):
    """What it takes and costs, at list prices: for planning, not what will be on the bill."""

    currency: str
    first: EstimatedRun
    daily: EstimatedRun
    catalogue: EstimatedCatalogue
    vault: EstimatedVault
    month: list[MonthPart]
    month_total: float
    assumptions: Annotated[list[str], Field(description="What was not known, or left out.")]
    warnings: Annotated[list[str], Field(description="What will not work like this, and what to do.")]
    prices: PricesUsed
