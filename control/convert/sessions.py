"""Sessions, their filter, meter values."""

from __future__ import annotations

from decimal import Decimal
from typing import Final, Literal

from google.protobuf import field_mask_pb2

from control.convert.common import moment, timestamp
from control.convert.names import print_name, read_name
from control.v1 import remote_pb2, sessions_pb2
from csms.domain.errors import InvalidArgument
from csms.domain.facts import TransactionExtras
from csms.domain.metering import MeterValue
from csms.domain.series import Series
from csms.domain.session_changes import CORRECTED_FIELDS, LOGBOOK_FIELDS, Change, Logbook, Vehicle
from csms.domain.transaction import Authentication, SessionState, Transaction
from csms.ports.queries import (
    LogbookState,
    SessionFilter,
    SessionOrder,
    SessionTotals,
    SessionView,
    Sorting,
    Span,
    Times,
)
from csms.services.session_editing import NewValues
from csms.services.sessions import EventKind, SessionEvent

STATES: Final[dict[SessionState, sessions_pb2.SessionState.ValueType]] = {
    SessionState.ACTIVE: sessions_pb2.SESSION_STATE_ACTIVE,
    SessionState.ENDED: sessions_pb2.SESSION_STATE_ENDED,
}
AUTHENTICATIONS: Final[dict[Authentication, sessions_pb2.Authentication.ValueType]] = {
    Authentication.ANONYMOUS: sessions_pb2.AUTHENTICATION_ANONYMOUS,
    Authentication.RFID: sessions_pb2.AUTHENTICATION_RFID,
    Authentication.REMOTE: sessions_pb2.AUTHENTICATION_REMOTE,
}
_NO_EXTRAS: Final = TransactionExtras()
_STATES_BACK: Final = {0: None} | {int(number): state for state, number in STATES.items()}


_NUMBERS: Final[dict[Authentication, int]] = {
    Authentication.ANONYMOUS: 0,
    Authentication.RFID: 1,
    Authentication.REMOTE: 2,
}
_AUTHENTICATIONS_BACK: Final = {int(number): word for word, number in AUTHENTICATIONS.items()}
_ORDERS_BACK: Final[dict[int, SessionOrder]] = {
    0: SessionOrder.START_TIME,
    **{sessions_pb2.SessionOrder.Value(f"SESSION_ORDER_{order.value}"): order for order in SessionOrder},
}
_LOGBOOKS_BACK: Final = {
    sessions_pb2.LOGBOOK_STATE_UNSPECIFIED: None,
    sessions_pb2.LOGBOOK_STATE_FILLED: LogbookState.FILLED,
    sessions_pb2.LOGBOOK_STATE_MISSING: LogbookState.MISSING,
}
_KINDS: Final = {kind: sessions_pb2.SessionEvent.Kind.Value(f"KIND_{kind.value}") for kind in EventKind}
CORRECTED: Final = {name: name for name in CORRECTED_FIELDS}
LOGBOOK: Final = {name: name for name in LOGBOOK_FIELDS}


def session(view: SessionView, fields: frozenset[str] = frozenset()) -> sessions_pb2.Session:
    """These fields and the name; all of it when there are none. What was corrected is as it was corrected."""
    message = _told(view)
    for names, add in _PARTS:
        if not fields or not fields.isdisjoint(names):
            add(message, view)
    if fields:
        for field, _ in message.ListFields():
            if field.name not in fields and field.name != "name":
                message.ClearField(field.name)  # type: ignore[arg-type]  # a name of its own
    return message


def read_mask(mask: field_mask_pb2.FieldMask) -> frozenset[str]:
    """The fields of Session that are asked for; none: all. Raises InvalidArgument."""
    known = sessions_pb2.Session.DESCRIPTOR.fields_by_name
    if list(mask.paths) == ["*"]:
        return frozenset()
    unknown = [path for path in mask.paths if path not in known]
    if unknown:
        raise InvalidArgument(f"A session has no field {', '.join(unknown)}.", reason="INVALID_FIELD_MASK")
    return frozenset(mask.paths)


