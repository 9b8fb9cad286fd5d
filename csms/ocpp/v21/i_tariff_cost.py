"""OCPP 2.1, block I. Tariff and cost: tariffs that stations know and reckon with."""

from __future__ import annotations

from typing import Final

import msgspec

from csms.domain import payment as domain
from csms.domain.commands import Answer
from csms.domain.station_tariff import ClearedTariff, StationTariff, TariffAssignment
from csms.domain.values import Value
from csms.ocpp.faults import V21
from csms.ocpp.fitting import tidied
from csms.ocpp.routing import IncomingRow, Outgoing, OutgoingRow, Printable
from csms.ocpp.v201.answers import StatusAnswer, StatusInfo, answer, read_status
from csms.ocpp.v201.k_smart_charging import held_against


class SetDefaultTariffRequest(Value, frozen=True):
    """I07."""

    evse_id: int
    tariff: StationTariff


class GetTariffsRequest(Value, frozen=True):
    """I08."""

    evse_id: int


class ClearTariffsRequest(Value, frozen=True):
    """I09."""

    tariff_ids: tuple[str, ...] = ()
    evse_id: int | None = None


class ChangeTransactionTariffRequest(Value, frozen=True):
    """I11."""

    tariff: StationTariff
    transaction_id: str


class GetTariffsResponse(Value, frozen=True):
    """I08."""

    status: str
    status_info: StatusInfo | None = None
    tariff_assignments: tuple[TariffAssignment, ...] = ()


class ClearTariffsResponse(Value, frozen=True):
    """I09."""

    clear_tariffs_result: tuple[ClearedTariff, ...]


def set_default_tariff(command: domain.SetDefaultTariff) -> Printable:
    """I07."""
    return SetDefaultTariffRequest(command.evse_id, command.tariff)


def get_tariffs(command: domain.GetTariffs) -> Printable:
    """I08."""
    return GetTariffsRequest(command.evse_id)


def clear_tariffs(command: domain.ClearTariffs) -> Printable:
    """I09."""
    return ClearTariffsRequest(command.tariff_ids, command.evse_id)


def change_transaction_tariff(command: domain.ChangeTransactionTariff) -> Printable:
    """I11."""
    return ChangeTransactionTariffRequest(command.tariff, command.transaction_id)


def read_tariffs(payload: GetTariffsResponse) -> Answer:
    """I08. NoTariff: it has none, which is an answer as good as any."""
    told = tidied(payload)
    read = answer(told.status, told.status_info, domain.TariffsFound(told.tariff_assignments))
    return msgspec.structs.replace(read, accepted=read.accepted or told.status == "NoTariff")


def read_cleared(payload: ClearTariffsResponse) -> Answer:
    """I09. There is no status of the whole: Accepted if every one was, else the first that was not."""
    results = payload.clear_tariffs_result
    failed = next((each for each in results if each.status != "Accepted"), None)
    status = "Accepted" if failed is None else failed.status
    return Answer(status, accepted=failed is None, result=domain.TariffsCleared(results))


INCOMING: Final[tuple[IncomingRow, ...]] = ()
OUTGOING: Final[tuple[OutgoingRow, ...]] = (
    Outgoing(
        "ChangeTransactionTariff",
        domain.ChangeTransactionTariff,
        held_against(V21, "ChangeTransactionTariff", change_transaction_tariff),
        read_status,
        shape=StatusAnswer,
    ),
    Outgoing(
        "ClearTariffs",
        domain.ClearTariffs,
        held_against(V21, "ClearTariffs", clear_tariffs),
        read_cleared,
        shape=ClearTariffsResponse,
    ),
    Outgoing(
        "GetTariffs",
        domain.GetTariffs,
        held_against(V21, "GetTariffs", get_tariffs),
        read_tariffs,
        shape=GetTariffsResponse,
    ),
    Outgoing(
        "SetDefaultTariff",
        domain.SetDefaultTariff,
        held_against(V21, "SetDefaultTariff", set_default_tariff),
        read_status,
        shape=StatusAnswer,
    ),
)
