"""Battery swapping (OCPP 2.1 block S).

Batteries in a station are kept as items `battery` (key: the serial number). A swap that we ordered is a job; one that
began at the station has a number of the station's own, which leads no job.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Final

import msgspec

from csms.domain.applying import Applied, Context, Handler, event
from csms.domain.commands import Command
from csms.domain.facts import Fact
from csms.domain.ids import StationId
from csms.domain.records import ItemRecord, JobKind, JobRecord, JobState
from csms.domain.typed_token import TypedToken
from csms.domain.values import Value

BATTERY_ITEM: Final = "battery"


class BatterySwapEvent(StrEnum):
    """BatterySwapEventEnumType."""

    BATTERY_IN = "BatteryIn"
    BATTERY_OUT = "BatteryOut"
    BATTERY_OUT_TIMEOUT = "BatteryOutTimeout"


class BatteryData(Value, frozen=True):
    """BatteryDataType. State of charge and of health in percent; the EVSE is the slot."""

    evse_id: int
    serial_number: str
    soc: float = msgspec.field(name="soC")
    soh: float = msgspec.field(name="soH")
    production_date: datetime | None = None
    vendor_info: str = ""


class RequestBatterySwap(Command, frozen=True):
    """S02: let the driver with this tag swap batteries."""

    request_id: int
    id_token: str
    token_type: str = ""


class BatterySwapped(Fact, frozen=True):
    """BatterySwap (S01, S03): batteries went in or out, or were not taken in time."""

    request_id: int
    event_type: BatterySwapEvent
    id_token: TypedToken
    batteries: tuple[BatteryData, ...]


_STATES: Final = {
    BatterySwapEvent.BATTERY_IN: JobState.RUNNING,
    BatterySwapEvent.BATTERY_OUT: JobState.SUCCEEDED,
    BatterySwapEvent.BATTERY_OUT_TIMEOUT: JobState.FAILED,
}
_DID: Final = {
    BatterySwapEvent.BATTERY_IN: "put in",
    BatterySwapEvent.BATTERY_OUT: "took out",
    BatterySwapEvent.BATTERY_OUT_TIMEOUT: "did not take in time",
}
_encode: Final = msgspec.json.Encoder().encode


def _swapped(fact: BatterySwapped, station_id: StationId, context: Context) -> Applied:
    which = ", ".join(battery.serial_number for battery in fact.batteries)
    summary = f"{fact.id_token.id_token or 'Somebody'} {_DID[fact.event_type]}: {which} (swap {fact.request_id})."
    applied = Applied(records=[event(station_id, context, "BatterySwap", summary, body=fact)])
    for battery in fact.batteries:
        # What nobody took in time is locked up again: it is still there.
        there = fact.event_type is not BatterySwapEvent.BATTERY_OUT
        body = _encode(battery) if there else None
        applied.records.append(ItemRecord(station_id, BATTERY_ITEM, battery.serial_number, context.now, body))
    applied.records.append(
        JobRecord(
            station_id,
            JobKind.BATTERY_SWAP,
            context.now,
            fact.request_id,
            fact.event_type.value,
            _STATES[fact.event_type],
        )
    )
    return applied


HANDLERS: Final[dict[type[Fact], Handler]] = {BatterySwapped: _swapped}
