"""OCPP 2.1, block S. Battery swapping."""

from __future__ import annotations

from typing import Final

from csms.domain import battery_swap as domain
from csms.domain.typed_token import TypedToken, typed
from csms.domain.values import Value
from csms.ocpp.faults import V21
from csms.ocpp.fitting import evse_told, tidied
from csms.ocpp.routing import Incoming, IncomingRow, Outgoing, OutgoingRow, Printable
from csms.ocpp.v201.answers import StatusAnswer, read_status
from csms.ocpp.v201.k_smart_charging import held_against


class BatterySwap(Value, frozen=True):
    """S01, S03."""

    battery_data: tuple[domain.BatteryData, ...]
    event_type: domain.BatterySwapEvent
    id_token: TypedToken
    request_id: int


class RequestBatterySwapRequest(Value, frozen=True):
    """S02."""

    id_token: TypedToken
    request_id: int


def battery_swap(payload: BatterySwap) -> domain.BatterySwapped:
    """S01, S03."""
    told = tidied(payload)
    for battery in told.battery_data:
        evse_told(battery.evse_id)
    return domain.BatterySwapped(told.request_id, told.event_type, told.id_token, told.battery_data)


def request_battery_swap(command: domain.RequestBatterySwap) -> Printable:
    """S02."""
    return RequestBatterySwapRequest(typed(command.id_token, command.token_type), command.request_id)


INCOMING: Final[tuple[IncomingRow, ...]] = (Incoming("BatterySwap", battery_swap, shape=BatterySwap),)
OUTGOING: Final[tuple[OutgoingRow, ...]] = (
    Outgoing(
        "RequestBatterySwap",
        domain.RequestBatterySwap,
        held_against(V21, "RequestBatterySwap", request_battery_swap),
        read_status,
        shape=StatusAnswer,
    ),
)
