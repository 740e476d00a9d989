"""A plain user of the HTTP API."""

import json
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any


@dataclass
class Said:
    """One answer with its headers."""

    status: int
    headers: Any
    raw: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.raw)


class Api:
    """Calls on one host. Answers are ``(status, body)``; the body is parsed JSON."""

    def __init__(self, url: str, key: str) -> None:
        self.url, self.key = url, key

    def __call__(self, method: str, path: str, body: Any = None, *, raw: bytes | None = None) -> tuple[int, Any]:
        data = raw if raw is not None else (None if body is None else json.dumps(body).encode())
        request = urllib.request.Request(self.url + path, data=data, method=method)
        request.add_header("x-functions-key", self.key)
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                text = response.read()
                if "json" not in response.headers.get("Content-Type", ""):
                    return response.status, text.decode()
                return response.status, json.loads(text)
        except urllib.error.HTTPError as error:
            with error:
                text = error.read()
                kind = error.headers.get("Content-Type", "")
                return error.code, json.loads(text) if "json" in kind else text

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Said:
        """The same with headers both ways; ``If_Match=`` is ``If-Match``."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=data, method=method)
        request.add_header("x-functions-key", self.key)
        for name, value in headers.items():
            request.add_header(name.replace("_", "-"), value)
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                return Said(response.status, response.headers, response.read())
        except urllib.error.HTTPError as error:
            with error:
                return Said(error.code, error.headers, error.read())

    def pages(self, path: str, key: str, limit: int) -> list[Any]:
        """All of a list, part by part."""
        found: list[Any] = []
        after = ""
        while True:
            status, part = self("GET", f"{path}{'&' if '?' in path else '?'}limit={limit}&after={after}")
            assert status == 200, part
            assert len(part[key]) <= limit
            found += part[key]
            assert part["more"] == (part["next"] is not None)
            if not part["more"]:
                return found
            after = part["next"]

    def new_share(self, account_url: str, share_name: str, credential: str = "devstore") -> str:
        """Protect a share of a new tenant; returns its path."""
        status, tenant = self("POST", "/api/tenants", {"name": "Contoso"})
        assert status == 201, tenant
        body = {"name": "files", "account_url": account_url, "share_name": share_name, "credential": credential}
        status, share = self("POST", f"/api/tenants/{tenant['tenant_id']}/shares", body)
        assert status == 201, share
        return f"/api/tenants/{tenant['tenant_id']}/shares/{share['share_id']}"

    def finished(self, run_path: str, *, seconds: float = 120, patient: bool = False) -> Any:
        """The run once it has ended. ``patient``: the host may be away for a while."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            try:
                status, run = self("GET", run_path)
            except OSError:
                if not patient:
                    raise
            else:
                assert status == 200, run
                if not run["active"]:
                    return run
            time.sleep(0.1)
        raise AssertionError(f"{run_path} has not ended in {seconds} s: {run}")
