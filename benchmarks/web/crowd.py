"""A share whose root has a million files, backed up by the product."""

import json
import time
import urllib.request
from typing import Any, Final

from benchmarks.report import BenchmarkFailed
from localdev.launcher.stack import Stack

NAME: Final = "crowd"
_WAIT_S: Final = 1_800
_SHAPE: Final = {"profile": "office", "files_per_directory": 0, "depth": 1, "empty": 1.0, "large": 0, "seed": 4}
"""All in one directory, and empty: what is browsed is names."""


def fill(stack: Stack, files: int) -> str:
    """Make the share, protect it and back it up; returns the path of its page.

    :raises BenchmarkFailed: not all of it was saved.
    """
    shape = {**_SHAPE, "files": files}
    _ask(f"{stack.files.control_url}/shares/{NAME}/synthetic", shape)
    host = {"x-functions-key": stack.host_key}
    tenant = _ask(f"{stack.host_url}/api/tenants", {"name": "A crowd", "tenant_id": NAME}, host)["tenant_id"]
    body = {"name": NAME, "account_url": stack.files_url, "share_name": NAME, "credential": "devstore"}
    share = _ask(f"{stack.host_url}/api/tenants/{tenant}/shares", body, host)
    path = f"/tenants/{tenant}/shares/{share['share_id']}"
    run = _ask(f"{stack.host_url}/api{path}/backups", {}, host)
    where = f"{stack.host_url}/api{path}/runs/{run['run_no']}"
    deadline = time.monotonic() + _WAIT_S
    while run["active"] and time.monotonic() < deadline:
        time.sleep(1)
        run = _ask(where, None, host)
    if run["state"] != "succeeded" or run["counters"]["files"] != files:
        raise BenchmarkFailed(
            f"the backup of {files:,} files ended as {run['state']}: {run['error']}, {run['counters']}"
        )
    return path


def _ask(url: str, body: Any, headers: dict[str, str] | None = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, headers=headers or {})
    with urllib.request.urlopen(request, timeout=60) as answer:
        content = answer.read()
    return json.loads(content) if content else None
