import functools
import itertools
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import is_hypothesis_test

from tests.support.server import ROOT, Server, serving
from tests.support.sizes import is_full_size, use_full_size
from tests.support.tested_store import IS_LAKE, SHARE

# Nothing here speaks TLS, and to load the certificates takes a client longer than most of its requests.
ssl.create_default_context = functools.cache(ssl.create_default_context)

pytest_plugins = ["tests.support.browser", "tests.support.lake.fixtures"]

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A gateway shared by the tests that leave it as they found it, but for connectors of their own."""
    with serving(tmp_path_factory.mktemp("gateway")) as server:
        yield server


@pytest.fixture
def name(request: pytest.FixtureRequest) -> Iterator[str]:
    """A connector name nobody else uses."""
    name = f"c{next(_numbers)}"
    yield name
    if "server" in request.fixturenames:
        request.getfixturevalue("server").remove_refused(name)


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Server]:
    """A gateway of this test alone."""
    with serving(tmp_path) as server:
        yield server


@pytest.fixture
def tell(record_property):
    """Say a figure: it is printed under the results, whether or not the output of tests is."""
    return lambda text: record_property("figure", text)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--screenshots", action="store_true", help="write the pictures of pages to the documentation"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Choose how many examples properties are tried with."""
    use_full_size(is_full=config.option.markexpr.strip() == "torture")


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark the promises, and what has a full size; on a lake, skip what a DuckDB file alone has."""
    if item.path.relative_to(ROOT / "tests").parts[0] in ("promises", "lake"):
        item.add_marker("promises")
    file_only = item.get_closest_marker("file_only")
    if IS_LAKE and file_only is not None:
        item.add_marker(pytest.mark.skip(reason=f"file only: {file_only.args[0]}"))
    is_scaled = item.get_closest_marker("scaled") or is_hypothesis_test(getattr(item, "obj", None))
    if is_full_size() and is_scaled:
        item.add_marker("torture")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the tests in a browser, and then the long ones: at the end every worker would wait for them.

    The first tests all go to the first worker, and others are taken from its end. So one worker alone runs a browser.
    Of a share of the tests, every one has its neighbors left out, so that all modules and tables have their part.
    """
    items.sort(key=lambda item: ("chromium" not in item.fixturenames, not item.get_closest_marker("long")))
    items[:] = items[::SHARE]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = [report for reports in terminalreporter.stats.values() for report in reports]
    told = [
        f"{report.nodeid.partition('::')[2]}: {text}"
        for report in reports
        if getattr(report, "when", None) == "call"
        for name, text in report.user_properties
        if name == "figure"
    ]
    if told:
        terminalreporter.section("figures")
        for line in told:
            terminalreporter.write_line(line)
