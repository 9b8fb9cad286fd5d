"""Operations, their steps and schedules."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Final, TypeVar

from control.convert.common import duration, moment, seconds, timestamp
from control.convert.names import print_name, read_name
from control.convert.operation_orders import order, read_order
from control.v1 import operations_pb2
from csms.domain.errors import InvalidArgument
from csms.domain.firmware_versions import Comparison
from csms.domain.operations import (
    DEFAULT_CONCURRENCY,
    Counts,
    Draft,
    OperationState,
    Schedule,
    Step,
    StepState,
    Target,
    TargetFilter,
    Wave,
)
from csms.domain.orders import WITH_JOB, OrderKind
from csms.domain.timetable import DAY_MINUTES, Timetable
from csms.ports.operations import OperationFilter
from csms.services.operations import Made, OperationView, StationUpdate

T = TypeVar("T")
MAX_SHOWN: Final = 1_000
"""Stations in the answer to a dry run."""
SCHEDULE_FIELDS: Final = {
    "title": "title",
    "draft": "draft",
    "minute_of_day": "minute",
    "days_of_week": "days",
    "date": "on_date",
    "time_zone": "time_zone",
    "enabled": "enabled",
}
_STATES: Final = {state: getattr(operations_pb2, f"OPERATION_STATE_{state.value}") for state in OperationState}
_STEPS: Final = {state: getattr(operations_pb2, f"STEP_STATE_{state.value}") for state in StepState}
_KINDS: Final = {kind: getattr(operations_pb2, f"OPERATION_KIND_{kind.value}") for kind in OrderKind}
_STANDINGS: Final = {
    Comparison.SAME: operations_pb2.UPDATE_STANDING_UP_TO_DATE,
    Comparison.NEWER: operations_pb2.UPDATE_STANDING_UPDATE_AVAILABLE,
    Comparison.OLDER: operations_pb2.UPDATE_STANDING_AHEAD,
    Comparison.DIFFERENT: operations_pb2.UPDATE_STANDING_DIFFERENT,
}
_READ_STATES: Final = {number: state for state, number in _STATES.items()}
_READ_STEPS: Final = {number: state for state, number in _STEPS.items()}
_READ_KINDS: Final = {number: kind for kind, number in _KINDS.items()}


# -- drafts ------------------------------------------------------------------------------------------------------------


def read_draft(message: operations_pb2.OperationDraft) -> Draft:
    """Raises InvalidArgument."""
    return Draft(
        read_order(message.order),
        tuple(read_name(name, "stations") for name in message.stations),
        read_filter(message.filter) if message.HasField("filter") else None,
        message.title.strip(),
        message.concurrency or DEFAULT_CONCURRENCY,
        message.stop_after_failures,
        _whole(seconds(message.offline_wait)),
        _whole(seconds(message.station_timeout)),
        tuple(_read_wave(wave) for wave in message.waves),
        moment(message.start_time) if message.HasField("start_time") else None,
    )


def read_filter(message: operations_pb2.TargetFilter) -> TargetFilter:
    """Raises InvalidArgument."""
    return TargetFilter(
        read_name(message.place, "places") if message.place else None,
        read_name(message.group, "groups") if message.group else None,
        tuple(message.vendors),
        tuple(message.models),
        tuple(message.firmware_versions),
        tuple(message.except_firmware_versions),
        message.query,
    )


def _read_wave(message: operations_pb2.Wave) -> Wave:
    return Wave(message.count, message.percent, _whole(seconds(message.wait)), message.success_percent, message.by_hand)


def _whole(value: float) -> int:
    if value != int(value):
        raise InvalidArgument("Give durations in whole seconds.", reason="INVALID_DURATION")
    return int(value)


def draft(known: Draft) -> operations_pb2.OperationDraft:
    """As people may see it."""
    wanted = known.filter
    return operations_pb2.OperationDraft(
        title=known.title,
        order=order(known.order),
        stations=[print_name("stations", number) for number in known.station_ids],
        filter=None
        if wanted is None
        else operations_pb2.TargetFilter(
            place="" if wanted.place_id is None else print_name("places", wanted.place_id),
            group="" if wanted.group_id is None else print_name("groups", wanted.group_id),
            vendors=wanted.vendors,
            models=wanted.models,
            firmware_versions=wanted.firmware_versions,
            except_firmware_versions=wanted.not_firmware_versions,
            query=wanted.query,
        ),
        concurrency=known.concurrency,
        stop_after_failures=known.stop_after_failures,
        offline_wait=duration(known.offline_wait_s or None),
        station_timeout=duration(known.timeout_s or None),
        waves=[
            operations_pb2.Wave(
                count=wave.count,
                percent=wave.percent,
                wait=duration(wave.wait_s or None),
                success_percent=wave.success_percent,
                by_hand=wave.by_hand,
            )
            for wave in known.waves
        ],
        start_time=timestamp(known.not_before),
    )


# -- operations --------------------------------------------------------------------------------------------------------


def operation(view: OperationView) -> operations_pb2.Operation:
    """With its counts."""
    known = view.operation
    return operations_pb2.Operation(
        name=print_name("operations", known.id),
        kind=_KINDS[known.kind],
        draft=draft(known.draft),
        state=_STATES[known.state],
        detail=known.detail,
        counts=_counts(view.counts),
        current_wave=known.wave + 1 if known.started_at is not None else 0,
        next_wave_time=timestamp(_next_wave(view)),
        creator=known.created_by,
        creator_display_name=known.created_by_name,
        schedule="" if known.schedule_id is None else print_name("operationSchedules", known.schedule_id),
        create_time=timestamp(known.created_at),
        begin_time=timestamp(known.started_at),
        end_time=timestamp(known.finished_at),
        revision=known.revision,
    )


def _next_wave(view: OperationView) -> datetime | None:
    known = view.operation
    if known.wave_ended_at is None or known.state is not OperationState.RUNNING or known.wave >= known.last_wave:
        return None
    return known.wave_ended_at + timedelta(seconds=known.draft.waves[known.wave].wait_s)


def _counts(known: Counts) -> operations_pb2.StepCounts:
    return operations_pb2.StepCounts(
        total=known.total,
        pending=known.of(StepState.PENDING),
        running=known.of(StepState.RUNNING),
        succeeded=known.of(StepState.SUCCEEDED),
        failed=known.of(StepState.FAILED),
        skipped=known.of(StepState.SKIPPED),
        unknown=known.of(StepState.UNKNOWN),
    )


def new_operation(made: Made) -> operations_pb2.Operation | None:
    """Just made; None for a dry run."""
    if made.operation is None:
        return None
    return operation(OperationView(made.operation, Counts({StepState.PENDING: len(made.targets)})))


def targets(made: Made) -> list[operations_pb2.OperationTarget]:
    """For a dry run: the first of them."""
    if made.operation is not None:
        return []
    return [_target(target, wave) for target, wave in made.targets[:MAX_SHOWN]]


def _target(known: Target, wave: int) -> operations_pb2.OperationTarget:
    return operations_pb2.OperationTarget(
        station=print_name("stations", known.station_id),
        station_identity=known.identity,
        station_display_name=known.display_name,
        vendor=known.vendor,
        model=known.model,
        firmware_version=known.firmware_version,
        online=known.online,
        wave=wave + 1,
    )


def step(known: Step, kind: OrderKind) -> operations_pb2.OperationStep:
    """One station of an operation of that kind."""
    job = ""
    if known.job_id is not None and kind in WITH_JOB:
        job = f"stations/{known.station_id}/jobs/{known.job_id}"
    return operations_pb2.OperationStep(
        number=known.number,
        station=print_name("stations", known.station_id),
        station_identity=known.identity,
        station_display_name=known.display_name,
        wave=known.wave + 1,
        state=_STEPS[known.state],
        attempt=known.attempt,
        answer=known.answer,
        reason=known.reason,
        detail=known.detail,
        job=job,
        not_before_time=timestamp(known.not_before),
        begin_time=timestamp(known.started_at),
        end_time=timestamp(known.ended_at),
        revision=known.revision,
    )


def read_operation_filter(message: operations_pb2.OperationFilter) -> OperationFilter:
    """Raises InvalidArgument."""
    return OperationFilter(
        tuple(_known(_READ_STATES, number) for number in message.states),
        tuple(_known(_READ_KINDS, number) for number in message.kinds),
        message.creator,
        read_name(message.schedule, "operationSchedules") if message.schedule else None,
        read_name(message.station, "stations") if message.station else None,
        moment(message.start_time) if message.HasField("start_time") else None,
        moment(message.end_time) if message.HasField("end_time") else None,
        message.query,
    )


def read_step_states(numbers: list[int]) -> list[StepState]:
    """Raises InvalidArgument."""
    return [_known(_READ_STEPS, number) for number in numbers]


def _known(table: dict[int, T], number: int) -> T:
    if number not in table:
        raise InvalidArgument(f"There is none with the number {number}.", reason="INVALID_FILTER")
    return table[number]


def read_order_by(text: str) -> bool:
    """Oldest first? Raises InvalidArgument."""
    if text.split() in ([], ["create_time", "desc"]):
        return False
    if text.split() in (["create_time"], ["create_time", "asc"]):
        return True
    raise InvalidArgument("Operations are ordered by create_time or create_time desc.", reason="INVALID_ORDER_BY")


def update(known: StationUpdate) -> operations_pb2.StationUpdate:
    """What there is for a station."""
    if known.image is None:
        standing = operations_pb2.UPDATE_STANDING_NONE_KNOWN
    elif known.standing is None:
        standing = operations_pb2.UPDATE_STANDING_VERSION_UNKNOWN
    else:
        standing = _STANDINGS[known.standing]
    return operations_pb2.StationUpdate(
        station=print_name("stations", known.target.station_id),
        station_identity=known.target.identity,
        station_display_name=known.target.display_name,
        vendor=known.target.vendor,
        model=known.target.model,
        firmware_version=known.target.firmware_version,
        standing=standing,
        image="" if known.image is None else print_name("firmwareImages", known.image.id),
        image_version="" if known.image is None else known.image.version,
    )


# -- schedules ---------------------------------------------------------------------------------------------------------


def read_timetable(message: operations_pb2.OperationSchedule) -> Timetable:
    """Raises InvalidArgument."""
    if not 0 <= message.minute_of_day < DAY_MINUTES:
        raise InvalidArgument("The time of day is given in minutes after midnight, 0 to 1439.", reason="INVALID_TIME")
    days = frozenset(day - 1 for day in message.days_of_week) or frozenset(range(7))
    return Timetable(message.minute_of_day, days, _read_date(message.date), message.time_zone or "UTC")


def _read_date(text: str) -> date | None:
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise InvalidArgument(
            f"{text[:40]!r} is no date; dates look like 2026-11-30.", reason="INVALID_DATE"
        ) from error


def schedule(known: Schedule) -> operations_pb2.OperationSchedule:
    """As it is."""
    timetable = known.timetable
    return operations_pb2.OperationSchedule(
        name=print_name("operationSchedules", known.id),
        title=known.title,
        draft=draft(known.draft),
        minute_of_day=timetable.minute,
        days_of_week=[] if timetable.on_date is not None else sorted(day + 1 for day in timetable.days),
        date="" if timetable.on_date is None else timetable.on_date.isoformat(),
        time_zone=timetable.time_zone,
        enabled=known.enabled,
        next_run_time=timestamp(known.next_run_at),
        last_run_time=timestamp(known.last_run_at),
        last_detail=known.last_detail,
        creator=known.created_by,
        creator_display_name=known.created_by_name,
        create_time=timestamp(known.created_at),
        update_time=timestamp(known.updated_at),
        etag=str(known.version),
    )
