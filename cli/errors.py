"""What ends a command, and the exit code that says so. docs/CLI.md has the same table.

====  ===========================================================================
0     all is well
1     it failed: the run did, the app answered with an error of its own, or a bug
2     what was typed cannot be understood, or the API refuses it as not valid
3     not signed in, or not allowed
4     there is no such thing
5     in conflict with something else: another run is active, a confirmation is missing
6     completed, but not everything: the journal says what and why
7     the app cannot be reached, or is too busy, after all retries
130   interrupted; a run that was followed goes on
====  ===========================================================================
"""

from typing import Any, Final

OK: Final = 0
FAILED: Final = 1
USAGE: Final = 2
DENIED: Final = 3
NOT_FOUND: Final = 4
CONFLICT: Final = 5
WITH_ERRORS: Final = 6
UNREACHABLE: Final = 7
INTERRUPTED: Final = 130

_OF_STATUS: Final = {
    400: USAGE, 401: DENIED, 403: DENIED, 404: NOT_FOUND, 409: CONFLICT, 412: CONFLICT, 416: USAGE, 422: USAGE,
    428: CONFLICT, 429: UNREACHABLE, 502: UNREACHABLE, 503: UNREACHABLE, 504: UNREACHABLE,
}  # fmt: skip


class CliError(Exception):
    """Ends the command. The message is for people; ``hint`` says what to do."""

    def __init__(self, message: str, code: int = FAILED, *, hint: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.hint = hint

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return {"error": str(self), "hint": self.hint or None, "exit_code": self.code}


class Refused(CliError):
    """The API answered with a problem document."""

    def __init__(self, status: int, problem: dict[str, Any]) -> None:
        self.status = status
        self.problem = problem
        detail, _, hint = str(problem.get("detail") or problem.get("title") or f"HTTP {status}").partition("; hint: ")
        if status == 401:
            hint = hint or "sign in with 'afb login', or set AFB_URL and AFB_API_KEY"
        super().__init__(detail, _OF_STATUS.get(status, FAILED), hint=hint)

    @property
    def fields(self) -> list[tuple[str, str]]:
        """Which fields were wrong, and what was expected of each."""
        errors = self.problem.get("errors") or []
        return [(str(error.get("field", "")), str(error.get("expected", ""))) for error in errors]

    def as_json(self) -> dict[str, Any]:
        """The problem as it came, and the exit code."""
        return {**self.problem, "status": self.status, "exit_code": self.code}


class Interrupted(CliError):
    """Ctrl-C while something goes on elsewhere."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message, INTERRUPTED, hint=hint)