def _told(view: SessionView) -> sessions_pb2.Session:
    """What stations tell."""
    t = view.transaction
    extras = t.extras or _NO_EXTRAS
    return sessions_pb2.Session(
        name=print_name("sessions", t.id),
        station="" if view.station_id is None else print_name("stations", view.station_id),
        station_identity=t.station_identity,
        station_display_name=view.station_display_name or t.station_identity,
        evse_id=t.evse_id,
        connector_id=t.connector_id,
        transaction_id=t.transaction_id,
        authorization_status="" if t.authorization_status is None else t.authorization_status.value,
        authentication=AUTHENTICATIONS[t.authentication],
        authentication_number=_NUMBERS[t.authentication],
        state=STATES[t.state],
        start_time=timestamp(view.corrections.started_at or t.started_at),
        stop_time=timestamp(view.corrections.stopped_at or t.stopped_at),
        server_log_time=timestamp(t.logged_at),
        meter_start_wh=t.meter_start_wh,
        meter_stop_wh=t.meter_stop_wh,
        power_w=t.power_w,
        max_power_w=t.max_power_w,
        soc_percent=t.soc_percent,
        soc_start_percent=t.soc_start_percent,
        stop_reason=t.stop_reason,
        start_reason=_start_reason(t),
        flags=t.flags,
        needs_reconciliation=t.needs_reconciliation,
        meter_value_count=t.meter_value_count,
        last_meter_time=timestamp(t.last_meter_at),
        charging_state="" if t.charging_state is None else t.charging_state.value,
        remote_start_id=t.remote_start_id or 0,
        stop_id_token=t.stop_id_token,
        phase_count=_clamped(extras.number_of_phases_used),
        charging_time_s=extras.time_spent_charging or 0,
        reservation=print_name("reservations", t.reservation_id) if t.reservation_id and t.reservation_id > 0 else "",
        goal_reached_time=timestamp(t.goal_reached_at),
        plug_in_time=timestamp(t.plugged_in_at),
        plug_out_time=timestamp(t.plugged_out_at),
        error_codes=t.error_codes,
    )


def _start_reason(t: Transaction) -> str:
    if t.authentication is Authentication.REMOTE:
        return "Remote"
    if t.reservation_id:
        return "Reservation"
    return "Local" if t.id_token else "PlugIn"


def _add_people(message: sessions_pb2.Session, view: SessionView) -> None:
    message.id_token = view.id_token
    message.id_token_alias = view.id_token_alias
    message.id_token_type = view.id_token_type
    message.user = "" if view.user_id is None else print_name("users", view.user_id)
    message.user_email = view.user_email
    message.user_first_name = view.user_first_name
    message.user_last_name = view.user_last_name
    message.customer_number = view.customer_number
    message.employee_number = view.employee_number


def _add_places(message: sessions_pb2.Session, view: SessionView) -> None:
    message.place = print_name("places", view.place_id)
    message.site = view.site
    message.floor = view.floor
    message.site_address = view.site_address
    message.city = view.city
    message.postal_code = view.postal_code
    message.country = view.country
    message.outlet_id = view.outlet_id


def _add_figures(message: sessions_pb2.Session, view: SessionView) -> None:
    """What is worked out."""
    message.energy_wh = view.energy_wh
    for name, number in (
        ("duration_s", view.duration_s),
        ("average_power_w", view.average_power_w),
        ("idle_s", view.idle_s),
    ):
        if number is not None:
            setattr(message, name, number)
    message.charging_profiles.extend(view.charging_profiles)
    message.currency = view.currency
    message.cost = "" if view.cost is None else str(view.cost)
    if view.energy_cost is not None and view.energy_wh > 0:
        per_kwh = view.energy_cost * 1000 / Decimal(str(view.energy_wh))
        message.cost_per_kwh = f"{per_kwh:.4f}".rstrip("0").rstrip(".")


def _add_changes(message: sessions_pb2.Session, view: SessionView) -> None:
    """What people changed and wrote down."""
    t, book = view.transaction, view.logbook
    message.logbook.CopyFrom(
        sessions_pb2.SessionLogbook(
            mileage_km=book.mileage_km,
            vehicle_id=book.vehicle_id,
            purpose=book.purpose,
            note=book.note,
            reference_number=book.reference_number,
        )
    )
    message.logbook_missing = view.logbook_demanded and not book.complete
    message.corrected_fields.extend(view.corrections.fields)
    if view.corrections.fields:
        message.station_values.CopyFrom(
            sessions_pb2.SessionStationValues(
                energy_wh=t.energy_wh,
                start_time=timestamp(t.started_at),
                stop_time=timestamp(t.stopped_at),
                id_token=t.id_token,
            )
        )
    if view.closure is not None:
        message.closure.CopyFrom(
            sessions_pb2.SessionClosure(
                close_time=timestamp(view.closure.at),
                closed_by=view.closure.by,
                reason=view.closure.reason,
                overruled=view.overruled,
            )
        )


