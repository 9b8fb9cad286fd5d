"""Batteries that go in and out."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from csms.domain.applying import Context
from csms.domain.battery_swap import HANDLERS, BatteryData, BatterySwapEvent, BatterySwapped
from csms.domain.facts import AuthorizationStatus, IdTokenInfo
from csms.domain.ids import StationId
from csms.domain.records import EventRecord, ItemRecord, JobRecord, JobState
from csms.domain.typed_token import TypedToken

NOW = datetime(2026, 5, 4, tzinfo=UTC)


@pytest.mark.parametrize(
    ("what", "held", "state"),
    [
        (BatterySwapEvent.BATTERY_IN, True, JobState.RUNNING),
        (BatterySwapEvent.BATTERY_OUT, False, JobState.SUCCEEDED),
        (BatterySwapEvent.BATTERY_OUT_TIMEOUT, True, JobState.FAILED),
    ],
)
def test_a_battery_is_in_the_station_or_it_is_not(what: BatterySwapEvent, held: bool, state: JobState) -> None:
    context = Context(NOW, lambda _tag, _starting: IdTokenInfo(AuthorizationStatus.INVALID), lambda: 1)
    fact = BatterySwapped(4, what, TypedToken("TAG", "Central"), (BatteryData(1, "SN-1", 80.0, 99.5),))
    event, item, job = HANDLERS[BatterySwapped](fact, StationId(1), context).records
    assert isinstance(event, EventRecord)
    assert isinstance(item, ItemRecord)
    assert isinstance(job, JobRecord)
    assert "SN-1" in event.summary
    assert (item.kind, item.key, item.body is not None) == ("battery", "SN-1", held)
    if item.body is not None:
        assert json.loads(item.body) == {"evseId": 1, "serialNumber": "SN-1", "soC": 80.0, "soH": 99.5}
    assert (job.request_id, job.status, job.state) == (4, what.value, state)
