"""What a worker tells: see :mod:`shared.logs`, with a stable name in ``event``."""

import logging

from shared.logs import configure

__all__ = ["configure", "log"]

log = logging.getLogger("worker")
