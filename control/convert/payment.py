"""Tariffs at stations."""

from __future__ import annotations

from control.convert.ocpp_values import print_value, read_value
from control.v1 import payment_pb2
from csms.domain.commands import Answer
from csms.domain.payment import TariffsCleared
from csms.domain.station_tariff import ClearedTariff, StationTariff, TariffAssignment


def tariff(message: payment_pb2.StationTariff) -> StationTariff:
    """Raises InvalidArgument."""
    return read_value(message, StationTariff, "tariff")


def assignment(held: TariffAssignment) -> payment_pb2.StationTariffAssignment:
    """All of it."""
    return print_value(held, payment_pb2.StationTariffAssignment())


def cleared(answer: Answer) -> list[payment_pb2.ClearedStationTariff]:
    """What became of each; none where the station answered with an error."""
    found = answer.result
    return [_cleared(each) for each in found.results] if isinstance(found, TariffsCleared) else []


def _cleared(each: ClearedTariff) -> payment_pb2.ClearedStationTariff:
    info = each.status_info
    return payment_pb2.ClearedStationTariff(
        status=each.status,
        tariff_id=each.tariff_id,
        reason_code="" if info is None else info.reason_code,
        additional_info="" if info is None else info.additional_info,
    )
