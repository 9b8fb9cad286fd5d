"""OCPP 2.0.1, block J. Metering: MeterValues outside transactions, and the samples within them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec import UNSET

from csms.domain import facts
from csms.domain.metering import ENERGY_REGISTER, MeterValue, SampledValue, default_unit, to_base_unit
from csms.ocpp.faults import ErrorCode, Fault
from csms.ocpp.routing import Incoming, IncomingRow
from csms.ocpp.schemas import as_utc
from csms.ocpp.v201 import payloads
from csms.ocpp.v201.common import number

_MAX_MULTIPLIER: Final = 24
_json = msgspec.json.Encoder().encode


def _take(samples: list[SampledValue], told: payloads.SampledValueType, lenient: bool) -> None:
    """One number in base units, and beside it what was signed. The busiest function of all."""
    measurand, measure, value = told.measurand, told.unitOfMeasure, told.value
    phase, context, location = told.phase, told.context, told.location
    if measurand is UNSET:
        measurand = ENERGY_REGISTER
    if measure is UNSET:
        unit = default_unit(measurand)
    else:
        unit = default_unit(measurand) if measure.unit is UNSET else measure.unit
        multiplier = 0 if measure.multiplier is UNSET else measure.multiplier
        if abs(multiplier) > _MAX_MULTIPLIER:
            if lenient:
                return
            raise Fault(
                ErrorCode.PROPERTY_CONSTRAINT_VIOLATION,
                f"The multiplier of {measurand} is not within ±{_MAX_MULTIPLIER}.",
            )
        value, unit = to_base_unit(value, unit, multiplier)
    if not math.isfinite(value):
        if lenient:
            return
        raise Fault(ErrorCode.PROPERTY_CONSTRAINT_VIOLATION, f"The value of {measurand} is past what can be kept.")
    phase = "" if phase is UNSET else phase
    context = "Sample.Periodic" if context is UNSET else context
    location = "Outlet" if location is UNSET else location
    samples.append(SampledValue(measurand, value, unit, phase, context, location))
    if told.signedMeterValue is not UNSET:
        signed = _json(told.signedMeterValue).decode()
        samples.append(SampledValue(measurand, 0.0, unit, phase, context, location, signed))


def meter_values(told: Sequence[payloads.MeterValueType], *, lenient: bool = False) -> tuple[MeterValue, ...]:
    """In base units. `lenient`: numbers that cannot be kept are left out. Raises Fault."""
    found: list[MeterValue] = []
    for value in told:
        samples: list[SampledValue] = []
        for sample in value.sampledValue:
            _take(samples, sample, lenient)
        found.append(MeterValue(as_utc(value.timestamp), tuple(samples)))
    return tuple(found)


def meter_values_notification(payload: payloads.MeterValuesRequest) -> facts.MeterSampled:
    """J01. EVSE 0 is the meter of the station's supply."""
    return facts.MeterSampled(number("evseId", payload.evseId), meter_values(payload.meterValue))


INCOMING: Final[tuple[IncomingRow, ...]] = (Incoming("MeterValues", meter_values_notification),)
OUTGOING: Final = ()
