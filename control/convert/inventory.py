"""Events, things that stations hold, jobs."""

from __future__ import annotations

import json
from typing import Final

from google.protobuf.struct_pb2 import Struct

from control.convert.common import moment, timestamp
from control.convert.names import print_name, read_name
from control.v1 import inventory_pb2
from csms.domain.errors import InvalidArgument
from csms.domain.records import JobKind, JobState
from csms.ports.inventory import EventFilter, Item, Job, StationEvent

KINDS: Final[dict[JobKind, inventory_pb2.JobKind.ValueType]] = {
    kind: inventory_pb2.JobKind.Value(f"JOB_KIND_{kind.value}") for kind in JobKind
}
STATES: Final[dict[JobState, inventory_pb2.JobState.ValueType]] = {
    state: inventory_pb2.JobState.Value(f"JOB_STATE_{state.value}") for state in JobState
}
_KINDS_BACK: Final = {int(number): kind for kind, number in KINDS.items()}
_MAX_DEPTH = 30
"""Of nested values; protobuf's readers refuse what is three times as deep."""


def child_name(station_id: int, collection: str, number: int) -> str:
    """(3, "jobs", 7) → "stations/3/jobs/7"."""
    return f"{print_name('stations', station_id)}/{print_name(collection, number)}"


def read_child_name(name: str, collection: str) -> tuple[int, int]:
    """("stations/3/jobs/7", "jobs") → (3, 7). Raises InvalidArgument/INVALID_NAME."""
    parts = name.split("/")
    if len(parts) != 4:
        raise InvalidArgument(
            f"{name[:100]!r} is not a name of this kind; names look like stations/3/{collection}/7.",
            reason="INVALID_NAME",
        )
    return read_name("/".join(parts[:2]), "stations"), read_name("/".join(parts[2:]), collection)


def struct(body: bytes) -> Struct:
    """A JSON object. What is nested too deeply for protobuf comes as text, under the name `json`."""
    message = Struct()
    value = json.loads(body)
    if not isinstance(value, dict) or _depth(value) > _MAX_DEPTH:
        value = {"json": body.decode()}
    message.update(value)
    return message


def _depth(value: object, above: int = 0) -> int:
    if above > _MAX_DEPTH or not isinstance(value, dict | list):
        return above
    children = value.values() if isinstance(value, dict) else value
    return max((_depth(child, above + 1) for child in children), default=above + 1)


def event(told: StationEvent) -> inventory_pb2.StationEvent:
    """All of it."""
    return inventory_pb2.StationEvent(
        name=child_name(told.station_id, "events", told.id),
        event_time=timestamp(told.at),
        receive_time=timestamp(told.received_at),
        kind=told.kind,
        summary=told.summary,
        evse_id=told.evse_id,
        severity=told.severity,
        body=struct(told.body),
    )


def item(held: Item) -> inventory_pb2.StationItem:
    """All of it."""
    return inventory_pb2.StationItem(
        station=print_name("stations", held.station_id),
        kind=held.kind,
        key=held.key,
        tell_time=timestamp(held.at),
        body=struct(held.body),
    )


def job(known: Job) -> inventory_pb2.Job:
    """All of it."""
    return inventory_pb2.Job(
        name=child_name(known.station_id, "jobs", known.id),
        kind=KINDS[known.kind],
        state=STATES[known.state],
        status=known.status,
        detail=known.detail,
        request=struct(known.request),
        received_parts=len(known.parts),
        last_part=known.last_part,
        create_time=timestamp(known.created_at),
        update_time=timestamp(known.updated_at),
        finish_time=timestamp(known.finished_at),
    )


def event_filter(message: inventory_pb2.StationEventFilter) -> EventFilter:
    """Raises InvalidArgument."""
    return EventFilter(
        station_id=read_name(message.station, "stations") if message.station else None,
        kinds=tuple(message.kinds),
        severity=message.severity if message.HasField("severity") else None,
        query=message.query,
        at_from=moment(message.event_time_from) if message.HasField("event_time_from") else None,
        at_to=moment(message.event_time_to) if message.HasField("event_time_to") else None,
    )


def job_kinds(numbers: list[int]) -> tuple[JobKind, ...]:
    """Raises InvalidArgument."""
    unknown = [number for number in numbers if number not in _KINDS_BACK]
    if unknown:
        raise InvalidArgument(f"There is no kind of job with the number {unknown[0]}.", reason="INVALID_FILTER")
    return tuple(_KINDS_BACK[number] for number in numbers)
