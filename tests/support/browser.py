"""Chromium for tests of pages. Whatever it complains about fails the test: there is no skip where it is missing.

A page may not violate its policy, throw, open a dialog, log an error, or ask for a URL outside its gateway.
"""

import re
from collections.abc import Callable, Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

CHROMIUM = "/usr/bin/chromium-headless-shell"
#: How long a page may take before a test gives up on it, in milliseconds; nothing is asserted about the time itself.
DEADLINE = 30_000
expect.set_options(timeout=DEADLINE)
_REPORT_VIOLATIONS = """
document.addEventListener("securitypolicyviolation", (event) =>
  console.error(`policy: ${event.violatedDirective} stops ${event.blockedURI} ${event.sample}`));
"""


class Complaints:
    """What a browser complained about in one test, beside what the test has provoked."""

    def __init__(self, base: str) -> None:
        self.base = base
        self.heard: list[str] = []
        self._expected: list[str] = []
        self._accepts_dialogs = False

    def expect(self, pattern: str) -> None:
        """Let complaints of this pattern pass."""
        self._expected.append(pattern)

    def accept_dialogs(self) -> None:
        """Answer the dialogs of this test with yes."""
        self._accepts_dialogs = True

    @property
    def unexpected(self) -> list[str]:
        return [each for each in self.heard if not any(re.search(known, each) for known in self._expected)]

    def listen(self, page: Page) -> None:
        page.on("pageerror", lambda error: self.heard.append(f"error: {error}"))
        page.on("console", lambda said: said.type == "error" and self.heard.append(f"console: {said.text}"))
        page.on("request", lambda request: self._check(request.url))
        page.on("dialog", self._answer)

    def _check(self, url: str) -> None:
        if not url.startswith(self.base):
            self.heard.append(f"request: {url}")

    def _answer(self, dialog) -> None:
        if self._accepts_dialogs:
            dialog.accept()
            return
        self.heard.append(f"dialog: {dialog.message}")
        dialog.dismiss()


OpenPage = Callable[..., Page]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A browser for the tests of a file.

    `tests/conftest.py` begins with these tests, so that one worker has them all. It is not kept for longer: as long as
    Playwright runs, no test of its worker can run an event loop.
    """
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def complaints(gateway_url: str) -> Iterator[Complaints]:
    complaints = Complaints(gateway_url)
    yield complaints
    assert complaints.unexpected == []


@pytest.fixture
def open_page(chromium: Browser, gateway_url: str, complaints: Complaints) -> Iterator[OpenPage]:
    """Open a page of the gateway at `gateway_url`, in a browser that knows nothing of the other pages."""
    contexts: list[BrowserContext] = []

    def open(path: str = "-/console/", **options) -> Page:
        context = chromium.new_context(base_url=gateway_url, **options)
        contexts.append(context)
        context.set_default_timeout(DEADLINE)
        context.add_init_script(_REPORT_VIOLATIONS)
        page = context.new_page()
        complaints.listen(page)
        page.goto(path)
        return page

    yield open
    for context in contexts:
        context.close()


def violations_of(page: Page) -> list[str]:
    """What axe finds wrong with a page, in light and in dark colors."""
    found = []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        found += [
            f"{scheme}: {each['id']}: {node['html']} {node['failureSummary']}"
            for each in Axe().run(page).response["violations"]
            for node in each["nodes"]
        ]
    return found
