"""``python -m localdev``: the one-machine stack from the command line."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from localdev.launcher.down import down
from localdev.launcher.place import DEFAULT_DATA, Place
from localdev.launcher.status import status
from localdev.launcher.up import up, up_detached
from localdev.services.service import ROOT

EXPORT = """\
Write every node (directory or file) that a share's last backups found to a table: node_id, parent_id, name, size, mtime
(Unix seconds), hash. All rows are of one moment, whatever runs meanwhile; they come in no particular order.
"""
EXPORT_EXAMPLES = """\
examples:
  python -m localdev export acme Files files.parquet
  python -m localdev export acme Files 2031.csv --path Finance/2031
  python -m localdev export acme 3 - --format csv --url postgresql://afb@db.example.com/afb | gzip > files.csv.gz

In CSV nothing between two commas is NULL (the root's parent_id, the size of directories), and "" is the root's empty name.
"""


def _parser() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        "--data",
        type=Path,
        default=DEFAULT_DATA,
        metavar="DIR",
        help="the stack's data; another directory is another stack (default: build/localdev)",
    )
    parser = argparse.ArgumentParser(prog="python -m localdev", description="The one-machine stack.")
    commands = parser.add_subparsers(dest="command", required=True)

    starting = commands.add_parser("up", parents=[common], help="start everything; Ctrl-C stops it")
    starting.add_argument("--detach", action="store_true", help="return when it is ready; it goes on in the background")
    starting.add_argument("--fresh", action="store_true", help="delete the data of earlier runs first")
    starting.add_argument("--no-host", action="store_true", help="leave out the Functions host (for `func start`)")
    starting.add_argument("--app", type=Path, default=ROOT, metavar="DIR", help="where function_app.py is")

    stopping = commands.add_parser("down", parents=[common], help="stop everything")
    stopping.add_argument("--erase", action="store_true", help="delete the data, too")

    looking = commands.add_parser("status", parents=[common], help="show what runs, where, and whether it is well")
    looking.add_argument("--json", action="store_true", help="for programs")

    exporting = commands.add_parser(
        "export",
        parents=[common],
        help="write the tree of a share to a CSV or Parquet file",
        description=EXPORT,
        epilog=EXPORT_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    exporting.add_argument("tenant", metavar="TENANT", help="id of the tenant")
    exporting.add_argument("share", metavar="SHARE", help="number or name of the share")
    exporting.add_argument("output", metavar="FILE", help="where to write; - is standard output")
    exporting.add_argument("--format", choices=("csv", "parquet"), help="default: what the name of FILE ends in")
    subtree = exporting.add_mutually_exclusive_group()
    subtree.add_argument("--path", default="", help="only the directory at this path, and what is below it")
    subtree.add_argument(
        "--node", type=int, metavar="ID", help="only the directory with this node_id, and what is below it"
    )
    exporting.add_argument(
        "--url", help="the catalogue's Postgres (default: that of the running stack); a password is safer in PGPASSWORD"
    )
    return parser


def main(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code."""
    chosen = _parser().parse_args(arguments)
    place = Place(chosen.data.resolve())
    match chosen.command:
        case "up" if chosen.detach:
            return up_detached(place, _without_detach(chosen, place))
        case "up":
            return up(place, app=chosen.app, fresh=chosen.fresh, with_host=not chosen.no_host)
        case "down":
            return down(place, erase=chosen.erase)
        case "export":
            # It alone needs the product, and Arrow: half a second that the others do without.
            from localdev.launcher.export import export

            return export(place, chosen)
        case _:
            return status(place, as_json=chosen.json)


def _without_detach(chosen: argparse.Namespace, place: Place) -> list[str]:
    """Return the command line of the ``up`` that runs in the background, which starts in another directory."""
    flags = [flag for flag, wanted in (("--fresh", chosen.fresh), ("--no-host", chosen.no_host)) if wanted]
    return ["up", "--data", str(place.data), "--app", str(chosen.app.resolve()), *flags]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
