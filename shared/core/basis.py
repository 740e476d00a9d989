"""What an estimate of a whole installation is reckoned with: prices, limits of Azure Files and of the platform, and what was measured.

``prices.toml`` has all of it, with sources.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from shared.core.cost import Prices, VaultPrices, read_prices


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A size of Postgres Flexible Server; ``month`` is its price."""

    name: str
    cores: int
    memory_gib: int
    disk_gb: int
    connections: int
    month: float
    standby: bool = True
    """Whether it can have high availability."""
    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FilesLimits:
    """The most that a kind of account, and a share in it, takes."""

    share_requests_per_s: float
    share_metadata_per_s: float
    """Of these, Lists and other requests that are not for content."""
    account_requests_per_s: float
    account_bytes_per_s: float
    share_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """What is known or assumed of the platform; ``prices.toml`` says which is which."""

    cores_per_region: int
    core_part: float
    catalogue_core_part: float
    list_s: float
    lists_at_once: int
    memory_part: float
    connections: int
    instances_per_s: float
    round_gap_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """What was measured: seconds of a core, and bytes."""

    worker_s_per_directory: float
    """Listed and found unchanged; beside what its entries take."""
    worker_s_per_entry: float
    worker_s_per_file: float
    """Read and saved, beside its bytes."""
    worker_s_per_byte: float
    catalogue_s_per_directory: float
    """The same of the server of the catalogue."""
    catalogue_s_per_file: float
    rebuilt_files_per_s: float
    """Per core of a worker."""
    catalogue_bytes_per_file: float
    catalogue_bytes_per_directory: float
    catalogue_growth: float
    """After months of nightly changes, by its size when fresh."""
    manifest_bytes_per_file: float
    member_bytes_per_file: float
    """Of a bundle beside content: its TAR header and its frame."""
    list_bytes_per_entry: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Fixed:
    """A price beside those of runs."""

    value: float
    unit: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Basis:
    """All that an estimate is reckoned with."""

    prices: Prices
    fixed: Mapping[str, Fixed]
    tiers: Mapping[str, VaultPrices]
    """Of content in the vault: those that the price table has for runs, and others."""
    tier_sources: Mapping[str, str]
    servers: tuple[Server, ...]
    """The smallest first."""
    limits: Mapping[str, FilesLimits]
    platform: Platform
    rates: Rates


def read_basis(text: str) -> Basis:
    """Read the price table, all of it.

    :raises ValueError: it is not TOML, or something in it is missing, negative or not a number.
    """
    prices, table = read_prices(text), tomllib.loads(text)
    try:
        later = {name: dict(values) for name, values in table["later_tiers"].items()}
        sources = {name: values.pop("source") for name, values in later.items()}
        basis = Basis(
            prices=prices,
            fixed={name: Fixed(**values) for name, values in table["fixed"].items()},
            tiers={**prices.vault, **{name: VaultPrices(**values) for name, values in later.items()}},
            tier_sources=sources,
            servers=tuple(Server(**one) for one in table["postgres"]),
            limits={name: FilesLimits(**values) for name, values in table["limits"].items()},
            platform=Platform(**table["platform"]),
            rates=Rates(**table["measured"]),
        )
    except (KeyError, TypeError) as error:
        raise ValueError(f"the price table lacks something or has too much: {error}") from error
    groups: list[Mapping[str, Any]] = [asdict(price) for price in basis.fixed.values()]
    groups += [asdict(tier) for tier in basis.tiers.values()]
    groups += [asdict(server) for server in basis.servers]
    groups += [asdict(kind) for kind in basis.limits.values()]
    groups += [asdict(basis.platform), asdict(basis.rates)]
    for name, value in (
        (n, v) for group in groups for n, v in group.items() if n not in ("name", "unit", "source", "standby")
    ):
        if not isinstance(value, int | float) or value < 0:
            raise ValueError(f"the price table has {name} = {value!r}; expected a number from 0 up")
    return basis
