"""What is protected, what runs took, and what that costs."""

from typing import Annotated

from pydantic import Field

from http_api.models.base import Paged, Part, Shown
from http_api.models.runs import Cost


class UsageQuery(Paged):
    """Of which month."""

    month: Annotated[
        str,
        Field(
            pattern=r"^$|^(19|20|21)[0-9]{2}-(0[1-9]|1[0-2])$",
            description="Such as 2026-11; this one unless given. In UTC.",
        ),
    ] = ""


class Amount(Shown):
    """Something protected."""

    files: int
    bytes: int


class Requests(Shown):
    """Requests by what they are charged as: of the shares, and of the vault."""

    list: int
    read: int
    write: int
    other: int
    vault_read: int
    vault_write: int


class Month(Shown):
    """What the runs took that ended in a month."""

    runs: int
    seconds: Annotated[float, Field(description="Of work on them, pauses left out.")]
    requests: Requests
    vault_bytes: Annotated[int, Field(description="Written to the vault.")]
    cost: Cost


class ShareUsage(Shown):
    """One share."""

    tenant_id: str
    share_id: int
    share_name: str
    protected: Annotated[Amount, Field(description="What the newest restore point holds.")]
    restore_points: int
    vault_bytes: Annotated[int, Field(description="Written to the vault since the beginning, deleted or not.")]
    month: Month


class TotalUsage(Shown):
    """All shares together that one sees, on whichever part of the list they are."""

    shares: int
    protected: Amount
    vault_bytes: int
    month: Month


class Usage(Part):
    """Usage by share, in the order of tenants' and shares' ids."""

    month: Annotated[str, Field(examples=["2026-11"])]
    total: TotalUsage
    shares: list[ShareUsage]