_PARTS: Final = (
    (
        frozenset(
            (
                "id_token",
                "id_token_alias",
                "id_token_type",
                "user",
                "user_email",
                "user_first_name",
                "user_last_name",
                "customer_number",
                "employee_number",
            )
        ),
        _add_people,
    ),
    (
        frozenset(
            ("place", "site", "floor", "site_address", "city", "postal_code", "country", "outlet_id"),
        ),
        _add_places,
    ),
    (
        frozenset(
            (
                "energy_wh",
                "duration_s",
                "average_power_w",
                "idle_s",
                "charging_profiles",
                "currency",
                "cost",
                "cost_per_kwh",
            )
        ),
        _add_figures,
    ),
    (frozenset(("logbook", "logbook_missing", "corrected_fields", "station_values", "closure")), _add_changes),
)
"""Which fields each of them fills: what nobody asks for is not worked out."""


def event(each: SessionEvent) -> sessions_pb2.SessionEvent:
    """Something that happened."""
    return sessions_pb2.SessionEvent(
        event_time=timestamp(each.at),
        kind=_KINDS[each.kind],
        word=each.word,
        summary=each.summary,
        error_code=each.error_code,
    )


def correction(change: Change) -> sessions_pb2.SessionCorrection:
    """One change."""
    return sessions_pb2.SessionCorrection(
        field=change.field,
        before=change.before,
        after=change.after,
        actor=change.actor,
        actor_display_name=change.actor_name,
        change_time=timestamp(change.at),
        reason=change.reason,
    )


def series(line: Series) -> sessions_pb2.SessionSeries:
    """A line of a chart."""
    return sessions_pb2.SessionSeries(
        measurand=line.measurand,
        phase=line.phase,
        location=line.location,
        unit=line.unit,
        points=[sessions_pb2.SeriesPoint(sample_time=timestamp(p.at), value=p.value) for p in line.points],
        original_count=line.original_count,
    )


def summary(totals: SessionTotals) -> sessions_pb2.SummarizeSessionsResponse:
    """Totals."""
    return sessions_pb2.SummarizeSessionsResponse(
        session_count=totals.count,
        active_count=totals.active_count,
        energy_wh=totals.energy_wh,
        duration_s=totals.duration_s,
        max_power_w=totals.max_power_w,
        costs=[sessions_pb2.SessionCostTotal(currency=c.currency, amount=str(c.amount)) for c in totals.costs],
    )


def vehicle(each: Vehicle) -> sessions_pb2.Vehicle:
    """One that was charged before."""
    return sessions_pb2.Vehicle(
        vehicle_id=each.vehicle_id, mileage_km=each.mileage_km, last_charge_time=timestamp(each.charged_at)
    )


def _clamped(number: int | None) -> int:
    return max(0, min(number or 0, 2**31 - 1))


# -- what is asked ---------------------------------------------------------------------------------------------------


def sorting(order: int, ascending: bool) -> Sorting:
    """Raises InvalidArgument."""
    if order not in _ORDERS_BACK:
        raise InvalidArgument(f"There is no order with the number {order}.", reason="INVALID_ORDER")
    return Sorting(_ORDERS_BACK[order], ascending)


def new_values(message: sessions_pb2.SessionCorrectionValues) -> NewValues:
    """What is right."""
    return NewValues(
        energy_wh=message.energy_wh if message.HasField("energy_wh") else None,
        start_time=moment(message.start_time) if message.HasField("start_time") else None,
        stop_time=moment(message.stop_time) if message.HasField("stop_time") else None,
        id_token=message.id_token if message.HasField("id_token") else None,
        user=read_name(message.user, "users") if message.user else None,
    )


