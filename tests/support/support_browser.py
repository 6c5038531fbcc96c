"""Pages in a real Chromium, by Playwright: every page that a test opens must log no error and ask for nothing."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Page, Request

CHROMIUM: Final = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
HEIGHTS: Final = {1440: 900, 390: 844}
"""Heights of the windows that pages are looked at in, by their widths."""
LOOKS: Final = [(width, scheme) for width in HEIGHTS for scheme in ("light", "dark")]
"""Widths and colour schemes that every page has to look right in."""
_OWN: Final = ("file:", "data:", "about:", "blob:")

Visit = Callable[..., "Page"]
"""`visit(path, width=1440, scheme="light", **context)` opens a file, or a `file:` address, in a context of its own."""


@contextmanager
def open_browser() -> Iterator[Browser]:
    """A headless Chromium, the system's."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-quic"])
        try:
            yield browser
        finally:
            browser.close()


def open_page(browser: Browser, address: Path | str, complaints: list[str], **context: Any) -> Page:
    """Open a page; what it logs as an error or a warning, and asks for elsewhere, is added to the complaints."""
    page = browser.new_context(**context).new_page()

    def logged(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            complaints.append(message.text)

    def asked(request: Request) -> None:
        if not request.url.startswith(_OWN):
            complaints.append(f"asked for {request.url}")

    page.on("console", logged)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", asked)
    page.goto(address.as_uri() if isinstance(address, Path) else address)
    return page


@pytest.fixture(scope="session")
def _browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine")
    with open_browser() as browser:
        yield browser


@pytest.fixture
def visit(request: pytest.FixtureRequest) -> Iterator[Visit]:
    """Opens pages of the one browser of the session; after the test none of them may have complained."""
    browser: Browser = request.getfixturevalue("_browser")
    loop = browser._loop
    # Playwright's loop counts as this thread's running one, so that nothing else could run another: it rests between.
    asyncio._set_running_loop(loop)
    complaints: list[str] = []

    def opened(address: Path | str, width: int = 1440, scheme: str = "light", **context: Any) -> Page:
        size = {"width": width, "height": HEIGHTS[width]}
        return open_page(browser, address, complaints, viewport=size, color_scheme=scheme, **context)

    try:
        yield opened
        for context in list(browser.contexts):
            context.close()
    finally:
        asyncio._set_running_loop(None)
    assert complaints == []


def check_look(page: Page) -> None:
    """A page must not scroll sideways, nor have a finding of axe that is serious or critical."""
    from axe_playwright_python.sync_playwright import Axe

    widths = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    assert widths[0] <= widths[1], f"{widths[0]} px of page in a window of {widths[1]}"
    found = [
        f"{finding['id']} ({finding['impact']}): {finding['help']}: {node['target']} {node['failureSummary']}"
        for finding in Axe().run(page).response["violations"]
        if finding["impact"] in ("serious", "critical")
        for node in finding["nodes"]
    ]
    assert found == []
