"""Speaks to a running host as its users do: the doors of an app, and the durable management API."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

OVER = ("Completed", "Failed", "Terminated", "Canceled")
BASE = "/runtime/webhooks/durabletask"
TIMEOUT_S = 120
POLL_S = 0.1


class HostError(Exception):
    """The host answered otherwise than it must for a comparison to mean something, or not at all."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP response."""

    code: int
    text: str


@dataclass(frozen=True, slots=True)
class Management:
    """One host.  ``key`` is its host key; one that asks for none ignores it."""

    url: str
    key: str

    def call(self, method: str, path: str, body: Any = None) -> Answer:
        """Send a request; any status is an answer.

        :raises HostError: there is none.
        """
        request = urllib.request.Request(  # noqa: S310  a host on this machine
            self.url + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json", "x-functions-key": self.key},
        )
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310
                return Answer(answer.status, answer.read().decode(errors="replace"))
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, error.read().decode(errors="replace"))
        except OSError as error:
            raise HostError(f"{method} {path}: {error}") from error

    def accepted(self, method: str, path: str, body: Any = None) -> None:
        """Send a request that must be taken.

        :raises HostError: it was not.
        """
        answer = self.call(method, path, body)
        if answer.code not in (200, 202):
            raise HostError(f"{method} {path} answered {answer.code}: {answer.text[:500]}")

    def shown(self, instance_id: str) -> dict[str, Any] | None:
        """An instance with all that the host tells of it, or ``None`` if it knows none.

        :raises HostError: the host would not tell.
        """
        path = f"{BASE}/instances/{instance_id}?showInput=true&showHistory=true&showHistoryOutput=true"
        answer = self.call("GET", path)
        if answer.code == 404:
            return None
        if answer.code not in (200, 202):
            raise HostError(f"GET {path} answered {answer.code}: {answer.text[:500]}")
        return dict(json.loads(answer.text))

    def until(
        self, instance_id: str, reached: Callable[[dict[str, Any]], bool], *, seconds: float
    ) -> tuple[dict[str, Any], bool]:
        """Look until ``reached``; return the instance as last seen, and whether it did in time.

        :raises HostError: the instance did not come into being.
        """
        deadline = time.monotonic() + seconds
        while True:
            shown = self.shown(instance_id)
            if shown is not None and reached(shown):
                return shown, True
            if time.monotonic() > deadline:
                if shown is None:
                    raise HostError(f"there is no instance {instance_id!r} after {seconds:.0f} s")
                return shown, False
            time.sleep(POLL_S)

    def raise_event(self, instance_id: str, name: str, data: Any) -> None:
        """Raise an event as somebody without the SDK does."""
        self.accepted("POST", f"{BASE}/instances/{instance_id}/raiseEvent/{name}", data)

    def command(self, instance_id: str, verb: str) -> None:
        """Terminate, suspend or resume an instance."""
        self.accepted("POST", f"{BASE}/instances/{instance_id}/{verb}?reason=because")


def is_over(shown: dict[str, Any]) -> bool:
    """Whether an instance has ended."""
    return shown["runtimeStatus"] in OVER
