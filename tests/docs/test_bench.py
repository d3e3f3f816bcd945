"""The documentation of performance shows the results of the benchmark."""

import pytest

from tests.bench import plot, report, results
from tests.bench.workloads import WORKLOADS


@pytest.mark.parametrize("page", [report.PAGE, report.README], ids=lambda page: page.stem)
def test_page_shows_the_results(page):
    text = page.read_text()

    assert report.filled(text, results.read()) == text, "python -m tests.bench --again writes it anew"


def test_picture_shows_the_results():
    assert plot.PATH.read_text() == plot.svg(results.read())


def test_results_have_every_lane_of_every_workload():
    lanes = {workload.name: [lane.label for lane in workload.lanes] for workload in WORKLOADS}

    assert {name: list(each["lanes"]) for name, each in results.read()["workloads"].items()} == lanes
