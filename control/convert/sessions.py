"""Sessions, their filter, meter values."""

from __future__ import annotations

from typing import Final

from control.convert.common import moment, timestamp
from control.convert.names import print_name, read_name
from control.v1 import sessions_pb2
from csms.domain.errors import InvalidArgument
from csms.domain.facts import TransactionExtras
from csms.domain.metering import MeterValue
from csms.domain.transaction import Authentication, SessionState
from csms.ports.queries import SessionFilter, SessionView

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


def session(view: SessionView) -> sessions_pb2.Session:
    """All of it."""
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
        id_token=t.id_token,
        id_token_alias=view.id_token_alias,
        authorization_status="" if t.authorization_status is None else t.authorization_status.value,
        authentication=AUTHENTICATIONS[t.authentication],
        state=STATES[t.state],
        start_time=timestamp(t.started_at),
        stop_time=timestamp(t.stopped_at),
        server_log_time=timestamp(t.logged_at),
        energy_wh=t.energy_wh,
        meter_start_wh=t.meter_start_wh,
        meter_stop_wh=t.meter_stop_wh,
        power_w=t.power_w,
        max_power_w=t.max_power_w,
        soc_percent=t.soc_percent,
        stop_reason=t.stop_reason,
        flags=t.flags,
        needs_reconciliation=t.needs_reconciliation,
        meter_value_count=t.meter_value_count,
        last_meter_time=timestamp(t.last_meter_at),
        charging_state="" if t.charging_state is None else t.charging_state.value,
        remote_start_id=t.remote_start_id or 0,
        stop_id_token=t.stop_id_token,
        phase_count=_clamped(extras.number_of_phases_used),
        charging_time_s=extras.time_spent_charging or 0,
        place=print_name("places", view.place_id),
        reservation=print_name("reservations", t.reservation_id) if t.reservation_id and t.reservation_id > 0 else "",
    )


def _clamped(number: int | None) -> int:
    return max(0, min(number or 0, 2**31 - 1))


def session_filter(message: sessions_pb2.SessionFilter) -> SessionFilter:
    """Raises InvalidArgument. The tag is compared in its canonical spelling."""
    if message.state not in _STATES_BACK:
        raise InvalidArgument(f"There is no state with the number {message.state}.", reason="INVALID_FILTER")
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
    )


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
