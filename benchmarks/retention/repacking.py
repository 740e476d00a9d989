"""``python -m benchmarks repacking``: what repacking saves over years, by simulation; the numbers of docs/adr/0016.

A share of office files (sizes log-normal around 22 KB, ten to a directory) is backed up every night. Each directory has a rate of its own at which its
files change or make room for others: most hardly ever, some every week (a gamma distribution of shape 0.3). Bundles are filled as backups fill them; a
bundle stays as long as the share or a kept restore point needs one of its members, and a week longer. Once a month a sweep looks which bundles
to repack, by the code that sweeps use (:mod:`shared.core.repacking`) or by a rule to compare with. What is added up is what is paid for the
vault: bytes by the month and operations. Files above 1 MiB are not in it: they are chunks.
"""

import argparse
import datetime as dt
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shared.core import outlook, repacking
from shared.core.cost import GB, VaultPrices, read_prices
from shared.core.retention import decide
from shared.model.retention import Dated, RetentionPolicy
from shared.wiring import PRICES

BUNDLE_BYTES: Final = 64 << 20
NIGHT_BYTES: Final = 48 << 20
FILES: Final = 60_000
FILES_PER_DIRECTORY: Final = 10
SHAPE: Final = 0.3
MARGIN_DAYS: Final = 7
SWEEP_DAYS: Final = 30
DAYS_PER_MONTH: Final = 30.4375
START: Final = dt.datetime(2025, 1, 1, 22, tzinfo=dt.UTC)

POLICIES: Final = {
    "30 days": RetentionPolicy(daily=30),
    "14 days, 8 weeks, 12 months": RetentionPolicy(daily=14, weekly=8, monthly=12),
    "14 days, 8 weeks, 24 months": RetentionPolicy(daily=14, weekly=8, monthly=24),
    "14 days, 12 months, 7 years": RetentionPolicy(daily=14, monthly=12, yearly=7),
}
RATES: Final = (0.001, 0.005, 0.02)
"""Of a share's files that change in a night."""

Choose = Callable[[repacking.Bundles, float, VaultPrices], NDArray[Any]]


def by_half(bundles: repacking.Bundles, _tail_months: float, _prices: VaultPrices) -> NDArray[Any]:
    """The rule of thumb: what is less than half current is written anew."""
    return np.flatnonzero((bundles.live > 0) & (bundles.live < bundles.size / 2))


RULES: Final[dict[str, Choose | None]] = {"never": None, "below half": by_half, "when it saves": repacking.choose}


@dataclass
class _Bundles:
    day: list[int] = field(default_factory=list)
    size: list[float] = field(default_factory=list)
    last: list[float] = field(default_factory=list)
    """Day from which on the share has none of it; infinite: it has."""


