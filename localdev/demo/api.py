"""The product's HTTP API, as a customer's script would use it."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

POLL_S = 0.5
TIMEOUT_S = 60


class ApiError(Exception):
    """The API answered with a problem, or a run did not end well; the message is what it said."""


@dataclass(frozen=True, slots=True)
class Run:
    """A run as the API shows it."""

    wire: dict[str, Any]

    @property
    def number(self) -> int:
        """Its number; of a backup also that of its restore point."""
        return int(self.wire["run_no"])

    @property
    def seconds(self) -> float:
        """How long it took, or has taken so far."""
        return float(self.wire["seconds"])

    @property
    def counters(self) -> dict[str, int]:
        """What it did."""
        return dict(self.wire["counters"])

    @classmethod
    def of(cls, answer: Any) -> Self:
        """Take the API's word."""
        return cls(dict(answer))


Watch = Callable[[Run], None]
"""Shown every state of a run that was seen."""


class Api:
    """A client for one app."""

    def __init__(self, url: str, key: str) -> None:
        self._url = url.rstrip("/")
        self._key = key

    def create_tenant(self, name: str) -> str:
        """Add a tenant; return its id."""
        return str(self.call("POST", "/api/tenants", {"name": name})["tenant_id"])

    def create_share(
        self, tenant_id: str, *, name: str, account_url: str, share_name: str, credential: str
    ) -> "ProtectedShare":
        """Put a share under protection."""
        body = {"name": name, "account_url": account_url, "share_name": share_name, "credential": credential}
        made = self.call("POST", f"/api/tenants/{tenant_id}/shares", body)
        return ProtectedShare(self, f"/api/tenants/{tenant_id}/shares/{made['share_id']}")

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """Send a request and return the JSON of the answer.

        :raises ApiError: the answer is a problem, or there is none.
        """
        request = urllib.request.Request(  # noqa: S310  the demo's own app
            self._url + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json", "x-functions-key": self._key},
        )
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310
                return json.loads(answer.read())
        except urllib.error.HTTPError as error:
            said = error.read().decode(errors="replace")
            raise ApiError(f"{method} {path} answered {error.code}: {said}") from error
        except OSError as error:
            raise ApiError(f"{method} {path}: {error}") from error


@dataclass(frozen=True, slots=True)
class ProtectedShare:
    """A share under protection."""

    api: Api
    path: str

    def backup(self, watch: Watch) -> Run:
        """Back it up and return the finished run.

        :raises ApiError: not everything was saved.
        """
        return self._follow(self.api.call("POST", f"{self.path}/backups", {}), watch)

    def restore(self, restore_point: int, share_name: str, watch: Watch) -> Run:
        """Restore all of it to another share, made for it, and return the finished run.

        :raises ApiError: not everything was restored.
        """
        body = {"restore_point": restore_point, "target": {"share_name": share_name}}
        return self._follow(self.api.call("POST", f"{self.path}/restores", body), watch)

    def look_after(self) -> None:
        """Give it what an owner would: a backup every night, and a policy by which restore points are kept."""
        tenant = self.path.partition("/shares/")[0]
        rules = {"keep_last": 3, "daily": 14, "weekly": 8, "monthly": 12, "time_zone": "Europe/Berlin"}
        policy = self.api.call("POST", f"{tenant}/policies", {"name": "Two weeks, two months, a year", "rules": rules})
        self.api.call("PUT", f"{self.path}/retention", {"policy_id": policy["policy_id"]})
        nightly = {"name": "Every night", "what": "backup", "cron": "30 1 * * *", "time_zone": "Europe/Berlin"}
        self.api.call("POST", f"{self.path}/schedules", nightly)

    def verify(self, watch: Watch) -> Run:
        """Re-read and re-hash every saved byte of the newest restore point, and return the finished run.

        :raises ApiError: something is damaged.
        """
        return self._follow(self.api.call("POST", f"{self.path}/verifications", {"level": "full"}), watch)

    def restore_points(self) -> list[dict[str, Any]]:
        """Return its restore points, newest first."""
        return list(self.api.call("GET", f"{self.path}/restore-points")["restore_points"])

    def _follow(self, started: Any, watch: Watch) -> Run:
        run = Run.of(started)
        where = f"{self.path}/runs/{run.number}"
        while run.wire["active"]:
            time.sleep(POLL_S)
            run = Run.of(self.api.call("GET", where))
            watch(run)
        if run.wire["state"] != "succeeded":
            raise ApiError(f"{run.wire['kind']} {run.number} {self._trouble(run, where)}")
        return run

    def _trouble(self, run: Run, where: str) -> str:
        lines = self.api.call("GET", f"{where}/journal")["lines"]
        shown = [f"  {line['kind']} {line['path']}: {line['reason']}" for line in lines[:20]]
        why = f": {run.wire['error']}" if run.wire["error"] else ""
        return "\n".join([f"{run.wire['state']} with {run.wire['errors']} errors{why}", *shown])
