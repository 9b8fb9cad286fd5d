"""Traces of calls: a call goes on with the trace that its caller sends (`traceparent`, W3C Trace Context).

Without a tracer set up (`csms.telemetry.set_up_tracing`) all of this does next to nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from opentelemetry import propagate, trace
from opentelemetry.trace import SpanKind, Status, StatusCode

from csms.domain.errors import DomainError

_tracer = trace.get_tracer("chargehouse.control")


@contextmanager
def serving(method: str, metadata: Mapping[str, str | bytes]) -> Iterator[None]:
    """A span around the work for one call. Refusals are told by their reason; they are no errors of ours."""
    carrier = {key: value for key, value in metadata.items() if isinstance(value, str)}
    with _tracer.start_as_current_span(
        method.removeprefix("/"),
        context=propagate.extract(carrier),
        kind=SpanKind.SERVER,
        attributes={"rpc.system": "grpc", "rpc.method": method.removeprefix("/")},
        record_exception=False,
        set_status_on_exception=False,
    ) as span:
        try:
            yield
        except DomainError as refused:
            span.set_attribute("chargehouse.reason", refused.reason)
            raise
        except Exception as bug:
            span.set_status(Status(StatusCode.ERROR, type(bug).__name__))
            raise
