"""Load groups, and how they stand."""

from __future__ import annotations

from typing import Final, TypeVar

from control.convert.common import moment, timestamp
from control.convert.names import print_name, read_name
from control.v1 import load_balancing_pb2 as pb
from csms.domain.errors import InvalidArgument
from csms.domain.load_balancing import Sharing
from csms.domain.load_group import LimitUnit, LoadGroup, Phases, Policy, StationShare
from csms.services.load_groups import LoadState, MeterReading, OutletState, Standing

FIELDS: Final = {
    "place": "place_id",
    "display_name": "display_name",
    "unit": "unit",
    "limit": "limit",
    "voltage_v": "voltage",
    "fail_safe_current_a": "fail_safe_current_a",
    "max_current_a": "max_current_a",
    "sharing": "sharing",
    "meter": "meter",
    "meter_max_age_s": "meter_max_age_s",
    "fallback_limit": "fallback_limit",
    "stations": "station_ids",
    "shares": "stations",
    "enabled": "enabled",
}
_UNITS: Final = {unit: pb.LoadLimitUnit.Value(f"LOAD_LIMIT_UNIT_{unit.name}") for unit in LimitUnit}
_SHARINGS: Final = {sharing: pb.LoadSharing.Value(f"LOAD_SHARING_{sharing.name}") for sharing in Sharing}
_PHASES: Final = {phases: pb.SupplyPhases.Value(f"SUPPLY_PHASES_{phases.name}") for phases in Phases}
_STANDINGS: Final = {each: pb.OutletStanding.Value(f"OUTLET_STANDING_{each.name}") for each in Standing}
_READ_UNITS: Final = {value: unit for unit, value in _UNITS.items()} | {0: LimitUnit.AMPERE}
_READ_SHARINGS: Final = {value: sharing for sharing, value in _SHARINGS.items()} | {0: Sharing.FAIR}
_READ_PHASES: Final = {value: phases for phases, value in _PHASES.items()} | {0: Phases.ALL}
_DEFAULT: Final = Policy()
T = TypeVar("T")


def load_group(known: LoadGroup) -> pb.LoadGroup:
    """All of it."""
    policy = known.policy
    return pb.LoadGroup(
        name=print_name("loadGroups", known.id),
        place=print_name("places", known.place_id),
        display_name=known.display_name,
        unit=_UNITS[policy.unit],
        limit=policy.limit,
        voltage_v=policy.voltage,
        fail_safe_current_a=policy.fail_safe_current_a,
        max_current_a=policy.max_current_a,
        sharing=_SHARINGS[policy.sharing],
        meter=policy.meter,
        meter_max_age_s=policy.meter_max_age_s,
        fallback_limit=policy.fallback_limit,
        stations=[print_name("stations", number) for number in policy.station_ids],
        shares=[
            pb.StationShare(
                station=print_name("stations", share.station_id),
                priority=share.priority,
                phases=_PHASES[share.phases],
                max_current_a=share.max_current_a,
                in_watts=share.in_watts,
            )
            for share in policy.stations
        ],
        enabled=known.enabled,
        create_time=timestamp(known.created_at),
        update_time=timestamp(known.updated_at),
        etag=str(known.version),
    )


def read_load_group(message: pb.LoadGroup) -> LoadGroup:
    """What people may write of it; the id is 0. Raises InvalidArgument."""
    policy = Policy(
        _known(_READ_UNITS, int(message.unit)),
        message.limit,
        message.voltage_v or _DEFAULT.voltage,
        message.fail_safe_current_a,
        message.max_current_a or _DEFAULT.max_current_a,
        _known(_READ_SHARINGS, int(message.sharing)),
        message.meter,
        message.meter_max_age_s or _DEFAULT.meter_max_age_s,
        message.fallback_limit,
        tuple(read_name(name, "stations") for name in message.stations),
        tuple(
            StationShare(
                read_name(share.station, "stations"),
                share.priority,
                _known(_READ_PHASES, int(share.phases)),
                share.max_current_a if share.HasField("max_current_a") else None,
                share.in_watts,
            )
            for share in message.shares
        ),
    )
    place_id = read_name(message.place, "places") if message.place else 0
    return LoadGroup(0, place_id, message.display_name, policy, message.enabled)


def read_reading(message: pb.GridMeterReading) -> MeterReading:
    """All of it. Raises InvalidArgument."""
    at = moment(message.time) if message.HasField("time") else None
    return MeterReading(at, (message.l1_a, message.l2_a, message.l3_a), message.power_w)


def load_state(known: LoadState) -> pb.LoadState:
    """All of it."""
    available = pb.LoadSum()
    if known.carries_amperes is not None:
        available = _sum(known.carries_amperes, 0)
    elif known.carries_watts is not None:
        available = _sum((0, 0, 0), known.carries_watts)
    reading = known.reading
    amperes = (0.0, 0.0, 0.0) if reading is None or reading.amperes is None else reading.amperes
    return pb.LoadState(
        group=load_group(known.group),
        time=timestamp(known.at),
        available=available,
        drawable=_sum(known.drawn_amperes, known.drawn_watts),
        reserved=_sum(known.reserved_amperes, known.reserved_watts),
        fail_safe=_sum(known.fail_safe_amperes, known.fail_safe_watts),
        fail_safe_fits=known.fail_safe_fits,
        meter_reading=None
        if reading is None
        else pb.GridMeterReading(
            time=timestamp(reading.at),
            l1_a=amperes[0],
            l2_a=amperes[1],
            l3_a=amperes[2],
            power_w=reading.watts or 0.0,
        ),
        meter_time=timestamp(known.last_reading_at),
        outlets=[_outlet(each) for each in known.outlets],
    )


def _outlet(known: OutletState) -> pb.OutletLoad:
    return pb.OutletLoad(
        station=print_name("stations", known.key.station_id),
        evse_id=known.key.evse_id,
        station_identity=known.station_identity,
        station_display_name=known.station_display_name,
        standing=_STANDINGS[known.standing],
        online=known.online,
        charging=known.charging,
        given_current_a=known.given / 10,
        due_current_a=known.due / 10,
        drawable_current_a=known.draws / 10,
        power_w=known.power_w,
        since_time=timestamp(known.since),
        answer=known.answer,
    )


def _sum(amperes: tuple[int, int, int], watts: int) -> pb.LoadSum:
    return pb.LoadSum(l1_a=amperes[0] / 10, l2_a=amperes[1] / 10, l3_a=amperes[2] / 10, power_w=watts / 10)


def _known(table: dict[int, T], number: int) -> T:
    if number not in table:
        raise InvalidArgument(f"{number} is none of the values that are known here.", reason="INVALID_VALUE")
    return table[number]
