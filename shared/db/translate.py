"""Driver exceptions into ours, once.

A constraint that a user can run into has a sentence here; one that only a bug can violate has none and stays a driver
exception, so that it is seen.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import psycopg

from shared.errors import BackupError, Conflict, InvalidInput, NotFound, Unavailable

CONFLICTS: Final[dict[str, str]] = {
    "tenant_pk": "a tenant with this id exists",
    "share_name_unique": "a share of this tenant has this name; hint: it may be a deleted one, that can be brought back",
    "share_azure_unique": "this Azure share is already protected for this tenant; hint: it may be by a deleted share, that can be brought back",
    "policy_name_unique": "a policy of this tenant has this name",
    "run_active_subject": "another run is active on this Azure share: wait until it ends",
    "schedule_name_unique": "a schedule of this share has this name",
    "channel_name_unique": "a channel of this tenant has this name",
    "tenant_account_unique": "the tenant may use this account with this credential already",
    "member_unique": "they have a role there already: change that one",
}
"""Unique constraint -> what to tell the caller."""

MISSING: Final[dict[str, str]] = {
    "share_of_tenant": "there is no such tenant",
    "run_of_tenant": "there is no such tenant",
    "run_of_share": "there is no such share",
}
"""Foreign key -> what to tell the caller."""

INVALID: Final[dict[str, tuple[str, str]]] = {
    "tenant_id_container": (
        "tenant_id",
        "must be 3 to 63 lower-case letters, digits and single hyphens between them: it names a blob container",
    ),
    "tenant_name_not_empty": ("name", "must not be empty"),
    "share_name_not_empty": ("name", "must not be empty"),
    "schedule_name_not_empty": ("name", "must not be empty"),
    "channel_name_not_empty": ("name", "must not be empty"),
    "policy_name_not_empty": ("name", "must not be empty"),
    "member_object_id": ("object_id", "must be an id such as 6f9619ff-8b86-d011-b42d-00cf4fc964ff"),
    "member_name_not_empty": ("name", "must not be empty"),
    "api_key_name_not_empty": ("name", "must not be empty"),
}
"""CHECK -> field and what was expected."""

_TRANSIENT: Final = (
    # Lost connection, deadlock, serialization failure, a timeout, a server that starts or is full; also no free connection
    # in the pool in time.
    psycopg.OperationalError,
    psycopg.InterfaceError,  # the connection was closed under us
)


def translated(error: psycopg.Error) -> BackupError | None:
    """What ``error`` means to a caller; None if it is a bug of ours."""
    name = error.diag.constraint_name or ""
    if isinstance(error, psycopg.errors.UniqueViolation) and name in CONFLICTS:
        return Conflict(CONFLICTS[name], code=name)
    if isinstance(error, psycopg.errors.ForeignKeyViolation) and name in MISSING:
        return NotFound(MISSING[name], code=name)
    if isinstance(error, psycopg.errors.CheckViolation) and name in INVALID:
        field, expected = INVALID[name]
        return InvalidInput(f"{field} {expected}", code=name, field=field)
    if isinstance(error, _TRANSIENT):
        return Unavailable(f"the catalogue did not answer: {str(error).strip() or type(error).__name__}")
    return None


@contextmanager
def translation() -> Iterator[None]:
    """Raise our errors for the driver's."""
    try:
        yield
    except psycopg.Error as error:
        ours = translated(error)
        if ours is None:
            raise
        raise ours from error
