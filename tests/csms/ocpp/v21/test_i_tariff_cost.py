"""Tariffs in the words of 2.1."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from csms.domain.errors import InvalidArgument
from csms.domain.payment import (
    ChangeTransactionTariff,
    ClearTariffs,
    GetTariffs,
    SetDefaultTariff,
    TariffsCleared,
    TariffsFound,
)
from csms.domain.station_tariff import (
    ClearedTariff,
    StationTariff,
    StatusReason,
    TariffAssignment,
    TariffConditions,
    TariffEnergy,
    TariffEnergyPrice,
    TaxRate,
)
from csms.ocpp.faults import V21
from csms.ocpp.schemas import Direction, schemas_of
from csms.ocpp.v21.routes import Dialect21
from tests.kit.effort import examples
from tests.kit.schema_strategy import instances

pytestmark = pytest.mark.feature("F-OCPP-5")
DIALECT = Dialect21()
TARIFF = StationTariff(
    "night",
    "EUR",
    energy=TariffEnergy(
        (
            TariffEnergyPrice(0.25, TariffConditions(start_time_of_day="22:00", min_power=3000.0)),
            TariffEnergyPrice(0.4),
        ),
        (TaxRate("VAT", 19.0),),
    ),
)
PRINTED = {
    "tariffId": "night",
    "currency": "EUR",
    "energy": {
        "prices": [
            {"priceKwh": 0.25, "conditions": {"startTimeOfDay": "22:00", "minPower": 3000.0}},
            {"priceKwh": 0.4},
        ],
        "taxRates": [{"type": "VAT", "tax": 19.0}],
    },
}


def printed(command: Any) -> tuple[str, Any]:
    action, payload = DIALECT.encode(command)
    return action, json.loads(payload)


def test_a_tariff_is_printed_as_it_is() -> None:
    assert printed(SetDefaultTariff(0, TARIFF)) == ("SetDefaultTariff", {"evseId": 0, "tariff": PRINTED})
    assert printed(ChangeTransactionTariff("TX", TARIFF)) == (
        "ChangeTransactionTariff",
        {"transactionId": "TX", "tariff": PRINTED},
    )
    answer = DIALECT.outcome(SetDefaultTariff(0, TARIFF), b'{"status":"ConditionNotSupported"}')
    assert (answer.status, answer.accepted) == ("ConditionNotSupported", False)


def test_a_tariff_without_prices_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="prices"):
        DIALECT.encode(SetDefaultTariff(0, StationTariff("x", "EUR", energy=TariffEnergy(()))))


def test_what_a_station_has_is_told() -> None:
    assert printed(GetTariffs(2)) == ("GetTariffs", {"evseId": 2})
    payload = {
        "status": "Accepted",
        "tariffAssignments": [{"tariffId": "night", "tariffKind": "DriverTariff", "evseIds": [1], "idTokens": ["A"]}],
    }
    answer = DIALECT.outcome(GetTariffs(), json.dumps(payload).encode())
    assert answer.result == TariffsFound((TariffAssignment("night", "DriverTariff", None, (1,), ("A",)),))
    none = DIALECT.outcome(GetTariffs(), b'{"status":"NoTariff"}')
    assert (none.accepted, none.result) == (True, TariffsFound(()))
    assert not DIALECT.outcome(GetTariffs(), b'{"status":"Rejected"}').accepted


def test_clearing_has_a_result_for_each() -> None:
    assert printed(ClearTariffs()) == ("ClearTariffs", {})
    assert printed(ClearTariffs(("night",), 1))[1] == {"tariffIds": ["night"], "evseId": 1}
    payload = {
        "clearTariffsResult": [
            {"status": "Accepted", "tariffId": "night"},
            {"status": "NoTariff", "tariffId": "day", "statusInfo": {"reasonCode": "Gone"}},
        ]
    }
    answer = DIALECT.outcome(ClearTariffs(), json.dumps(payload).encode())
    assert (answer.status, answer.accepted) == ("NoTariff", False)
    assert answer.result == TariffsCleared(
        (ClearedTariff("Accepted", "night"), ClearedTariff("NoTariff", "day", StatusReason("Gone")))
    )
    assert DIALECT.outcome(ClearTariffs(), b'{"clearTariffsResult":[{"status":"Accepted"}]}').accepted


@examples(20)
@given(data=st.data())
def test_every_tariff_of_the_schema_survives_our_value(data: st.DataObject) -> None:
    schema = schemas_of(V21).schema("SetDefaultTariff", Direction.REQUEST)
    payload = data.draw(instances(schema, schema["definitions"]["TariffType"]))
    message = schemas_of(V21).message("SetDefaultTariff", Direction.REQUEST)
    message.decode(msgspec.json.encode({"evseId": 1, "tariff": payload}))
    tariff = msgspec.convert(payload, StationTariff)
    once = msgspec.json.encode(tariff)
    assert msgspec.json.decode(once, type=StationTariff) == tariff
    assert _comparable(json.loads(once)) == _comparable(payload)


def _comparable(value: Any) -> Any:
    """Without what a vendor adds, what is empty, and times as they happen to be spelt."""
    if isinstance(value, dict):
        return {
            key: _comparable(inner)
            for key, inner in value.items()
            if key not in ("customData", "validFrom") and inner not in ("", [])
        }
    return [_comparable(each) for each in value] if isinstance(value, list) else value
