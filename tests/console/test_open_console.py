"""`gateway serve --open` signs in a browser, by a link that works once and that nobody else can read."""

import re
import signal
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner
from playwright.sync_api import Browser, expect

from gateway.auth.sign_in_links import LINK_SECONDS, SignInLinks
from gateway.commands.serve import command
from tests.console.conftest import CHROME
from tests.support.server import Server, eventually, is_ready

#: A browser that keeps what it is started with, and what a list of processes shows meanwhile.
BROWSER = """#!/bin/sh
stat -c %a "${1#file://}" > "$0.mode"
cat /proc/[0-9]*/cmdline > "$0.processes" 2>/dev/null
cp "${1#file://}" "$0.page.html"
echo "$1" >> "$0.started"
"""


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[tuple[Server, Path]]:
    """A gateway that has started a browser, and the path where that keeps what it saw."""
    browser = tmp_path / "browser"
    browser.write_text(BROWSER)
    browser.chmod(0o755)
    environment = {"BROWSER": f"{browser} %s", "GATEWAY_PROXIES": "127.0.0.1"}
    server = Server(tmp_path, ("-m", "gateway", "serve", "--open"), is_forked=True, **environment)
    server.start()
    try:
        yield server, browser
    finally:
        server.client.close()
        server.kill()


def seen(browser: Path, what: str) -> str:
    path = browser.with_name(f"browser.{what}")
    return eventually(lambda: path.exists() and path.read_text())


def test_serve_open_signs_in_one_browser_once(chromium: Browser, opened):
    server, browser = opened
    assert seen(browser, "started").count("\n") == 1
    link = re.search(r'href="([^"]+)"', seen(browser, "page.html"))[1]
    code = link.partition("=")[2]
    assert link.startswith(f"{server.url}/-/open?code=")

    def ask(method: str = "GET", url: str = link, **headers: str) -> httpx.Response:
        return httpx.request(method, url, headers={"Accept": CHROME, **headers})

    assert ask("HEAD").status_code == 405
    assert ask(**{"Sec-Purpose": "prefetch"}).status_code == 403
    assert ask(**{"X-Forwarded-For": "192.0.2.7"}).status_code == 403, "another machine"
    assert ask(url=link[:-1]).status_code == 403
    context = chromium.new_context()
    page = context.new_page()
    page.goto(f"file://{browser}.page.html")
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    assert page.url == f"{server.url}/-/console/"
    assert page.request.get(f"{server.url}/-/console/").ok
    [cookie] = context.cookies()
    assert (cookie["httpOnly"], cookie["sameSite"], cookie["path"]) == (True, "Lax", "/-")
    page.goto(link)
    assert page.url == f"{server.url}/-/console/", "the browser that has a session goes on"
    context.close()

    again = ask()
    assert (again.status_code, "GW607" in again.text, "Set-Cookie" in again.headers) == (403, True, False)
    assert seen(browser, "mode") == "600\n"
    assert code not in browser.with_name("browser.processes").read_text(errors="replace")
    eventually(lambda: not list(server.data.glob("*.html")), "the file is left")
    [worker] = server.workers()
    server.process.send_signal(signal.SIGHUP)
    eventually(lambda: worker not in server.workers() and is_ready(server.url))
    assert seen(browser, "started").count("\n") == 1, "a new worker opens nothing"
    assert code not in server.log.read_text()


REFUSALS = {
    "another address": ({"GATEWAY_BIND": "0.0.0.0:8000"}, "would listen at 0.0.0.0:8000"),
    "a socket": ({"GATEWAY_BIND": "unix:/run/gateway"}, "would listen at unix:/run/gateway"),
    "no console": ({"GATEWAY_CONSOLE": "off"}, "GATEWAY_CONSOLE=off"),
    "another host": ({"GATEWAY_HOSTS": "example.com"}, "GATEWAY_HOSTS does not have 127.0.0.1:8000"),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_open_is_refused_in_public(case):
    environment, reason = REFUSALS[case]

    ran = CliRunner().invoke(command, ["--open"], env=environment)

    assert ran.exit_code == 1
    assert reason in ran.output


def test_code_ends_with_use_time_and_successor():
    now = [0.0]
    links = SignInLinks(lambda: now[0])
    assert not links.use("")

    first, second = links.create(), links.create()
    assert not links.use(first)
    assert links.use(second)
    assert links.wait_used()
    assert not links.use(second)

    late = links.create()
    now[0] += LINK_SECONDS
    assert not links.use(late)
