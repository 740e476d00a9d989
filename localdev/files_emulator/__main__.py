"""Command line: ``python -m localdev.files_emulator --port 10004``, and the commands of ``commands``."""

import argparse
import asyncio
import gc
import logging
import signal
import sys
from pathlib import Path

from localdev.files_emulator import commands
from localdev.files_emulator.account import DEVELOPMENT_ACCOUNT
from localdev.files_emulator.loading import open_account
from localdev.files_emulator.routes import Refused
from localdev.files_emulator.server import Emulator
from localdev.files_emulator.store_sqlite import StoreInUse
from localdev.files_emulator.synthetic_shape import Shape


def main() -> None:
    """Serve until SIGTERM or SIGINT, unless the first argument is a command."""
    if sys.argv[1:2] and sys.argv[1] in commands.COMMANDS:
        commands.main(sys.argv[1:])
        return
    parser = argparse.ArgumentParser(
        prog="python -m localdev.files_emulator",
        description=f"An Azure Files service (FileREST) for one machine. Commands that fill shares, with a --help of their own: {', '.join(commands.COMMANDS)}.",
        epilog=f"The account is {DEVELOPMENT_ACCOUNT} with the well-known development key. Prints its URL when it is ready, then the control API's.",
    )
    parser.add_argument("--port", type=int, default=10004, help="TCP port; 0 picks a free one (default: 10004)")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1)")
    parser.add_argument(
        "--control-port", type=int, help="TCP port of the control API, on 127.0.0.1 (default: the one after --port)"
    )
    parser.add_argument("--data", type=Path, help="directory to keep everything in (default: memory only)")
    parser.add_argument("--log", type=Path, help="file to append every request to, as JSON lines")
    parser.add_argument(
        "--synthetic",
        metavar="NAME=PROFILE:FILES:SEED",
        action="append",
        default=[],
        type=commands.named_recipe,
        help="make a synthetic share, for instance big=office:10m:1, unless it is there already; may be repeated",
    )
    options = parser.parse_args()
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    control_port = options.control_port
    if control_port is None:
        control_port = options.port + 1 if options.port else 0
    asyncio.run(_serve(options.host, options.port, control_port, options.data, options.log, options.synthetic))


async def _serve(
    host: str, port: int, control_port: int, data: Path | None, log: Path | None, synthetic: list[tuple[str, Shape]]
) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    emulator = _emulator(data)
    # A tree of a million nodes holds no garbage cycles, but the collector's default thresholds walk it for some anyway.
    gc.set_threshold(50_000, 20, 100)
    # asyncio receives into 256 KiB, which glibc maps and unmaps for every request until something larger was freed once.
    # Left to chance, that costs a small GET 62 us of CPU instead of 46.
    freed_once = bytes(1024 * 1024)
    del freed_once
    try:
        if log is not None:
            emulator.control.log.write_to(log)
        for name, shape in synthetic:
            await emulator.fill.synthetic(name, shape, unless_there=True)
        await emulator.start(host, port, control_port)
    except (OSError, Refused) as error:
        raise SystemExit(f"error: {error}") from None
    print(f"Azure Files emulator: {emulator.url}\nControl API: {emulator.control_url}", flush=True)
    await stopped.wait()
    await emulator.stop()


def _emulator(data: Path | None) -> Emulator:
    if data is None:
        return Emulator()
    try:
        return Emulator(*open_account(data))
    except StoreInUse as error:
        raise SystemExit(f"error: {error}") from None


main()
