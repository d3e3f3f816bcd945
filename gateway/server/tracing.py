"""Tracing: whether a request is traced, and where its spans go.

The standard environment of OpenTelemetry configures it. The SDK is imported only where an endpoint is configured.
"""

import contextlib
import logging
import os
from collections.abc import Iterator, Mapping
from typing import Protocol
from urllib.parse import urlsplit

from gateway.errors import trace
from gateway.request_context import HeaderFields
from gateway.server.observed_request import ObservedRequest
from gateway.server.scope import Event
from gateway.stage_times import StageTimes

_log = logging.getLogger(__name__)

#: The bit of a traceparent's flags that says that the caller records the trace.
#: https://www.w3.org/TR/trace-context/#sampled-flag
_SAMPLED = 1
_PROTOCOL = "http/protobuf"


class SpanRecorder(Protocol):
    """Turns finished requests into spans, and sends them."""

    def record(self, request: ObservedRequest, scope: Event, fields: HeaderFields) -> None:
        """Record the spans of a finished request that has stage times."""

    def stop(self, seconds: float) -> None:
        """Send the recorded spans within `seconds`, and drop the rest."""


class Tracing:
    """Decides which requests are traced. Belongs to the event loop, but for `start` and `stop`."""

    def __init__(self, recorder: SpanRecorder | None = None) -> None:
        """Begin with a recorder, or without one until `start` finds a configured endpoint."""
        self._recorder = recorder

    @contextlib.contextmanager
    def sending(self, seconds: float) -> Iterator[None]:
        """Send spans until the block ends, if the environment configures an endpoint.

        Args:
            seconds: How long the end of the block waits for the last spans.
        """
        self.start()
        try:
            yield
        finally:
            self.stop(seconds)

    def start(self, environment: Mapping[str, str] = os.environ) -> None:
        """Start to send spans if the environment configures an endpoint. A problem is a warning in the log."""
        endpoint = _endpoint(environment) if self._recorder is None else None
        if endpoint is None:
            return
        try:
            shown = _without_secrets(endpoint)
            from gateway.server.spans import Spans  # noqa: PLC0415  # an extra, which costs 0.2 s

            self._recorder = Spans.to_collector()
            _log.info("traces of sampled requests are sent to %s", shown)
        except ImportError:
            _log.warning(
                "OTEL_EXPORTER_OTLP_ENDPOINT is set, but OpenTelemetry is not installed, so no traces are sent;"
                " install the gateway with its extra: pip install '.[otel]'"
            )
        except (ValueError, RuntimeError, OSError) as error:
            _log.warning("no traces are sent, because a variable OTEL_... is not valid: %s", error)

    def stop(self, seconds: float) -> None:
        """Stop, and send the recorded spans within `seconds`."""
        recorder, self._recorder = self._recorder, None
        if recorder is not None:
            recorder.stop(seconds)

    def stages_of(self, traceparent: str) -> StageTimes | None:
        """Return the empty stage times of a request that is traced, else None: its caller must record the trace."""
        is_traced = self._recorder is not None and int(traceparent[-2:], 16) & _SAMPLED
        return StageTimes() if is_traced else None

    def record(self, request: ObservedRequest, scope: Event, fields: HeaderFields) -> None:
        """Record a finished request that has stage times."""
        if self._recorder is None:
            return
        try:
            self._recorder.record(request, scope, fields)
        except Exception as error:  # noqa: BLE001  # the response is sent; a fault of the SDK must not break its connection
            _log.error("the spans of a request could not be recorded: %s", trace(error))


def _endpoint(environment: Mapping[str, str]) -> str | None:
    """Return the configured endpoint; None without one, or where another variable turns traces off."""

    def value(*names: str) -> str:
        return next((text for name in names if (text := environment.get(name, "").strip())), "")

    exporters = {name.strip() for name in value("OTEL_TRACES_EXPORTER").split(",")} - {""}
    endpoint = value("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
    if not endpoint:
        return None
    if value("OTEL_SDK_DISABLED").lower() == "true" or exporters == {"none"}:
        return None
    if exporters and "otlp" not in exporters:
        _log.warning("OTEL_TRACES_EXPORTER has no otlp, so no traces are sent; add otlp, or set it to none")
        return None
    protocol = value("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
    if protocol not in ("", _PROTOCOL):
        _log.warning(
            "OTEL_EXPORTER_OTLP_PROTOCOL is %r, so no traces are sent; set it to %s, and the endpoint to the"
            " collector's port for it, usually 4318",
            protocol[:50],
            _PROTOCOL,
        )
        return None
    return endpoint


def _without_secrets(endpoint: str) -> str:
    """Return a URL without the user, the password, and the query.

    Raises:
        ValueError: It is not a URL of HTTP.
    """
    parts = urlsplit(endpoint)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("the endpoint is not a URL such as http://127.0.0.1:4318")
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
