"""Turn an error into the verdict that crosses the durable boundary."""

from shared.errors import BackupError, Fenced, IntegrityError, OutOfReach, Rejected
from shared.model.tickets import Receipt


def verdict(error: BackupError, batches: int = 0) -> Receipt:
    """``error`` as a receipt: whether the same work may succeed later is what its type says."""
    permanent = isinstance(error, IntegrityError | OutOfReach | Rejected) and not isinstance(error, Fenced)
    return Receipt(left=-1, batches=batches, error=f"{type(error).__name__}: {error}", retryable=not permanent)
