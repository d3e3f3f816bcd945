"""The documentation of performance shows the results of the benchmark."""

from tests.bench import plot, report, results
from tests.bench.workloads import WORKLOADS


def test_the_page_and_the_picture_show_the_results():
    found, text = results.read(), report.PAGE.read_text()

    assert report.filled(text, found) == text, "python -m tests.bench --again writes it anew"
    assert plot.PATH.read_text() == plot.svg(found)


def test_every_workload_has_been_measured_whole():
    lanes = {workload.name: [lane.label for lane in workload.lanes] for workload in WORKLOADS}

    assert {name: list(each["lanes"]) for name, each in results.read()["workloads"].items()} == lanes
