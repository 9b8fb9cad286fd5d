"""OCPP 2.1, block N. Diagnostics: streams of values (N11 – N15), and what 2.0.1 says too in 2.1's edition: monitors may
stream and compare with a target, texts may be longer. Block B's rows are here for the same reason."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from csms.domain import facts, monitoring
from csms.domain.commands import Answer
from csms.domain.monitoring import EventStream, StreamParams, StreamValue
from csms.domain.values import Value
from csms.ocpp import faults
from csms.ocpp.faults import LocalProtocolError
from csms.ocpp.fitting import fitted
from csms.ocpp.routing import Incoming, IncomingRow, Outgoing, OutgoingRow, Payload, Printable
from csms.ocpp.v201 import b_provisioning, n_diagnostics
from csms.ocpp.v201.answers import StatusAnswer, read_status
from csms.ocpp.v201.bounds import small, tidied

# -- shapes --------------------------------------------------------------------------------------------------------


class OpenPeriodicEventStream(Value, frozen=True):
    """OpenPeriodicEventStreamRequest."""

    constant_stream_data: EventStream


class ClosePeriodicEventStream(Value, frozen=True):
    """ClosePeriodicEventStreamRequest."""

    id: int


class NotifyPeriodicEventStream(Value, frozen=True):
    """NotifyPeriodicEventStream, a SEND."""

    id: int
    pending: int
    basetime: datetime
    data: tuple[StreamValue, ...]


class GetPeriodicEventStreamAnswer(Value, frozen=True):
    """GetPeriodicEventStreamResponse."""

    constant_stream_data: tuple[EventStream, ...] = ()


# -- from the station ----------------------------------------------------------------------------------------------


def open_periodic_event_stream(told: OpenPeriodicEventStream) -> monitoring.StreamOpened:
    """N11."""
    return monitoring.StreamOpened(_stream_told(told.constant_stream_data))


def _stream_told(stream: EventStream) -> EventStream:
    """Raises Fault for a pace that is none."""
    small("interval", stream.params.interval or 0)
    small("values", stream.params.values or 0)
    return tidied(stream)


def close_periodic_event_stream(told: ClosePeriodicEventStream) -> monitoring.StreamClosed:
    """N12."""
    return monitoring.StreamClosed(tidied(told).id)


def notify_periodic_event_stream(told: NotifyPeriodicEventStream) -> monitoring.StreamValuesReceived:
    """N11. Has no answer."""
    told = tidied(told)
    return monitoring.StreamValuesReceived(told.id, told.basetime, told.pending, told.data)


def reply_open_periodic_event_stream(reply: facts.Reply) -> Payload:
    """N11."""
    if isinstance(reply, monitoring.StreamOpenedReply):
        return {"status": "Accepted" if reply.accepted else "Rejected"}
    raise LocalProtocolError(f"{reply!r} does not answer this action.")


# -- to the station ------------------------------------------------------------------------------------------------


def get_periodic_event_stream(_command: monitoring.GetPeriodicEventStream) -> Payload:
    """N14."""
    return {}


def adjust_periodic_event_stream(command: monitoring.AdjustPeriodicEventStream) -> Printable:
    """N13."""
    return fitted(faults.V21, "AdjustPeriodicEventStream", {"id": command.id, "params": _params(command.params)})


def _params(params: StreamParams) -> Payload:
    return {
        name: value for name, value in (("interval", params.interval), ("values", params.values)) if value is not None
    }


def read_streams(told: GetPeriodicEventStreamAnswer) -> Answer:
    """N14."""
    return Answer(
        "Accepted", accepted=True, result=monitoring.EventStreams(tuple(map(_stream_told, told.constant_stream_data)))
    )


# -- the table -----------------------------------------------------------------------------------------------------

INCOMING: Final[tuple[IncomingRow, ...]] = (
    Incoming(
        "OpenPeriodicEventStream",
        open_periodic_event_stream,
        reply_open_periodic_event_stream,
        shape=OpenPeriodicEventStream,
    ),
    Incoming("ClosePeriodicEventStream", close_periodic_event_stream, shape=ClosePeriodicEventStream),
    Incoming("NotifyPeriodicEventStream", notify_periodic_event_stream, shape=NotifyPeriodicEventStream),
)
OUTGOING: Final[tuple[OutgoingRow, ...]] = (
    *b_provisioning.outgoing(faults.V21),
    *n_diagnostics.outgoing(faults.V21),
    Outgoing(
        "GetPeriodicEventStream",
        monitoring.GetPeriodicEventStream,
        get_periodic_event_stream,
        read_streams,
        shape=GetPeriodicEventStreamAnswer,
    ),
    Outgoing(
        "AdjustPeriodicEventStream",
        monitoring.AdjustPeriodicEventStream,
        adjust_periodic_event_stream,
        read_status,
        shape=StatusAnswer,
    ),
)
