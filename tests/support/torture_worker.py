"""``python -m worker`` as it is, but for the patience of a test: the small limits that ``AFB_TORTURE_LIMITS`` (JSON) names, short rests.

``AFB_TORTURE_FILE_BYTES`` limits the size of any file that the process writes, which is how its disk is full; listings then go
to disk from the first byte on.
"""

import json
import os
import resource
import sys
from dataclasses import replace

from shared.core import rounds
from shared.usecases import list_directory
from worker import __main__ as worker
from worker import serve

REST_S = 0.2


def main():
    limit = int(os.environ.get("AFB_TORTURE_FILE_BYTES", "0"))
    if limit:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        list_directory.SPOOL_BYTES = 1
        rounds.BARREN_MAX = 3
    make_app = worker.make_app

    async def made(settings):
        app = await make_app(settings)
        app.limits = replace(app.limits, **json.loads(os.environ.get("AFB_TORTURE_LIMITS", "{}")))
        return app

    worker.make_app = made
    worker.WAIT_S = serve.BUSY_REST_S = serve.IDLE_REST_S = REST_S
    rounds.FIRST_PAUSE_S = rounds.PAUSE_MAX_S = 1
    return worker.main(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
