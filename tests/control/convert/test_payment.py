"""Tariffs as messages."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from control.convert import payment as convert
from control.convert.ocpp_values import print_value
from control.v1 import payment_pb2 as pb
from csms.domain import station_tariff
from csms.domain.commands import Answer
from csms.domain.payment import TariffsCleared, TariffsFound
from csms.domain.station_tariff import ClearedTariff, StationTariff
from csms.ocpp.faults import V21, Fault
from csms.ocpp.fitting import tidied
from csms.ocpp.schemas import Direction, schemas_of
from tests.kit.effort import examples
from tests.kit.schema_strategy import instances

_SCHEMA = schemas_of(V21).schema("SetDefaultTariff", Direction.REQUEST)


def test_every_field_of_a_tariff_has_one_in_the_message() -> None:
    for name, kind in vars(station_tariff).items():
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct) and kind.__module__ == station_tariff.__name__:
            message: Any = getattr(pb, name, None) or getattr(pb, f"Station{name}", None)
            if message is not None and name not in ("ClearedTariff",):
                assert set(kind.__struct_fields__) == set(message.DESCRIPTOR.fields_by_name), name


@examples(20)
@given(data=st.data())
def test_every_tariff_comes_back_as_it_went(data: st.DataObject) -> None:
    payload = data.draw(instances(_SCHEMA, _SCHEMA["definitions"]["TariffType"]))
    message = schemas_of(V21).message("SetDefaultTariff", Direction.REQUEST)
    told: Any = message.decode(msgspec.json.encode({"evseId": 1, "tariff": payload}))
    try:
        tariff = tidied(msgspec.convert(msgspec.to_builtins(told.tariff), StationTariff))
    except Fault:  # whole numbers past 64 bits
        return
    assert convert.tariff(print_value(tariff, pb.StationTariff())) == tariff


def test_other_answers_have_cleared_nothing() -> None:
    assert convert.cleared(Answer("Accepted", accepted=True)) == []
    assert convert.cleared(Answer("Accepted", accepted=True, result=TariffsFound(()))) == []
    (one,) = convert.cleared(Answer("Accepted", accepted=True, result=TariffsCleared((ClearedTariff("Accepted"),))))
    assert (one.status, one.HasField("tariff_id"), one.reason_code) == ("Accepted", False, "")
