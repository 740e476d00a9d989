"""Upkeep by worker processes: schedules, windows, alerts and what is told of them, where no timer of the app does it.

Once in a while the first worker that comes by does it; the others see in the catalogue that it is done. What is told takes as long as
receivers take, so that is done beside the work.
"""

import asyncio
import datetime as dt
from typing import Final

from shared.errors import BackupError
from shared.model.run import Driver
from shared.wiring import App
from worker.events import log

BEGIN_EVERY: Final = dt.timedelta(seconds=30)
LOOK_EVERY: Final = dt.timedelta(seconds=60)
TELL_EVERY: Final = dt.timedelta(seconds=30)
ASK_EVERY_S: Final = 10.0
"""How often a worker asks whether something is to be done: one small statement for each of three things."""


async def keep_up(app: App) -> None:
    """Do it until cancelled. Trouble is told, and what was not done is done the next time."""
    while True:
        for part in (_begin, _look, _tell):
            try:
                await part(app)
            except BackupError as error:
                log.warning("upkeep_failed", extra={"part": part.__name__.strip("_"), "error": str(error)})
            except Exception:  # a bug in one part must not end the others
                log.exception("upkeep_broke", extra={"part": part.__name__.strip("_")})
        await asyncio.sleep(ASK_EVERY_S)


async def _begin(app: App) -> None:
    if await app.schedules.begin("begin_due", app.clock.now(), BEGIN_EVERY):
        await app.begin_due(Driver.WORKERS)


async def _look(app: App) -> None:
    if await app.schedules.begin("look_after", app.clock.now(), LOOK_EVERY):
        await app.look_after()


async def _tell(app: App) -> None:
    if await app.schedules.begin("deliver", app.clock.now(), TELL_EVERY):
        made, failed = await app.deliver()
        if made or failed:
            log.info("told", extra={"made": made, "failed": failed})
