"""What can go wrong, sorted by what the catcher should do about it.

::

    BackupError
    |-- Retryable          the same call may work later
    |   |-- Throttled        the service asked us to slow down
    |   |-- TooMany          we ask the caller to slow down           (HTTP 429)
    |   `-- Unavailable      the service did not answer, or not whole
    |-- Rejected           the same call will never work; others may
    |   |-- InvalidInput     the caller sent something malformed      (HTTP 400)
    |   |-- Unauthenticated  nobody knows who asks                   (HTTP 401)
    |   |-- Denied           this one thing may not be touched        (HTTP 403)
    |   |-- NotFound         what was named does not exist            (HTTP 404)
    |   `-- Conflict         someone else holds or changed it         (HTTP 409)
    |       `-- Fenced         our claim was taken over; nothing of ours was committed
    |-- OutOfReach         nor will any other call to the same place: the run ends, whichever node was asked for
    |   |-- ShareGone        the share, or the share snapshot that is read, does not exist    (HTTP 404)
    |   `-- NoAccess         the account does not let us in           (HTTP 403)
    |       `-- NoRight        it does, but not for calls of this kind
    `-- IntegrityError     stored bytes disagree with their digest

Adapters translate SDK and driver exceptions into these, once, at the edge; no other layer names an SDK exception.
``IntegrityError`` is neither retried nor swallowed.
"""


class BackupError(Exception):
    """Anything this product raises on purpose."""


class Retryable(BackupError):
    """The same call may work later."""


class Throttled(Retryable):
    """The service asked us to slow down; ``retry_after_s`` is its wish in seconds, or None."""

    def __init__(self, message: str, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class TooMany(Retryable):
    """The caller asks more often than it may; ``retry_after_s``: when to ask again."""

    def __init__(self, message: str, retry_after_s: float) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class Unavailable(Retryable):
    """The service did not answer, or its answer was cut short."""


class Rejected(BackupError):
    """The same call will never work.

    ``code`` is the service's error code where there is one; ``field`` names what of the caller's input it is about, where it can be named.
    """

    def __init__(self, message: str, code: str = "", field: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.field = field


class InvalidInput(Rejected):
    """The caller sent something malformed."""


class Unauthenticated(Rejected):
    """Nobody knows who asks, or what they showed is not valid."""


class Denied(Rejected):
    """The credential may not touch this one thing."""


class NotFound(Rejected):
    """What was named does not exist."""


class Conflict(Rejected):
    """Someone else holds it or changed it."""


class Fenced(Conflict):
    """Our claim was taken over by another worker; nothing of ours was committed."""


class OutOfReach(BackupError):
    """No call to the share or the account will work until somebody repairs something. ``code`` is the service's error code.

    Not a ``Rejected``: who catches those goes on with the next node, and would meet the same refusal at every one of them.
    """

    def __init__(self, message: str, code: str = "") -> None:
        super().__init__(message)
        self.code = code


class ShareGone(OutOfReach):
    """The share, or the share snapshot that is read, does not exist."""


class NoAccess(OutOfReach):
    """The account does not let us in: the credential, the network rules or the account itself."""


class NoRight(NoAccess):
    """The account lets us in, but not for calls of this kind."""


class IntegrityError(BackupError):
    """Stored bytes disagree with their digest, or do not parse."""
