"""Traces of calls."""

from __future__ import annotations

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from control import spans
from csms.domain.errors import NotFound


@pytest.fixture
def exporter(monkeypatch: pytest.MonkeyPatch) -> InMemorySpanExporter:
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(spans, "_tracer", provider.get_tracer("test"))
    return exporter


@pytest.mark.feature("F-SYS-6")
def test_a_call_goes_on_with_the_trace_of_its_caller(exporter: InMemorySpanExporter) -> None:
    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    with spans.serving("/control.v1.SystemService/GetSystemInfo", {"traceparent": parent, "x-bin": b""}):
        pass
    (span,) = exporter.get_finished_spans()
    assert span.context is not None
    assert trace.format_trace_id(span.context.trace_id) == "0af7651916cd43dd8448eb211c80319c"
    assert span.name == "control.v1.SystemService/GetSystemInfo"


def test_a_refusal_is_told_by_its_reason_and_a_bug_is_an_error(exporter: InMemorySpanExporter) -> None:
    with pytest.raises(NotFound), spans.serving("/a/B", {}):
        raise NotFound("no", reason="GONE")
    with pytest.raises(ZeroDivisionError), spans.serving("/a/B", {}):
        _ = 1 / 0
    refused, broken = exporter.get_finished_spans()
    assert refused.attributes is not None
    assert (refused.attributes["chargehouse.reason"], refused.status.status_code) == ("GONE", StatusCode.UNSET)
    assert (broken.status.status_code, broken.status.description) == (StatusCode.ERROR, "ZeroDivisionError")
