"""``python -m localdev.pictures``: take the pictures of docs/USING.md.

Exit codes: 0 they are taken; 1 the app, a page or Chromium is not there.
"""

import argparse
import json
import os
import sys
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from playwright.sync_api import Error, sync_playwright

from localdev.services.service import ROOT

PICTURES = ROOT / "docs" / "pictures"
WIDTH, HEIGHT = 1200, 760


def main(arguments: Sequence[str]) -> int:
    """Take them and return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m localdev.pictures", description="Take the pictures of docs/USING.md."
    )
    parser.add_argument("--url", default="http://127.0.0.1:7071", help="of the app (%(default)s)")
    parser.add_argument("--only", default="", metavar="NAME", help="this picture alone")
    chosen = parser.parse_args(arguments)
    program = os.environ.get("CHROMIUM", "/usr/bin/chromium")
    if not Path(program).exists():
        print(f"error: {program} is missing; hint: apt-get install chromium, or set CHROMIUM", file=sys.stderr)
        return 1
    PICTURES.mkdir(parents=True, exist_ok=True)
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
            page = browser.new_page(base_url=chosen.url, viewport={"width": WIDTH, "height": HEIGHT})
            for name, path in _places(chosen.url):
                if chosen.only in ("", name):
                    answer = page.goto(path, wait_until="networkidle")
                    if answer is None or answer.status != 200:
                        print(f"error: {path} answered {answer.status if answer else 'nothing'}", file=sys.stderr)
                        return 1
                    page.screenshot(path=PICTURES / f"{name}.png")
                    print(f"{name}: {path}")
            browser.close()
    except (OSError, Error) as problem:
        print(f"error: {problem}", file=sys.stderr)
        return 1
    return 0


def _places(url: str) -> Iterator[tuple[str, str]]:
    """Each picture's name, and the page that it is of: of the tenant and the share that the demo has made."""
    tenant = _ask(url, "/api/tenants")["tenants"][0]["tenant_id"]
    share = _ask(url, f"/api/tenants/{tenant}/shares")["shares"][0]["share_id"]
    base = f"/tenants/{tenant}/shares/{share}"
    runs = _ask(url, f"/api{base}/runs?limit=50")["runs"]
    points = sorted(run["run_no"] for run in runs if run["restore_point"])
    newest, oldest = points[-1], points[0]
    yield "overview", "/"
    yield "new-share", f"/tenants/{tenant}/shares/new"
    yield "share", base
    yield "run", f"{base}/runs/{oldest}"
    yield "browse", f"{base}/restore-points/{newest}/browse"
    yield "difference", f"{base}/difference?from={oldest}&to={newest}"
    yield "restore", f"{base}/restore?restore_point={oldest}"
    yield "retention", f"{base}/retention"
    yield "schedules", f"{base}/schedules"
    yield "verify", f"{base}/verify"
    yield "analytics", f"{base}/analytics"


def _ask(url: str, path: str) -> Any:
    with urllib.request.urlopen(url + path, timeout=30) as answer:  # noqa: S310  the address that was given
        return json.loads(answer.read())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
