"""``python -m benchmarks plan``: simulate an installation of any size, and say what it takes and costs."""

import argparse
from dataclasses import replace
from pathlib import Path

from benchmarks import report
from benchmarks.plan import documents, planning
from benchmarks.report import BenchmarkFailed
from shared.core.basis import Basis
from shared.core.sizing import Installation
from shared.errors import InvalidInput

DEFAULT = Installation(files=1_000_000_000, shares=10)


def add(parsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the subcommand."""
    parser = parsers.add_parser(
        "plan",
        help="a simulation: what a billion files take and cost, with your assumptions",
        description="Simulate the first backup and a daily run of very many files, batch by batch, and say what they take and what the whole costs. "
        "Seconds, and nothing is started. docs/BILLION.md goes through an answer; docs/BENCHMARKS.md says what each number means.",
    )
    one = parser.add_argument
    one("--files", type=_whole, default=DEFAULT.files, metavar="N", help="such as 1e9, the default")
    one("--mean-bytes", type=_whole, default=int(DEFAULT.mean_bytes), metavar="N", help="of a file (default: 100000)")
    one(
        "--files-per-directory",
        type=float,
        default=DEFAULT.files_per_directory,
        metavar="N",
        help="(default: 10.9, as of the office profile)",
    )
    one("--changed", type=float, default=0.005, metavar="PART", help="of all files, per day (default: 0.005)")
    one("--shares", type=_whole, default=DEFAULT.shares, metavar="N", help="(default: 10)")
    one("--accounts", type=_whole, default=1, metavar="N", help="that the shares are spread over (default: 1)")
    one(
        "--skew",
        type=float,
        default=0.0,
        metavar="X",
        help="of shares' sizes: the n-th has n^-X of the largest (default: 0, all alike)",
    )
    one(
        "--account-kind",
        default=DEFAULT.account_kind,
        metavar="KIND",
        help="pay_as_you_go (default), hdd_provisioned or ssd_provisioned",
    )
    one("--files-tier", default=DEFAULT.files_tier, metavar="TIER", help="TransactionOptimized (default), Hot or Cool")
    one(
        "--vault-tier",
        default=DEFAULT.vault_tier,
        metavar="TIER",
        help="that content is kept in: Hot (default), Cool or Cold",
    )
    one(
        "--restore-points",
        type=_whole,
        default=DEFAULT.restore_points,
        metavar="N",
        help="kept, one a day (default: 30)",
    )
    one(
        "--width",
        type=_whole,
        metavar="N",
        help="activities of one share side by side (default: as many as use up what shares give)",
    )
    one("--first-width", type=_whole, metavar="N", help="the same of the first backup alone")
    one("--processes", action="store_true", help="workers are processes, which have no rounds (docs/OPERATIONS.md)")
    one("--account-requests-per-s", type=_whole, metavar="N", help="that an account takes (default: of its kind)")
    one("--share-requests-per-s", type=_whole, metavar="N", help="that a share takes (default: of its kind)")
    one("--list-ms", type=float, metavar="N", help="that a List takes (default: 30, assumed)")
    one("--read-ms", type=float, metavar="N", help="that a small read takes (default: 20, assumed)")
    one(
        "--core-part",
        type=float,
        metavar="PART",
        help="of the measured machine's core that an instance's does (default: 0.5, assumed)",
    )
    one("--no-private-endpoints", action="store_true", help="shares and vault are reached without")
    one("--no-high-availability", action="store_true", help="the catalogue has one server")
    one("--seed", type=_whole, default=planning.SEED, metavar="N", help="(default: 7)")
    one("--json", type=Path, metavar="FILE", help="write the results as one flat JSON object")
    one(
        "--documents",
        action="store_true",
        help="nothing else: write the tables of docs/BILLION.md and docs/OPERATIONS.md anew",
    )
    parser.set_defaults(run=run)


def _whole(text: str) -> int:
    """``1e9`` and ``1_000`` as well."""
    try:
        number = float(text.replace("_", ""))
    except ValueError:
        number = 0.0
    if not 1 <= number < 1e15 or number % 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 on, such as 1000000 or 1e9")
    return int(number)


def run(options: argparse.Namespace) -> None:
    """Simulate, print, write."""
    if options.documents:
        for path in documents.write():
            print(f"{path} is up to date")
        return
    try:
        found = planning.simulated(
            wanted_of(options),
            basis_of(options),
            seed=options.seed,
            skew=options.skew,
            rounds=not options.processes,
            first_width=options.first_width,
        )
    except InvalidInput as wrong:
        raise BenchmarkFailed(str(wrong)) from wrong
    results = planning.results_of(found)
    print(report.table(results, {}))
    for warning in found.estimate.warnings:
        print(f"warning: {warning}")
    for assumption in found.estimate.assumptions:
        print(f"assumed: {assumption}")
    if options.json:
        report.write(options.json, results)


def wanted_of(options: argparse.Namespace) -> Installation:
    """What was asked for."""
    if not 0 <= options.changed <= 1:
        raise BenchmarkFailed(f"--changed is {options.changed}; expected a part of all files, 0 to 1")
    if options.files_per_directory <= 0:
        raise BenchmarkFailed(f"--files-per-directory is {options.files_per_directory}; expected a number above 0")
    return Installation(
        files=options.files,
        mean_bytes=options.mean_bytes,
        files_per_directory=options.files_per_directory,
        changed_files=options.changed * options.files,
        shares=options.shares,
        accounts=options.accounts,
        account_kind=options.account_kind,
        files_tier=options.files_tier,
        restore_points=options.restore_points,
        vault_tier=options.vault_tier,
        width=options.width,
        private_endpoints=not options.no_private_endpoints,
        high_availability=not options.no_high_availability,
    )


def basis_of(options: argparse.Namespace) -> Basis:
    """The product's, with what was given instead."""
    basis = planning.basis()
    limits = dict(basis.limits)
    if options.account_kind in limits:
        kind = limits[options.account_kind]
        share = options.share_requests_per_s or kind.share_requests_per_s
        limits[options.account_kind] = replace(
            kind,
            account_requests_per_s=options.account_requests_per_s or kind.account_requests_per_s,
            share_requests_per_s=share,
            share_metadata_per_s=min(share, kind.share_metadata_per_s)
            if options.share_requests_per_s is None
            else share,
        )
    platform, speed = basis.platform, basis.prices.speed
    return replace(
        basis,
        limits=limits,
        platform=replace(
            platform,
            list_s=platform.list_s if options.list_ms is None else options.list_ms / 1000,
            core_part=options.core_part or platform.core_part,
        ),
        prices=replace(
            basis.prices,
            speed=replace(
                speed, seconds_per_read=speed.seconds_per_read if options.read_ms is None else options.read_ms / 1000
            ),
        ),
    )