def logbook(message: sessions_pb2.SessionLogbook | remote_pb2.StartLogbook) -> Logbook:
    """What is written down."""
    more = {}
    if isinstance(message, sessions_pb2.SessionLogbook):
        more = {"note": message.note, "reference_number": message.reference_number}
    mileage = message.mileage_km if message.HasField("mileage_km") else None
    return Logbook(mileage_km=mileage, vehicle_id=message.vehicle_id, purpose=message.purpose, **more)


def session_filter(message: sessions_pb2.SessionFilter) -> SessionFilter:
    """Raises InvalidArgument."""
    if message.state not in _STATES_BACK:
        raise InvalidArgument(f"There is no state with the number {message.state}.", reason="INVALID_FILTER")
    if message.logbook not in _LOGBOOKS_BACK:
        raise InvalidArgument(f"There is no logbook state {message.logbook}.", reason="INVALID_FILTER")
    strange = [number for number in message.authentications if number not in _AUTHENTICATIONS_BACK]
    if strange:
        raise InvalidArgument(f"There is no authentication with the number {strange[0]}.", reason="INVALID_FILTER")
    return SessionFilter(
        station_id=read_name(message.station, "stations") if message.station else None,
        id_token=message.id_token.strip().upper(),
        state=_STATES_BACK[message.state],
        started_from=moment(message.start_time_from) if message.HasField("start_time_from") else None,
        started_to=moment(message.start_time_to) if message.HasField("start_time_to") else None,
        query=message.query.strip(),
        needs_reconciliation=message.needs_reconciliation,
        place_id=read_name(message.place, "places") if message.place else None,
        group_id=read_name(message.group, "groups") if message.group else None,
        session_id=_session_number(message.session) if message.session else None,
        station_ids=tuple(read_name(name, "stations") for name in message.stations),
        evse_id=message.evse_id if message.HasField("evse_id") else None,
        authentications=tuple(_AUTHENTICATIONS_BACK[number] for number in message.authentications),
        energy_wh=_span(message.energy_wh),
        max_power_w=_span(message.max_power_w),
        meter_start_wh=_span(message.meter_start_wh),
        meter_stop_wh=_span(message.meter_stop_wh),
        duration_s=_span(message.duration_s),
        stopped=_times(message, "stop_time"),
        logged=_times(message, "server_log_time"),
        user_id=read_name(message.user, "users") if message.user else None,
        user_query=message.user_query.strip(),
        station_query=message.station_query.strip(),
        id_token_query=message.id_token_query.strip(),
        stop_reasons=tuple(message.stop_reasons),
        flags=tuple(message.flags),
        has_errors=message.has_errors if message.HasField("has_errors") else None,
        logbook=_LOGBOOKS_BACK[message.logbook],
        vehicle_query=message.vehicle_query.strip(),
        corrected=message.corrected if message.HasField("corrected") else None,
        transaction_id=message.transaction_id.strip(),
        reservation_id=read_name(message.reservation, "reservations") if message.reservation else None,
    )


def _session_number(text: str) -> int:
    bare = text.strip().removeprefix("#")
    return read_name(f"sessions/{bare}" if bare.isdecimal() else text, "sessions")


def _span(message: sessions_pb2.NumberRange) -> Span:
    least = getattr(message, "from") if message.HasField("from") else None
    most = message.to if message.HasField("to") else None
    if least is not None and most is not None and least > most:
        raise InvalidArgument("A range begins after its end.", reason="INVALID_FILTER")
    return Span(least, most)


def _times(message: sessions_pb2.SessionFilter, name: Literal["stop_time", "server_log_time"]) -> Times:
    if name == "stop_time":
        start = moment(message.stop_time_from) if message.HasField("stop_time_from") else None
        end = moment(message.stop_time_to) if message.HasField("stop_time_to") else None
    else:
        start = moment(message.server_log_time_from) if message.HasField("server_log_time_from") else None
        end = moment(message.server_log_time_to) if message.HasField("server_log_time_to") else None
    return Times(start, end)


def meter_value(value: MeterValue) -> sessions_pb2.MeterValue:
    """What a meter showed."""
    return sessions_pb2.MeterValue(
        sample_time=timestamp(value.timestamp),
        sampled_values=[
            sessions_pb2.SampledValue(
                measurand=s.measurand,
                value=s.value,
                unit=s.unit,
                phase=s.phase,
                context=s.context,
                location=s.location,
            )
            for s in value.sampled_values
        ],
    )
