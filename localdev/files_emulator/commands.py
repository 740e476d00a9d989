"""Commands that fill shares: of a running emulator through its control API, or of a stopped one in its directory."""

import argparse
import asyncio
import json
import sys
import threading
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.parse import quote
from urllib.request import ProxyHandler, Request, build_opener

from localdev.files_emulator.fill_api import FillApi
from localdev.files_emulator.loading import open_account
from localdev.files_emulator.routes import Refused
from localdev.files_emulator.store_sqlite import StoreInUse
from localdev.files_emulator.synthetic_shape import PROFILES, Shape, ShapeError, parse_recipe, shape_from

COMMANDS = ("import", "synthetic", "mutate")
_PROGRESS_S = 2.0

_Work = Callable[[FillApi], Coroutine[object, object, dict[str, object]]]


def named_recipe(text: str) -> tuple[str, Shape]:
    """Read ``NAME=PROFILE:FILES:SEED``, for argparse."""
    name, _, recipe = text.partition("=")
    try:
        return name, parse_recipe(recipe)
    except ShapeError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def main(arguments: list[str]) -> None:
    """Carry out the command that ``arguments`` begin with, and print what it did as JSON.

    :raises SystemExit: the command line is wrong, or what it asks for is refused.
    """
    options = _parser().parse_args(arguments)
    try:
        path, body, work = _asked(options)
        told = _remote(options.control, path, body) if options.control else asyncio.run(_local(options.data, work))
    except (ShapeError, Refused, StoreInUse, OSError) as error:
        raise SystemExit(f"error: {error}") from None
    print(json.dumps(told))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m localdev.files_emulator", description="Fill shares of the Azure Files emulator."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    importing = commands.add_parser("import", help="put a tree of this machine into a share, with its times")
    importing.add_argument("directory", type=Path, help="the directory whose content is imported")
    importing.add_argument("share", help="the share, which is made if there is none")
    synthetic = commands.add_parser(
        "synthetic",
        help="make a share that is computed on demand",
        description="Make a share whose directories and files are computed on demand, up to 500 million of them.",
    )
    synthetic.add_argument("share", help="the share, which must be new")
    synthetic.add_argument(
        "recipe",
        help=f"PROFILE:FILES:SEED, for instance office:10m:1, with a profile of {', '.join(PROFILES)}; or a shape as JSON",
    )
    mutate = commands.add_parser("mutate", help="change a part of a share's files")
    mutate.add_argument("share")
    mutate.add_argument("--percent", type=float, default=1.0, help="how many of the files (default: 1)")
    mutate.add_argument("--seed", type=int, default=1, help="which, and how (default: 1)")
    for command in (importing, synthetic, mutate):
        where = command.add_mutually_exclusive_group(required=True)
        where.add_argument("--control", metavar="URL", help="the control API of a running emulator")
        where.add_argument("--data", type=Path, help="the directory of an emulator that is not running")
    return parser


def _asked(options: argparse.Namespace) -> tuple[str, dict[str, object], _Work]:
    """Return a command as a route with its body, and as a piece of work."""
    share = options.share
    path = f"/shares/{quote(share, safe='')}/{options.command}"
    if options.command == "import":
        directory = options.directory.resolve()
        return path, {"directory": str(directory)}, lambda api: api.import_(share, directory)
    if options.command == "synthetic":
        text = options.recipe
        try:
            shape = shape_from(json.loads(text)) if text.startswith("{") else parse_recipe(text)
        except ValueError as error:
            raise ShapeError(str(error)) from None
        return path, shape.record(), lambda api: api.synthetic(share, shape)
    if not 0 <= options.percent <= 100 or options.seed < 0:
        raise ShapeError("--percent must be from 0 to 100, --seed not below 0")
    body = {"percent": options.percent, "seed": options.seed}
    return path, body, lambda api: api.mutate(share, options.percent, options.seed)


async def _local(data: Path, work: _Work) -> dict[str, object]:
    account, store = open_account(data)
    try:
        api = FillApi(account, store)
        doing = asyncio.ensure_future(work(api))
        while not (await asyncio.wait([doing], timeout=_PROGRESS_S))[0]:
            _show(api.work)
        return doing.result()
    finally:
        store.close()


def _remote(control: str, path: str, body: dict[str, object]) -> dict[str, object]:
    control = control.rstrip("/")
    if not control.startswith("http://"):
        raise OSError(f"{control} is not the URL of a control API: http://127.0.0.1:PORT")
    done = threading.Event()
    watcher = threading.Thread(target=_watch, args=(control, done), daemon=True)
    watcher.start()
    try:
        return _exchange(f"{control}{path}", json.dumps(body).encode())
    finally:
        done.set()
        watcher.join()


def _watch(control: str, done: threading.Event) -> None:
    """Tell how far the emulator is, every few seconds."""
    while not done.wait(_PROGRESS_S):
        try:
            _show(_exchange(f"{control}/work"))
        except (Refused, OSError):
            return  # who asked for the work will hear of it


def _exchange(url: str, body: bytes | None = None) -> dict[str, object]:
    request = Request(url, body, method="GET" if body is None else "POST")  # noqa: S310 - http, see above
    try:
        with build_opener(ProxyHandler({})).open(request) as reply:
            found: dict[str, object] = json.load(reply)
            return found
    except HTTPError as error:
        raise Refused(error.code, json.load(error)["error"]) from None
    except URLError as error:
        raise OSError(f"{url}: {error.reason}") from None


def _show(work: Mapping[str, object]) -> None:
    for share, counts in work.items():
        print(f"{share}: {counts}", file=sys.stderr, flush=True)