class Simulation:
    """One share under one policy."""

    def __init__(
        self, policy: RetentionPolicy, rate: float, prices: VaultPrices, choose: Choose | None, seed: int
    ) -> None:
        rng = self._rng = np.random.default_rng(seed)
        self._policy, self._prices, self._choose = policy, prices, choose
        rates = rng.gamma(SHAPE, rate / SHAPE, FILES // FILES_PER_DIRECTORY)
        self._rates = np.minimum(np.repeat(rates, FILES_PER_DIRECTORY), 0.9)
        self._sizes: NDArray[np.float64] = self._new_sizes(FILES)
        self._in = np.zeros(FILES, dtype=np.int64)
        self._bundles = _Bundles()
        self._points: list[int] = []
        self.storage = self.operations = 0.0
        self.copied = 0.0
        self.stored: list[float] = []

    def _new_sizes(self, count: int) -> NDArray[Any]:
        return np.minimum(np.exp(self._rng.normal(10, 2.5, count)), 1 << 20)

    def _pack(self, day: int, files: NDArray[Any], target: int) -> int:
        """Write these files into new bundles; how many those are."""
        groups = (np.cumsum(self._sizes[files]) // target).astype(np.int64)
        for group in range(int(groups[-1]) + 1 if len(files) else 0):
            some = files[groups == group]
            self._in[some] = len(self._bundles.day)
            self._bundles.day.append(day)
            self._bundles.size.append(float(self._sizes[some].sum()))
            self._bundles.last.append(math.inf)
        return int(groups[-1]) + 1 if len(files) else 0

    def _night(self, day: int) -> None:
        changed = np.flatnonzero(self._rng.random(FILES) < self._rates) if day else np.arange(FILES)
        if day:
            self._sizes[changed] = self._new_sizes(len(changed))
        self._pack(day, changed, BUNDLE_BYTES if not day else NIGHT_BYTES)
        self._points.append(day)
        has = np.zeros(len(self._bundles.day), dtype=np.bool_)
        has[self._in] = True
        for at in np.flatnonzero(~has & np.isinf(self._bundles.last)):
            self._bundles.last[at] = day

    def _prune(self, day: int) -> tuple[NDArray[Any], NDArray[Any]]:
        """Days of the restore points that are kept, and for how many months they are likely to be."""
        points = [Dated(at + 1, START + dt.timedelta(days=at)) for at in self._points]
        now = START + dt.timedelta(days=day)
        kept = [d.run_no - 1 for d in decide(points, self._policy, now) if d.keep]
        likely = outlook.kept_for(points, self._policy, now)
        self._points = sorted(kept)
        return np.array(self._points), np.array([likely[at + 1] / outlook.MONTH_S for at in self._points])

    def _sweep(self, day: int) -> None:
        points, likely = self._prune(day)
        b = self._bundles
        born, last = np.array(b.day), np.array(b.last)
        # A bundle is needed by the restore points from when it was written to when the share had none of it any more.
        first, end = np.searchsorted(points, born), np.searchsorted(points, last)
        held = np.array([likely[f:e].max(initial=-1.0) for f, e in zip(first, end, strict=True)])
        gone = np.isfinite(last) & (held < 0) & (last < day - MARGIN_DAYS)
        for at in np.flatnonzero(gone):
            b.size[at] = 0.0
        if self._choose is None:
            return
        count = len(b.day)
        live: NDArray[np.float64] = np.bincount(self._in, weights=self._sizes, minlength=count).astype(np.float64)
        members = np.bincount(self._in, minlength=count).astype(np.float64)
        there = np.flatnonzero(live > 0)
        margin = (MARGIN_DAYS + SWEEP_DAYS / 2) / DAYS_PER_MONTH
        columns = repacking.Bundles(
            size=np.array(b.size)[there],
            live=live[there],
            members=members[there],
            pages=np.ceil(members[there] / 3),
            age=(day - born[there]) / DAYS_PER_MONTH,
            held=np.maximum(held[there], 0) + margin,
        )
        chosen = self._choose(columns, float(likely.max()) + margin, self._prices)
        self.operations += float(repacking.copying(columns, self._prices)[chosen].sum())
        files = np.flatnonzero(np.isin(self._in, there[chosen]))
        self.copied += float(self._sizes[files].sum())
        self._pack(day, files, BUNDLE_BYTES)
        for at in there[chosen]:
            b.last[at] = day + 1

    def run(self, years: int) -> "Simulation":
        """Back up every night."""
        for day in range(round(years * 365.25)):
            self._night(day)
            if day % SWEEP_DAYS == SWEEP_DAYS - 1:
                self._sweep(day)
            now = sum(self._bundles.size)
            self.storage += now / GB * self._prices.gb_month / DAYS_PER_MONTH
            if day % 365 == 364:
                self.stored.append(now / float(self._sizes.sum()))
        return self


def add(parsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the subcommand."""
    parser = parsers.add_parser(
        "repacking",
        help="what repacking bundles saves over years: a simulation",
        description="Simulate years of nightly backups under several policies, with and without repacking. Some ten minutes.",
    )
    parser.add_argument("--years", type=int, default=6, metavar="N", help="6")
    parser.add_argument("--tier", default="Hot", metavar="TIER", help="of the vault, as in prices.toml (Hot)")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Simulate, print."""
    prices = read_prices(PRICES.read_text(encoding="utf-8"))
    vault = prices.vault[options.tier]
    print(
        f"{options.years} years, {options.tier}; paid: compared with never; copied, stored at the end: times the share's small files"
    )
    print(f"{'policy':30} {'changed':>8} {'rule':>14} {'paid':>8} {'copied':>7} {'stored':>7}")
    for name, policy in POLICIES.items():
        for rate in RATES:
            never = None
            for rule, choose in RULES.items():
                done = Simulation(policy, rate, vault, choose, seed=1).run(options.years)
                paid = done.storage + done.operations
                never = never or paid
                size = float(done._sizes.sum())
                print(
                    f"{name:30} {rate:8.1%} {rule:>14} {paid / never - 1:+8.1%} {done.copied / size:7.2f} {done.stored[-1]:7.2f}",
                    flush=True,
                )
