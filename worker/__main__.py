"""Work on runs as a plain process: ``python -m worker``. Settings are those of the app (AFB_... in the environment)."""

import argparse
import asyncio
import os
import re
import signal
import socket
import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from shared import settings as settings_module
from shared.adapters.system import SystemIds, keep_memory_low
from shared.errors import BackupError, InvalidInput, NotFound
from shared.settings import Settings
from shared.wiring import make_app
from worker import events, rebuild
from worker.events import log
from worker.health import served
from worker.serve import Worker

_WHAT: Final = re.compile(r"[a-z0-9][a-z0-9-]*(/[1-9][0-9]{0,9})?")

WAIT_S: Final = 1.0
"""A worker that found nothing to claim in a run for this long looks at the other runs."""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="worker",
        description=__doc__,
        epilog="SIGTERM or Ctrl-C: finish the batch in hand, give back the rest, leave. A second one: leave at once.",
    )
    parser.add_argument("--run", type=int, metavar="RUN_ID", help="work on this run only, and leave when it has ended")
    parser.add_argument("--until-idle", action="store_true", help="leave when no run has anything to do")
    parser.add_argument(
        "--rebuild",
        metavar="WHAT",
        help="first queue rebuilds of the catalogue from the vault: of all shares (all), TENANT, or TENANT/SHARE_ID",
    )
    parser.add_argument(
        "--restore-point", type=int, metavar="N", help="of the one share: as it was at this restore point"
    )
    parser.add_argument("--replace", action="store_true", help="of the one share: drop the catalogue that it has")
    parser.add_argument(
        "--credential",
        default="",
        metavar="NAME",
        help="of shares whose restore points are from before the vault said it (default: managed identity)",
    )
    parser.add_argument(
        "--health-port",
        type=int,
        metavar="PORT",
        help="answer /healthz, /readyz and /metrics there; 0: at any free port",
    )
    parser.add_argument(
        "--health-host", default="127.0.0.1", metavar="HOST", help="at this address (default: this machine only)"
    )
    parser.add_argument("--name", help="name of this worker, unlike any other's (default: host, process id, random)")
    parser.add_argument(
        "--log-level", choices=["DEBUG", "INFO", "WARNING", "ERROR"], help="default: AFB_LOG_LEVEL, or INFO"
    )
    return parser


async def _serve(options: argparse.Namespace, settings: Settings) -> None:
    name = options.name or f"{socket.gethostname()}-{os.getpid()}-{SystemIds().new()[:6]}"
    app = await make_app(settings)
    keep_memory_low()
    try:
        app.limits = replace(app.limits, wait_s=WAIT_S)
        if options.rebuild is not None:
            await rebuild.queue(
                app,
                options.rebuild,
                options.restore_point,
                replace=options.replace,
                credential=options.credential,
            )
        worker = Worker(app, name, only=options.run, until_idle=options.until_idle)

        def told(number: int) -> None:
            if app.leaving:
                os._exit(128 + number)
            log.info("worker_leaving", extra={"worker": name, "signal": number})
            worker.leave()

        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, told, number)
        async with served(app, worker, options.health_host, options.health_port):
            log.info("worker_started", extra={"worker": name})
            await worker.serve()
        log.info("worker_left", extra={"worker": name})
    finally:
        await app.aclose()


def main(arguments: Sequence[str]) -> int:
    """0 after an orderly end, however the runs went; 2 when settings or options cannot be used, 1 for trouble at the start."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.rebuild is not None and not _WHAT.fullmatch(options.rebuild):
        parser.error(f"--rebuild {options.rebuild!r}: expected all, TENANT, or TENANT/SHARE_ID")
    if (options.restore_point is not None or options.replace) and "/" not in (options.rebuild or ""):
        parser.error("--restore-point and --replace are about one share: --rebuild TENANT/SHARE_ID")
    events.configure(options.log_level or "INFO")  # until the settings are known
    try:
        settings = settings_module.from_process()
        events.configure(options.log_level or settings.log_level, settings.log_format)
        asyncio.run(_serve(options, settings))
    except (InvalidInput, NotFound) as error:
        log.error("cannot_start", extra={"reason": str(error)})
        return 2
    except BackupError as error:
        log.error("cannot_start", extra={"reason": str(error)})
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
