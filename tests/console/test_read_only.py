"""A gateway that may write no file, in a real browser: the change goes to git as a patch."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
from playwright.sync_api import expect

from tests.console.conftest import CHROME
from tests.support.browser import violations_of
from tests.support.prefix_proxy import proxying
from tests.support.server import Server, eventually, put, serving

ORDERS = "# Kept by hand.\nfields:\n  id: integer # the number\n  note: {type: string, nullable: true}\n"
PHONE = {"width": 375, "height": 700}


def git(repository: Path, *words: str) -> None:
    author = ("-c", "user.name=Ada", "-c", "user.email=ada@shop.example")
    subprocess.run(["git", *author, *words], cwd=repository, check=True)


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone with a directory of connectors."""
    directory = tmp_path_factory.mktemp("repository")
    put(directory / "connectors.d/orders.yaml", ORDERS)
    git(directory, "init", "-q")
    git(directory, "add", "connectors.d")
    git(directory, "commit", "-qm", "Add orders")
    return directory


@pytest.fixture(scope="module")
def reader(repository: Path) -> Iterator[tuple[Server, dict[str, str]]]:
    forge = "https://forge.example/{action}/{file}"
    with (
        serving(repository, GATEWAY_CONSOLE="read", GATEWAY_FORGE=forge) as server,
        proxying(server.url) as prefixed,
    ):
        yield server, {"root": f"{server.url}/", "prefix": prefixed}


@pytest.fixture(params=["root", "prefix"])
def gateway_url(reader, request: pytest.FixtureRequest) -> str:
    return reader[1][request.param]


def test_downloaded_patch_is_applied_by_git(open_page, reader, repository, gateway_url, tmp_path):
    """Change a field in the form, apply the patch in the repository, and see the change served."""
    server, _ = reader
    git(repository, "checkout", "-q", ".")
    eventually(lambda: server.client.get("/-/files/orders.yaml").json()["text"] == ORDERS)
    page = open_page("-/sign-in?next=-/console/connectors/orders", viewport=PHONE)
    page.get_by_label("Token").fill(server.admin["Authorization"].removeprefix("Bearer "))
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("link", name="Edit", exact=True).click()
    page.get_by_label("Field name").last.fill("remark")
    expect(page.locator("#plan")).to_contain_text("Renames the field 'note' to 'remark'")
    expect(page.get_by_text("With GATEWAY_CONSOLE=read the gateway writes no file.")).to_be_visible()
    assert page.get_by_role("button", name="Save").count() == 0
    assert violations_of(page) == []
    assert page.evaluate("() => document.documentElement.scrollWidth") <= PHONE["width"]
    with page.expect_download() as downloading:
        page.get_by_role("button", name="Download patch").click()
    downloading.value.save_as(tmp_path / "orders.patch")

    git(repository, "apply", str(tmp_path / "orders.patch"))
    text = (repository / "connectors.d/orders.yaml").read_text()
    assert text == ORDERS.replace(
        "note: {type: string, nullable: true}", "remark: {type: string, nullable: true, renamed_from: note}"
    )
    described = "/-/connectors/orders"
    eventually(lambda: server.client.get(described).json()["fields"][1]["name"] == "remark")


def test_draft_of_a_file_is_for_the_repository(reader):
    """Nothing is created here, so no page says that it is."""
    server, _ = reader
    headers = {**server.admin, "Accept": CHROME, "Sec-Fetch-Site": "same-origin"}
    with httpx.Client(base_url=server.url, headers=headers, follow_redirects=True) as browser:
        assert "this gateway writes no connector files" in browser.get("/-/console/load").text
        files = {"file": ("a.csv", b"id\n1\n")}
        draft = browser.post("/-/console/uploads", data={"connector": "", "format": ""}, files=files)
    assert "1 row of a.csv was read. Check the fields, and download the file." in draft.text


def test_ways_to_git_follow_the_name(open_page, reader, gateway_url):
    """Type the name of a new connector, whose page had no file when it was sent."""
    server, _ = reader
    page = open_page("-/sign-in?next=-/console/new", viewport=PHONE)
    page.get_by_label("Token").fill(server.admin["Authorization"].removeprefix("Bearer "))
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_text("Commands for git")).to_be_hidden()
    expect(page.get_by_role("link", name="Edit at the forge")).to_be_hidden()
    page.get_by_label("Connector name").fill("sales")
    expect(page.get_by_role("button", name="Download sales.yaml")).to_be_visible()
    page.get_by_text("Commands for git").click()
    expect(page.get_by_label("Commands for git")).to_contain_text("git add connectors.d/sales.yaml")
    forge = page.get_by_role("link", name="Edit at the forge")
    page.get_by_label("Field name").fill("id")
    text = quote("fields:\n  id: string\n", safe="")
    expect(forge).to_have_attribute("href", f"https://forge.example/new?filename=sales.yaml&value={text}")
    assert violations_of(page) == []
