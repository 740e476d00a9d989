"""From what storage services and their SDKs say to :mod:`shared.errors`, in one place.

Refusals are sorted by status, then by code: the codes of Azure Files and Blob are documented with their statuses, and a code
not known here still lands where its status belongs.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    HttpResponseError,
    ServiceRequestError,
    ServiceResponseError,
)

from shared.errors import (
    BackupError,
    Conflict,
    Denied,
    InvalidInput,
    NoAccess,
    NoRight,
    NotFound,
    ShareGone,
    Throttled,
    Unavailable,
)

_BUSY: Final = frozenset({429, 503})
_LATER: Final = frozenset({408, 500, 502, 504})

_GONE: Final = {
    "ShareNotFound": "the share was deleted or renamed; if it can be undeleted, do so and start the run again",
    "ShareBeingDeleted": "the share is being deleted; if it can be undeleted, do so and start the run again",
    "ShareSnapshotNotFound": "somebody deleted the share snapshot that the run reads from; start the run again, it takes a new one",
}
"""Codes that tell of a whole share, whatever was asked for in it."""

_SHUT_OUT: Final = frozenset(
    {
        "AccountIsDisabled",
        "AuthenticationFailed",
        "AuthorizationFailure",
        "AuthorizationProtocolMismatch",
        "AuthorizationServiceMismatch",
        "AuthorizationSourceIPMismatch",
        "InvalidAuthenticationInfo",
        "KeyBasedAuthenticationNotPermitted",
        "NoAuthenticationInformation",
        "ShareDisabled",
        "",  # no code, so not from the service: something on the way does not let us through
    }
)
_NO_RIGHT: Final = frozenset(
    {
        "AuthorizationPermissionMismatch",
        "AuthorizationResourceTypeMismatch",
        "FileOAuthManagementApiRestrictedToSrp",
        "InsufficientAccountPermissions",
    }
)

_HINTS: Final = {
    "AccountIsDisabled": "the storage account is disabled, which Azure does when the subscription is",
    "ShareDisabled": "the share is disabled",
    "AuthenticationFailed": "the account key or SAS is wrong or has expired, or this machine's clock is off by more than 15 minutes",
    "AuthorizationFailure": "the account's network rules do not admit this host, or shared keys are disabled for it",
    "AuthorizationSourceIPMismatch": "the SAS does not admit this host's address",
    "AuthorizationProtocolMismatch": "the SAS allows https only",
    "AuthorizationResourceTypeMismatch": "the SAS needs resource types service, container and object (srt=sco)",
    "AuthorizationServiceMismatch": "the SAS is for another service",
    "FileOAuthManagementApiRestrictedToSrp": "this service version lets identities manage shares through Azure Resource Manager only",
    "KeyBasedAuthenticationNotPermitted": "shared keys are disabled for the account: use managed identity",
}
_ROLE_HINT: Final = (
    "give the identity the role Storage File Data Privileged Reader (backup) or Contributor (restore), or"
    " Storage Blob Data Contributor for the vault; a SAS must be an account SAS (srt=sco, sp=rwdlc); and check the account's"
    " network rules"
)


@dataclass(frozen=True, slots=True)
class Refusal:
    """An error response."""

    status: int
    code: str = ""
    message: str = ""
    header_name: str = ""
    """The request header that was at fault, where the service names it."""
    retry_after_s: float | None = None


def refusal(status: int, code: str, body: bytes, retry_after_s: float | None) -> Refusal:
    """Read an error response; ``code`` is its ``x-ms-error-code`` header, which the body repeats."""
    text = body.decode(errors="replace")
    # The message's further lines are ids and times; callers are told the request's id nowhere else needed.
    message = _element(text, "Message").split("\n")[0]
    detail = _element(text, "AuthenticationErrorDetail").split("\n")[0][:200]
    said = f"{message} {detail}".strip()
    return Refusal(status, code or _element(text, "Code"), said, _element(text, "HeaderName"), retry_after_s)


def _element(text: str, name: str) -> str:
    found = re.search(rf"<{name}>(.*?)</{name}>", text, re.DOTALL)
    return found[1].strip() if found else ""


def error_of(refused: Refusal, what: str) -> BackupError:
    """The exception for a refusal; ``what`` says what was attempted, without secrets."""
    said = f"{what}: {refused.status} {refused.code or 'no code'}"
    if refused.message:
        said += f": {refused.message}"
    if refused.header_name:
        said += f" ({refused.header_name})"
    code = refused.code
    if code == "Md5Mismatch":
        return Unavailable(said)  # what the service received is not what we sent
    if code in _GONE:
        return ShareGone(f"{said}; hint: {_GONE[code]}", code)
    match refused.status:
        case status if status in _BUSY:
            return Throttled(said, refused.retry_after_s)
        case status if status in _LATER:
            return Unavailable(said)
        case 401 | 403:
            hinted = f"{said}; hint: {_HINTS.get(code, _ROLE_HINT)}"
            if refused.status == 401 or code in _SHUT_OUT:
                return NoAccess(hinted, code)
            return NoRight(hinted, code) if code in _NO_RIGHT else Denied(hinted, code)
        case 404:
            return NotFound(said, code)
        case 409 | 412:
            return Conflict(said, code)
        case status if status >= 500:
            return Unavailable(said)
        case _:
            return InvalidInput(said, code)


def _no_token(error: ClientAuthenticationError) -> str:
    """What each kind of identity that was tried had to say, beginning with its name; the rest of the message is links."""
    said = str(error.message).splitlines()
    tried = [line.strip()[:200] for line in said if re.match(r"\t\w+Credential: ", line)]
    return "; ".join(tried) or said[0]


def no_answer(error: BaseException, what: str) -> Unavailable:
    """The exception for a request without a whole answer: refused or broken connections, timeouts, cut bodies."""
    return Unavailable(f"{what}: no answer: {type(error).__name__}: {error}")


def sdk(error: AzureError, what: str) -> BackupError:
    """The exception for one of the SDK's."""
    if isinstance(error, HttpResponseError) and error.status_code is not None:
        code = getattr(error, "error_code", None) or ""
        code = str(getattr(code, "value", code))  # some clients wrap the codes they know in an enum
        message = str(error.message or "").split("\n")[0]
        return error_of(Refusal(int(error.status_code), code, message), what)
    if isinstance(error, ClientAuthenticationError):
        return NoAccess(f"{what}: {_no_token(error)}; hint: managed identity is not available here or not signed in")
    if isinstance(error, ServiceRequestError | ServiceResponseError):
        return no_answer(error, what)
    return Unavailable(f"{what}: {type(error).__name__}: {error.message}")


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Raise our exceptions for the SDK's."""
    try:
        yield
    except AzureError as error:
        raise sdk(error, what) from error
