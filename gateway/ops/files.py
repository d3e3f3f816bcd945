"""The files for Prometheus and Grafana that are beside this module, by the words that `gateway ops` takes."""

from collections.abc import Mapping
from importlib import resources

#: The names of the files in this folder, by the word that `gateway ops` takes.
FILES: Mapping[str, str] = {
    "alerts": "gateway-alerts.yaml",
    "alerts-test": "gateway-alerts-test.yaml",
    "dashboard": "dashboard.json",
}


def read(word: str) -> str:
    """Return the text of a file."""
    return (resources.files("gateway.ops") / FILES[word]).read_text(encoding="utf-8")
