"""What a browser makes of a page: bytes that came over the wire, and when its largest part was painted."""

import os
import statistics
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Browser, sync_playwright

from benchmarks.report import BenchmarkFailed

THROTTLED: Final = 4
"""How many times slower the processor is made, as of a phone."""
LOADS: Final = 5
_LARGEST_PAINT: Final = """
    () => new Promise((found) => {
        new PerformanceObserver((list) => found(list.getEntries().at(-1).startTime))
            .observe({ type: "largest-contentful-paint", buffered: true });
        setTimeout(() => found(-1), 5000);
    })
"""


@contextmanager
def chromium() -> Iterator[Browser]:
    """Debian's Chromium, or that which ``CHROMIUM`` names.

    :raises BenchmarkFailed: there is none.
    """
    program = os.environ.get("CHROMIUM", "/usr/bin/chromium")
    if not Path(program).exists():
        raise BenchmarkFailed(f"{program} is missing; hint: apt-get install chromium, or set CHROMIUM")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-dev-shm-usage"])
        try:
            yield browser
        finally:
            browser.close()


def first_load(browser: Browser, url: str) -> tuple[float, float]:
    """A page as somebody sees it who was never here: KiB that were transferred, headers included, and milliseconds to the largest paint.

    The median of some loads, each with an empty cache.

    :raises BenchmarkFailed: it was not found, or nothing was painted.
    """
    kib, painted = zip(*(_load(browser, url) for _ in range(LOADS)), strict=True)
    return statistics.median(kib), statistics.median(painted)


def _load(browser: Browser, url: str) -> tuple[float, float]:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    try:
        page = context.new_page()
        devtools = context.new_cdp_session(page)
        transferred = 0.0

        def arrived(event: dict[str, Any]) -> None:
            nonlocal transferred
            transferred += event["encodedDataLength"]

        devtools.on("Network.loadingFinished", arrived)
        devtools.send("Network.enable")
        devtools.send("Emulation.setCPUThrottlingRate", {"rate": THROTTLED})
        answer = page.goto(url, wait_until="networkidle")
        if answer is None or answer.status != 200:
            raise BenchmarkFailed(f"{url} answered {answer.status if answer else 'nothing'}")
        painted = float(page.evaluate(_LARGEST_PAINT))
        if painted < 0:
            raise BenchmarkFailed(f"{url}: nothing was painted")
        return transferred / 1024, painted
    finally:
        context.close()
