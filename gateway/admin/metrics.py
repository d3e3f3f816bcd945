"""`/-/metrics`: all metrics as Prometheus text, or as OpenMetrics if the client prefers that."""

import asyncio
from collections.abc import Callable, Iterable, Mapping

from falcon.asgi import Request, Response
from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from gateway.admin.metric_samples import MetricSamples
from gateway.admin.metric_table import METRICS, MetricFamily, Sample
from gateway.auth import permissions
from gateway.endpoints.services import Services
from gateway.metrics import HistogramCounts
from gateway.reload.reload import Reload
from gateway.resources import Resources

_FAMILIES: Mapping[str, Callable[..., Metric]] = {
    "gauge": GaugeMetricFamily,
    "counter": CounterMetricFamily,
    "histogram": HistogramMetricFamily,
}
_TEXT = "text/plain"
_WRITERS: Mapping[str, tuple[Callable[[Collector], bytes], str]] = {
    _TEXT: (generate_latest, CONTENT_TYPE_PLAIN_0_0_4),
    "application/openmetrics-text": (openmetrics.generate_latest, openmetrics.CONTENT_TYPE_LATEST),
}


class MetricsResource:
    """`/-/metrics`."""

    def __init__(self, services: Services, resources: Resources, reload: Reload) -> None:
        self._credentials = services.auth.credentials
        self._is_open = services.intake.settings.metrics == "open"
        self._registry = CollectorRegistry()
        self._registry.register(_GatewayCollector(MetricSamples(services, resources, reload).read))
        ProcessCollector(registry=self._registry)

    async def on_get(self, req: Request, resp: Response) -> None:
        """Respond with all metrics; a thread reads and writes them."""
        if not self._is_open:
            permissions.require_view(self._credentials.asker(req.auth))
        # The client library chooses by the order of the header, and fails on a version that is no number.
        preferred = req.client_prefers(tuple(_WRITERS)) or _TEXT
        write, resp.content_type = _WRITERS[preferred]
        resp.data = await asyncio.to_thread(write, self._registry)


class _GatewayCollector(Collector):
    """Passes the samples of one moment to the client library, which writes the text."""

    def __init__(self, read: Callable[[], Iterable[Sample]]) -> None:
        self._read = read

    def describe(self) -> Iterable[Metric]:
        """Return the families without samples: the registry must not read samples to learn their names."""
        return [_family(metric) for metric in METRICS]

    def collect(self) -> Iterable[Metric]:
        """Return the families with their samples."""
        families = {metric.name: _family(metric) for metric in METRICS}
        for sample in self._read():
            _add(families[sample.metric], sample)
        has_lake = bool(families["gateway_lake_info"].samples)
        return [families[metric.name] for metric in METRICS if has_lake or not metric.is_of_lake]


def _family(metric: MetricFamily) -> Metric:
    return _FAMILIES[metric.kind](metric.name, metric.help, labels=metric.labels)


def _add(family: Metric, sample: Sample) -> None:
    if isinstance(sample.value, HistogramCounts):
        assert isinstance(family, HistogramMetricFamily)
        names = [*map(floatToGoString, sample.value.bounds), "+Inf"]
        buckets = list(zip(names, sample.value.counts, strict=True))
        family.add_metric(sample.labels, buckets, sample.value.total)
    else:
        assert isinstance(family, CounterMetricFamily | GaugeMetricFamily)
        family.add_metric(sample.labels, sample.value)
