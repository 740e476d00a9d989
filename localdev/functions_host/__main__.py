"""Run a Functions app on this machine: ``python -m localdev.functions_host --app DIR --port P --postgres URL``."""

import argparse
import asyncio
import dataclasses
import ipaddress
import logging
import os
import secrets
import signal
import sys
from collections.abc import MutableMapping, Sequence
from pathlib import Path

from localdev.functions_host import logs
from localdev.functions_host.host import Host, Options
from localdev.functions_host.host_json import AppError, apply_local_settings, read_host_json
from localdev.functions_host.loading import load_app

log = logging.getLogger("localdev.functions_host")

#: Default time after which a silent host's activities go to others.
LEASE_SECONDS = 10.0

#: Default time running activities get to finish when the host is told to stop.
GRACE_SECONDS = 5.0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="functions_host", description=__doc__)
    parser.add_argument("--app", type=Path, required=True, help="directory with function_app.py and host.json")
    parser.add_argument("--port", type=int, required=True, help="port to serve on; 0 takes any free one")
    parser.add_argument("--host", default="127.0.0.1", help="loopback address to serve on (default %(default)s)")
    parser.add_argument("--postgres", required=True, metavar="URL", help="database for instances, tasks and timers")
    parser.add_argument("--hub", help="task hub name (default: hubName of host.json)")
    parser.add_argument("--key", help="host key (default: FUNCTIONS_HOST_KEY, or a random one)")
    parser.add_argument(
        "--lease-seconds", type=float, default=LEASE_SECONDS, help="an activity of a silent host is retaken after this"
    )
    parser.add_argument(
        "--grace-seconds", type=float, default=GRACE_SECONDS, help="time for running activities when told to stop"
    )
    parser.add_argument(
        "--record",
        type=Path,
        metavar="DIR",
        help="write down what the host is told and what it answers (default: FUNCTIONS_HOST_RECORD, or nothing)",
    )
    parser.add_argument("--log-level", default="INFO", choices=["DEBUG", "INFO", "WARNING", "ERROR"])
    return parser


def _directory(named: str | None) -> Path | None:
    return Path(named) if named else None


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


async def _serve(host: Host) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stopped.set)
    await host.start()
    print(f"functions host ready on {host.address}", flush=True)
    told, broken = asyncio.create_task(stopped.wait()), asyncio.create_task(host.watch())
    await asyncio.wait({told, broken}, return_when=asyncio.FIRST_COMPLETED)
    # The SDK keeps one HTTP session for the life of the process and has no way to close it.
    loop.set_exception_handler(lambda _, context: log.debug("at_exit", extra={"context": context.get("message")}))
    failure = broken.exception() if broken.done() and not broken.cancelled() else None
    told.cancel()
    await host.stop()
    if failure:
        raise failure
    await asyncio.gather(broken, return_exceptions=True)


def main(arguments: Sequence[str], environ: MutableMapping[str, str]) -> int:
    """Run until told to stop; 0 after an orderly stop, 2 when the app or the options cannot be used."""
    options = _parser().parse_args(arguments)
    logs.configure(options.log_level)
    app_dir = options.app.resolve()
    try:
        if not _is_loopback(options.host):
            raise AppError(f"--host {options.host}: this host serves loopback addresses only")
        settings = read_host_json(app_dir)
        if options.hub:
            settings = dataclasses.replace(settings, hub=options.hub)
        apply_local_settings(app_dir, environ)
        app = load_app(app_dir, hub=settings.hub, environ=environ)
        host = Host(
            app,
            settings,
            Options(
                postgres_url=options.postgres,
                host=options.host,
                port=options.port,
                hub=settings.hub,
                key=options.key or environ.get("FUNCTIONS_HOST_KEY") or secrets.token_urlsafe(24),
                lease_seconds=options.lease_seconds,
                grace_seconds=options.grace_seconds,
                record=options.record or _directory(environ.get("FUNCTIONS_HOST_RECORD")),
            ),
        )
        asyncio.run(_serve(host))
    except AppError as error:
        log.error("cannot_start", extra={"reason": str(error)})
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
