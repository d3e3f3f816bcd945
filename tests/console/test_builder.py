"""The builder in a real browser: a connector is built, changed, and removed without YAML."""

from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.console.conftest import Portal, opened
from tests.support.browser import violations_of


@pytest.fixture(scope="session")
def workbench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    """A gateway that may write files, for connectors of these tests."""
    with opened(tmp_path_factory.mktemp("workbench"), {}) as portal:
        yield portal


@pytest.fixture
def gateway_url(workbench: Portal) -> str:
    return workbench.urls["prefix"]


def signed_in(open_page, workbench: Portal, path: str, **options) -> Page:
    page = open_page(f"-/sign-in?next={path}", **options)
    page.get_by_label("Token").fill(workbench.secret("admin"))
    page.get_by_role("button", name="Sign in").click()
    return page


def test_connector_is_built_without_yaml(open_page, workbench: Portal, name: str):
    page = signed_in(open_page, workbench, "-/console/new")
    page.get_by_label("Connector name").fill(name)
    for number, (field, type_) in enumerate([("id", "integer"), ("note", "string"), ("spare", "date")]):
        if number:
            page.get_by_role("button", name="Add field").click()
        page.get_by_label("Field name").last.fill(field)
        page.get_by_label("Type").last.select_option(type_)
    page.get_by_label("Nullable").nth(1).check()
    page.get_by_role("button", name="Delete field").last.click()
    expect(page.get_by_label("Field name").nth(1)).to_be_focused()
    assert violations_of(page) == []
    page.get_by_role("button", name="Create").click()

    expect(page.get_by_text(f"/gw/{name}").first).to_be_visible()
    file = workbench.server.connectors / f"{name}.yaml"
    assert file.read_text() == "fields:\n  id: integer\n  note: {type: string, nullable: true}\n"
    answer = httpx.post(f"{workbench.server.url}/{name}", json=[{"id": 1}], headers=workbench.server.admin)
    assert answer.status_code == 201
