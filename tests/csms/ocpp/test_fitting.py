"""Nothing that the schemas have gets lost in our values: what is read into its shape is printed as it was."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from csms.domain.der import DerSetting
from csms.ocpp.faults import V21, V201, Edition
from csms.ocpp.fitting import tidied
from csms.ocpp.schemas import Direction, as_utc, parse_time, schemas_of
from csms.ocpp.v21 import k_smart_charging as k21
from csms.ocpp.v21 import q_bidirectional as q21
from csms.ocpp.v21 import r_der_control as r21
from csms.ocpp.v201 import k_smart_charging as k201
from tests.kit.effort import examples
from tests.kit.schema_strategy import instances

REQUESTS: list[tuple[Edition, str, type[msgspec.Struct]]] = [
    *(
        (edition, action, shape)
        for edition in (V201, V21)
        for action, shape in (
            ("SetChargingProfile", k201.SetChargingProfileRequest),
            ("ClearChargingProfile", k201.ClearChargingProfileRequest),
            ("GetChargingProfiles", k201.GetChargingProfilesRequest),
            ("GetCompositeSchedule", k201.GetCompositeScheduleRequest),
            ("NotifyEVChargingNeeds", k201.NotifyEvChargingNeeds),
            ("NotifyEVChargingSchedule", k201.NotifyEvChargingSchedule),
            ("NotifyChargingLimit", k201.NotifyChargingLimit),
            ("ClearedChargingLimit", k201.ClearedChargingLimit),
            ("ReportChargingProfiles", k201.ReportChargingProfiles),
        )
    ),
    (V21, "SetDERControl", r21.SetDerControlRequest),
    (V21, "GetDERControl", r21.GetDerControlRequest),
    (V21, "ClearDERControl", r21.ClearDerControlRequest),
    (V21, "ReportDERControl", r21.ReportDerControl),
    (V21, "NotifyDERAlarm", r21.NotifyDerAlarm),
    (V21, "NotifyDERStartStop", r21.NotifyDerStartStop),
    (V21, "NotifyPriorityCharging", k21.NotifyPriorityCharging),
    (V21, "PullDynamicScheduleUpdate", k21.PullDynamicScheduleUpdate),
    (V21, "UsePriorityCharging", k21.UsePriorityChargingRequest),
    (V21, "UpdateDynamicSchedule", k21.UpdateDynamicScheduleRequest),
    (V21, "AFRRSignal", q21.AfrrSignalRequest),
    (V21, "NotifyAllowedEnergyTransfer", q21.NotifyAllowedEnergyTransferRequest),
]
DEFAULTS = {"tbc": False, "alarmEnded": False, "isDefault": True, "isSuperseded": False, "extraInfo": ""}
"""What is left out when it is this; who reads it takes it for this."""


@pytest.mark.feature("F-OCPP-4", "F-OCPP-5")
@pytest.mark.parametrize(("edition", "action", "shape"), REQUESTS, ids=lambda value: getattr(value, "title", None))
@examples(12)
@given(data=st.data())
def test_every_field_survives(edition: Edition, action: str, shape: type[msgspec.Struct], data: st.DataObject) -> None:
    schemas = schemas_of(edition)
    payload = data.draw(instances(schemas.schema(action, Direction.REQUEST)))
    message = schemas.message(action, Direction.REQUEST)
    value = message.decode(msgspec.json.encode(payload))
    shaped = msgspec.convert(msgspec.to_builtins(value, builtin_types=(datetime,)), shape)
    printed = msgspec.json.decode(msgspec.json.encode(shaped))
    assert plain(printed) == plain(payload)


def plain(value: Any) -> Any:
    """Comparable: without customData and defaults, times as moments, numbers as floats."""
    if isinstance(value, dict):
        return {
            key: plain(inner)
            for key, inner in value.items()
            if key != "customData" and not (key in DEFAULTS and inner == DEFAULTS[key])
        }
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    if isinstance(value, str) and (moment := parse_time(value)) is not None:
        return as_utc(moment)
    if isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    return value


def test_times_are_made_utc_however_deep_they_lie() -> None:
    curve = {
        "curveData": [{"x": 1, "y": 2}],
        "priority": 0,
        "yUnit": "PctMaxW",
        "startTime": "2026-05-04T14:00:00+02:00",
    }
    setting = msgspec.convert({"curve": curve}, DerSetting)
    assert tidied(setting).curve.start_time.isoformat() == "2026-05-04T12:00:00+00:00"  # type: ignore[union-attr]
    unchanged = tidied(setting)
    assert tidied(unchanged) is unchanged
