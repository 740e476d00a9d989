"""Commit what refers to chunks that a sweep may be deleting at this moment (docs/adr/0015)."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from shared.errors import Conflict, Unavailable
from shared.model.sweep import BEING_DELETED
from shared.usecases.scope import RunScope
from shared.usecases.sweep_chunks import finish_deletions


@asynccontextmanager
async def chunks_there(scope: RunScope, digests: Sequence[bytes]) -> AsyncIterator[None]:
    """Around a commit that refers to ``digests``.

    When it is refused because one of them is being deleted, the deletion is finished, so that the next try of the same work finds that the chunk is
    not there and writes it: the sweep has no need to be alive for that. Deletions name the very object, so one that is late does no harm.

    :raises Unavailable: it was refused; the work is to be done again.
    """
    try:
        yield
    except Conflict as error:
        if error.code != BEING_DELETED:
            raise
        await finish_deletions(scope, digests)
        raise Unavailable(f"{error}; it is done again") from error
