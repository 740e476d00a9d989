"""Temporary files of a worker: what does not fit its memory."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from shared.errors import Unavailable


@contextmanager
def spooling(what: str) -> Iterator[None]:
    """Raise ``Unavailable`` when the disk is full or fails: trouble with this worker, and not a bug; others may go on.

    Around what touches the file and nothing else.
    """
    try:
        yield
    except OSError as error:
        where = tempfile.tempdir or "the temporary directory"
        raise Unavailable(
            f"{what} cannot be kept in {where} of this worker: {error.strerror or error};"
            " hint: make room there, or set TMPDIR to a disk with some 100 bytes for each entry of the largest directory"
        ) from error
