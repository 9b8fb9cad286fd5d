"""Block J: meter values in base units."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from csms.domain.facts import MeterSampled
from csms.domain.metering import MeterValue, SampledValue
from csms.ocpp.faults import ErrorCode, Fault
from csms.ocpp.routing import RoutedDialect
from tests.kit.dialects_2 import both, decode

AT = datetime(2026, 5, 1, 10, tzinfo=UTC)
pytestmark = pytest.mark.feature("F-OCPP-4", "F-OCPP-5")


def sampled(dialect: RoutedDialect, *samples: dict[str, Any], evse_id: int = 1) -> tuple[SampledValue, ...]:
    value = {"timestamp": "2026-05-01T10:00:00Z", "sampledValue": list(samples)}
    fact = decode(dialect, "MeterValues", {"evseId": evse_id, "meterValue": [value]})
    assert isinstance(fact, MeterSampled)
    assert fact.evse_id == evse_id
    assert fact.transaction_id is None
    (found,) = fact.meter_values
    assert isinstance(found, MeterValue)
    assert found.timestamp == AT
    return found.sampled_values


@both
def test_what_is_left_out_is_the_energy_register_in_wh(dialect: RoutedDialect) -> None:
    assert sampled(dialect, {"value": 1500}) == (SampledValue("Energy.Active.Import.Register", 1500.0, "Wh"),)


@both
def test_units_and_their_powers_of_ten(dialect: RoutedDialect) -> None:
    found = sampled(
        dialect,
        {"value": 1.5, "unitOfMeasure": {"unit": "kWh"}},
        {"value": 1.5, "unitOfMeasure": {"multiplier": 3}},
        {"value": 11, "measurand": "Power.Active.Import", "unitOfMeasure": {"unit": "kW"}, "phase": "L1"},
        {"value": 80, "measurand": "SoC", "location": "EV", "context": "Transaction.End"},
        {"value": 16, "measurand": "Current.Import"},
    )
    assert [(s.value, s.unit) for s in found] == [
        (1500.0, "Wh"),
        (1500.0, "Wh"),
        (11_000.0, "W"),
        (80.0, "Percent"),
        (16.0, "A"),
    ]
    assert found[2].phase == "L1"
    assert (found[3].location, found[3].context) == ("EV", "Transaction.End")


@both
def test_what_is_signed_is_kept_beside_the_number(dialect: RoutedDialect) -> None:
    signed = {"signedMeterData": "T0NNRg==", "signingMethod": "", "encodingMethod": "OCMF", "publicKey": ""}
    number, proof = sampled(dialect, {"value": 5, "signedMeterValue": signed})
    assert (number.value, number.signed) == (5.0, None)
    assert proof.signed is not None
    assert "T0NNRg==" in proof.signed
    assert MeterValue(AT, (number, proof)).find("Energy.Active.Import.Register") == 5.0


@both
def test_the_meter_of_the_supply_is_evse_0(dialect: RoutedDialect) -> None:
    assert sampled(dialect, {"value": 1}, evse_id=0)


@both
@pytest.mark.parametrize(
    "sample", [{"value": 1e300, "unitOfMeasure": {"multiplier": 24}}, {"value": 1, "unitOfMeasure": {"multiplier": 99}}]
)
def test_a_number_past_what_can_be_kept_is_refused(dialect: RoutedDialect, sample: dict[str, Any]) -> None:
    with pytest.raises(Fault) as caught:
        sampled(dialect, {**sample, "unitOfMeasure": {**sample["unitOfMeasure"], "unit": "MWh"}, "value": 1e307})
    assert caught.value.code is ErrorCode.PROPERTY_CONSTRAINT_VIOLATION
