"""The documentation of performance shows the results of the benchmark, and the benchmark compares what it says."""

import duckdb
import pyarrow as pa
import pytest

from tests.bench import lake, plot, report, results
from tests.bench.files import Files
from tests.bench.tables import EVENTS, FLIGHTS, ORDERS, TEXT_EVENTS
from tests.bench.workload import MemoryTarget
from tests.bench.workloads import WORKLOADS

TABLES = (ORDERS, FLIGHTS, EVENTS, TEXT_EVENTS)
#: How each kind of file that DuckDB reads by name is read with the types of its table.
READ = {
    "json": "read_json('{path}', format = 'array', columns = {columns})",
    "ndjson": "read_json('{path}', format = 'newline_delimited', columns = {columns})",
    "ndjson.gz": "read_json('{path}', format = 'newline_delimited', columns = {columns})",
    "csv": "read_csv('{path}', columns = {columns})",
    "csv.gz": "read_csv('{path}', columns = {columns})",
    "parquet": "'{path}'",
}


@pytest.mark.parametrize("page", [report.PAGE, report.README], ids=lambda page: page.stem)
def test_page_shows_the_results(page):
    text = page.read_text()

    assert report.filled(text, results.read()) == text, "python -m tests.bench --again writes it anew"


def test_picture_shows_the_results():
    assert plot.PATH.read_text() == plot.svg(results.read())


def test_results_have_every_lane_of_every_workload():
    lanes = {workload.name: [lane.label for lane in workload.lanes] for workload in WORKLOADS}

    assert {name: list(each["lanes"]) for name, each in results.read()["workloads"].items()} == lanes


def test_every_target_has_a_lane_or_figure():
    for workload in WORKLOADS:
        labels = {lane.label for lane in workload.lanes}

        for target in workload.targets:
            assert isinstance(target, MemoryTarget) or target.figure or target.against in labels, (
                workload.name
            )


def test_workloads_are_chosen_by_whole_words():
    chosen = [each.name for each in WORKLOADS if each.begins_with(["W1", "W8 csv"])]

    assert chosen == ["W1 orders", "W1 orders, 8 connections", "W1 flights", "W8 csv"]


def made(name: str, mib: int) -> dict:
    """Return results in which each lane of one workload has the same figure and peak of memory."""
    lane = {"samples": [9.0], "worst": None, "peak_bytes": mib * 2**20}
    (workload,) = (each for each in WORKLOADS if each.name == name)
    run = {
        "date": "2026-01-01",
        "rounds": 1,
        "seconds": 1.0,
        "lanes": {each.label: lane for each in workload.lanes},
    }
    return {"machine": "", "client": "", "contestants": {}, "workloads": {name: run}}


@pytest.mark.parametrize(("mib", "said"), [(300, "| yes |"), (301, "| **no** |")])
def test_peak_memory_is_held_to_target(mib, said):
    section = report.section(made("W1 orders", mib))

    assert f"|  | {mib} MiB | 300 MiB of memory | 300 MiB | 1× | ≤ 1× {said} {mib} |" in section


def test_lane_without_target_is_shown():
    results = made("W11 orders", 1)

    assert "|  |  | ClickHouse alone | 9 rows/s | 1× |  |  | 1 / 1 |" in report.section(results)
    assert "ClickHouse" not in plot.svg(results)


def test_comparison_waits_for_a_measured_lane():
    lane = {"samples": [9.0], "worst": None, "peak_bytes": 2**20}
    run = {"date": "2026-01-01", "rounds": 1, "seconds": 1.0, "lanes": {"gateway": lane, "Datasette": lane}}

    compared = [each.against for each in results.comparisons({"workloads": {"W1 orders": run}})]

    assert compared == ["Datasette", "300 MiB of memory"]


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_bodies_of_every_kind_have_same_rows(table, tmp_path):
    files, reader = Files(tmp_path), duckdb.connect()

    def rows(source):
        columns = ", ".join(table.columns)
        return reader.execute(f"SELECT {columns} FROM {source}").fetchall()

    arrow_rows = pa.ipc.open_stream(files.bodies(table, "arrow", 50)[1].read_bytes()).read_all()
    reader.register("arrow_rows", arrow_rows)
    expected, *others = (
        rows(source.format(path=files.bodies(table, kind, 50)[1], columns=table.columns))
        for kind, source in READ.items()
    )

    assert len(expected) == 50
    assert all(each == expected for each in [*others, rows("arrow_rows")])


def test_page_of_lakes_shows_its_results():
    text = lake.PAGE.read_text()

    assert "speed on a lake: made by tests/bench" in text
    assert lake.filled(text, lake.read()) == text, "python -m tests.bench.lake writes it anew"
