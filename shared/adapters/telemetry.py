"""Telemetry as the settings ask for it.

OpenTelemetry is imported when there is somebody to send to, and not before: that would be a part of every cold start.
"""

from types import SimpleNamespace
from typing import TYPE_CHECKING

from shared.adapters.measures import LocalTelemetry, Measures
from shared.errors import InvalidInput
from shared.ports.system import Clock
from shared.settings import Settings

if TYPE_CHECKING:
    from opentelemetry.sdk.metrics.export import MetricExporter
    from opentelemetry.sdk.trace.export import SpanExporter

TIMEOUT_S = 10


def make_telemetry(settings: Settings, instance: str, clock: Clock) -> LocalTelemetry:
    """Call in the event loop that it is for, and close it.

    :raises InvalidInput: what a setting asks for is not installed.
    """
    if not settings.otlp_endpoint and not settings.application_insights:
        return LocalTelemetry(Measures())
    from shared.adapters.telemetry_otel import OtelTelemetry, resource_of

    spans: list[SpanExporter] = []
    metrics: list[tuple[MetricExporter, bool]] = []
    if settings.otlp_endpoint:
        from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        url, headers = settings.otlp_endpoint, dict(settings.otlp_headers)
        spans.append(OTLPSpanExporter(f"{url}/v1/traces", headers=headers, timeout=TIMEOUT_S))
        metrics.append((OTLPMetricExporter(f"{url}/v1/metrics", headers=headers, timeout=TIMEOUT_S), False))
    if settings.application_insights:
        try:
            from azure.monitor.opentelemetry.exporter import AzureMonitorMetricExporter, AzureMonitorTraceExporter
        except ImportError:
            raise InvalidInput(
                "setting AFB_APPLICATION_INSIGHTS needs the package azure-monitor-opentelemetry-exporter, which is not installed;"
                " hint: add it to requirements.txt, or send OTLP to a collector (AFB_OTLP_ENDPOINT)",
                field="AFB_APPLICATION_INSIGHTS",
            ) from None
        options = {"connection_string": settings.application_insights, "disable_offline_storage": True}
        # It asks the provider of the process for the resource, and we have none of the process.
        provider = SimpleNamespace(resource=resource_of(instance))
        spans.append(AzureMonitorTraceExporter(**options, tracer_provider=provider))
        metrics.append((AzureMonitorMetricExporter(**options), True))
    return OtelTelemetry(
        Measures(), spans=spans, metrics=metrics, sample=settings.trace_sample, instance=instance, clock=clock
    )
