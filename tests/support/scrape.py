"""A scrape of `/-/metrics`: the values of samples, read by the client library's own parser."""

from collections.abc import Mapping
from dataclasses import dataclass

from prometheus_client.parser import text_string_to_metric_families

from tests.support.server import Server


@dataclass(frozen=True)
class Scrape:
    """The samples of one scrape, by name and labels."""

    text: str
    samples: Mapping[tuple[str, frozenset[tuple[str, str]]], float]

    def value(self, name: str, **labels: str) -> float:
        """Return the value of one sample."""
        return self.samples[name, frozenset(labels.items())]

    def find(self, name: str, **labels: str) -> dict[tuple[str, ...], float]:
        """Return the samples of a name that have these labels, by the sorted values of their other labels."""
        wanted = labels.items()
        return {
            tuple(value for _, value in sorted(set(found) - set(wanted))): value
            for (each, found), value in self.samples.items()
            if each == name and wanted <= set(found)
        }

    @property
    def names(self) -> set[str]:
        """The names of all samples."""
        return {name for name, _ in self.samples}


def scrape(server: Server) -> Scrape:
    """Read the metrics as Prometheus does that asks for plain text."""
    answer = server.client.get("/-/metrics")
    assert answer.status_code == 200, answer.text
    return parsed(answer.text)


def parsed(text: str) -> Scrape:
    """Return the samples of a text; no series may be there twice."""
    samples: dict[tuple[str, frozenset[tuple[str, str]]], float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            key = (sample.name, frozenset(sample.labels.items()))
            assert key not in samples, key
            samples[key] = sample.value
    return Scrape(text, samples)
