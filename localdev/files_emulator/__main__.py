"""Command line: ``python -m localdev.files_emulator --port 10004``, and the commands of ``commands``."""

import argparse
import asyncio
import gc
import logging
import re
import signal
import ssl
import sys
import tempfile
from base64 import b64decode
from contextlib import nullcontext
from pathlib import Path

from localdev.files_emulator import commands, tls
from localdev.files_emulator.account import DEVELOPMENT_ACCOUNT, DEVELOPMENT_KEY, Account
from localdev.files_emulator.loading import open_account
from localdev.files_emulator.routes import Refused
from localdev.files_emulator.server import Emulator
from localdev.files_emulator.store_sqlite import StoreInUse


def main() -> None:
    """Serve until SIGTERM or SIGINT, unless the first argument is a command."""
    if sys.argv[1:2] and sys.argv[1] in commands.COMMANDS:
        commands.main(sys.argv[1:])
        return
    parser = _parser()
    options = parser.parse_args()
    if (options.tls_cert is None) is not (options.tls_key is None):
        parser.error("--tls-cert and --tls-key go together")
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    is_temporary = options.tls and options.data is None
    with tempfile.TemporaryDirectory(prefix="files-emulator-") if is_temporary else nullcontext(options.data) as place:
        asyncio.run(_serve(options, Path(place or ".")))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m localdev.files_emulator",
        description=f"An Azure Files service (FileREST) for one machine. Commands that fill shares, with a --help of their own: {', '.join(commands.COMMANDS)}.",
        epilog="Prints its URL when it is ready, then the control API's, then with https where the certificate is.",
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
    parser.add_argument(
        "--account", type=_account, default=DEVELOPMENT_ACCOUNT, help=f"account name (default: {DEVELOPMENT_ACCOUNT})"
    )
    parser.add_argument(
        "--key", type=_key, default=DEVELOPMENT_KEY, help="account key in base64 (default: the well-known one)"
    )
    parser.add_argument(
        "--tls",
        action="store_true",
        help="serve https, with a certificate that signs itself: DIR/cert.pem of --data, or a temporary file",
    )
    parser.add_argument("--tls-cert", type=Path, help="serve https with this certificate (PEM), and --tls-key")
    parser.add_argument("--tls-key", type=Path, help="the key of --tls-cert (PEM)")
    parser.add_argument(
        "--strict-versions", action="store_true", help="refuse an x-ms-version that the service never had"
    )
    return parser


def _account(text: str) -> str:
    if not re.fullmatch("[a-z0-9]{3,24}", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not 3 to 24 lower-case letters and digits")
    return text


def _key(text: str) -> str:
    try:
        is_key = bool(b64decode(text, validate=True))
    except ValueError:
        is_key = False
    if not is_key:
        raise argparse.ArgumentTypeError("is not base64")
    return text


async def _serve(options: argparse.Namespace, place: Path) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    control_port = options.control_port
    if control_port is None:
        control_port = options.port + 1 if options.port else 0
    emulator = _emulator(options)
    # A tree of a million nodes holds no garbage cycles, but the collector's default thresholds walk it for some anyway.
    gc.set_threshold(50_000, 20, 100)
    # asyncio receives into 256 KiB, which glibc maps and unmaps for every request until something larger was freed once.
    # Left to chance, that costs a small GET 62 us of CPU instead of 46.
    freed_once = bytes(1024 * 1024)
    del freed_once
    try:
        if options.log is not None:
            emulator.control.log.write_to(options.log)
        for name, shape in options.synthetic:
            await emulator.fill.synthetic(name, shape, unless_there=True)
        certificate, context = _certificate(options, place)
        await emulator.start(options.host, options.port, control_port, context)
    except (OSError, Refused) as error:
        raise SystemExit(f"error: {error}") from None
    lines = [f"Azure Files emulator: {emulator.url}", f"Control API: {emulator.control_url}"]
    if certificate is not None:
        lines.append(f"Certificate: {certificate}")
    print("\n".join(lines), flush=True)
    await stopped.wait()
    await emulator.stop()


def _emulator(options: argparse.Namespace) -> Emulator:
    name, key, strict = options.account, options.key, options.strict_versions
    if options.data is None:
        return Emulator(Account(name, key), strict_versions=strict)
    try:
        return Emulator(*open_account(options.data, name, key), strict_versions=strict)
    except StoreInUse as error:
        raise SystemExit(f"error: {error}") from None


def _certificate(options: argparse.Namespace, place: Path) -> tuple[Path | None, ssl.SSLContext | None]:
    """Return the certificate that clients must trust, and what the server needs to use it; nothing without https.

    :param place: the directory for one that is made here.
    """
    if options.tls_cert is not None:
        return options.tls_cert, tls.server_context(options.tls_cert, options.tls_key)
    if not options.tls:
        return None, None
    certificate, key = tls.self_signed(place.absolute(), options.account)
    return certificate, tls.server_context(certificate, key)


main()
