"""Somebody in front of a browser."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, ConsoleMessage, Page, Request, Response, expect

from localdev.services.service import ROOT

SCREENS = ROOT / "build" / "screens"
AXE = ROOT / "build" / "web" / "node_modules" / "axe-core" / "axe.min.js"
WIDTHS = (390, 820, 1280)
RULES = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")


class Visitor:
    """One browser context: cookies, storage and a page of their own."""

    def __init__(self, browser: Browser, url: str, *, key: str = "", javascript: bool = True, thorough: bool) -> None:
        self.url = url
        self.thorough = thorough
        """Whether every page is looked at in light and dark at all widths, and not in either at one."""
        self.wrong: list[str] = []
        self.refusals_expected = False
        """Whether the test sends bad input on purpose: Chromium writes a line for every answer from 400 on."""
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self.context = browser.new_context(
            base_url=url,
            extra_http_headers=headers,
            java_script_enabled=javascript,
            timezone_id="Europe/Berlin",
            locale="en-GB",
            viewport={"width": 1280, "height": 900},
        )
        self.context.set_default_timeout(15_000)
        self.page: Page = self.context.new_page()
        self.page.on("console", self._said)
        self.page.on("pageerror", lambda error: self.wrong.append(f"page error: {error}"))
        self.page.on("request", self._asked)
        self.page.on("response", self._answered)

    def _said(self, message: ConsoleMessage) -> None:
        refused = "the server responded with a status of" in message.text
        if message.type in ("error", "warning") and not (refused and self.refusals_expected):
            self.wrong.append(f"console {message.type}: {message.text}")

    def _asked(self, request: Request) -> None:
        if urlsplit(request.url).netloc != urlsplit(self.url).netloc and not request.url.startswith(("data:", "blob:")):
            self.wrong.append(f"asked another host: {request.url}")

    def _answered(self, response: Response) -> None:
        if response.status >= 500:
            self.wrong.append(f"{response.status}: {response.url}")

    def goto(self, path: str) -> Page:
        """Go to an address and wait for the page."""
        self.page.goto(path)
        return self.page

    def look(self, name: str, *, axe: bool = True) -> None:
        """Take pictures of the page as it is, and have axe-core look at it: in light and dark at three widths, or at the widest and the narrowest."""
        SCREENS.mkdir(parents=True, exist_ok=True)
        sets = {"light": WIDTHS, "dark": WIDTHS} if self.thorough else {"light": WIDTHS[-1:], "dark": WIDTHS[:1]}
        for scheme, widths in sets.items():
            self.page.emulate_media(color_scheme=scheme)
            for width in widths:
                self.page.set_viewport_size({"width": width, "height": 900})
                wide = self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
                assert wide <= 0, f"{name} is {wide} px wider than the window of {width} px"
                self.page.screenshot(path=SCREENS / f"{name}-{width}-{scheme}.png", full_page=True)
            if axe:
                self.check_accessibility(f"{name} ({scheme})")
        self.page.emulate_media(color_scheme="light")
        self.page.set_viewport_size({"width": 1280, "height": 900})

    def check_accessibility(self, name: str) -> None:
        """Fail with what axe-core finds."""
        self.page.evaluate(AXE.read_text())
        found: Any = self.page.evaluate(
            "async (rules) => (await axe.run(document, {runOnly: {type: 'tag', values: rules}})).violations",
            list(RULES),
        )
        told = [
            f"{one['id']}: {one['help']}: " + "; ".join(str(node["html"])[:200] for node in one["nodes"][:3])
            for one in found
        ]
        assert not told, f"{name}: axe-core found\n" + "\n".join(told)

    @contextmanager
    def refused(self) -> Iterator[None]:
        """What is done in here is meant to be refused."""
        self.refusals_expected = True
        yield
        self.refusals_expected = False

    def close(self) -> None:
        self.context.close()


def chromium() -> str:
    """Where Chromium is."""
    for name in (os.environ.get("CHROMIUM", ""), "/usr/bin/chromium", "/usr/bin/chromium-browser"):
        if name and Path(name).exists():
            return name
    raise AssertionError("chromium is missing; hint: apt-get install chromium, or set CHROMIUM")


def has_text(page: Page, text: str) -> None:
    """Wait until the page's main part says something."""
    expect(page.locator("#main")).to_contain_text(re.compile(re.escape(text), re.IGNORECASE))
