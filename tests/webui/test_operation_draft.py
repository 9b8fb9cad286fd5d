"""What becomes of the form of a new operation."""

from __future__ import annotations

from datetime import timedelta

import pytest
from starlette.datastructures import FormData

from webui.operation_draft import draft, order, schedule, targets, waves
from webui.values import ApiError
from webui.values_operations import KINDS


def form(*pairs: tuple[str, str], **fields: str) -> FormData:
    return FormData([*pairs, *fields.items()])


def test_every_kind_is_an_order_of_its_own() -> None:
    filled = form(requested_message="Heartbeat", variables="A = 1", vendor_id="acme", image="firmwareImages/1")
    for kind in KINDS:
        assert list(order(kind, filled)) == [kind.lower()]


def test_variables_stand_one_on_a_line_and_may_hold_an_equals_sign() -> None:
    found = order("SET_VARIABLES", form(variables="HeartbeatInterval = 300\n\nUrl=a=b"))
    variables = [{"name": "HeartbeatInterval", "value": "300"}, {"name": "Url", "value": "a=b"}]
    assert found == {"set_variables": {"variables": variables}}
    with pytest.raises(ApiError, match="name = value"):
        order("SET_VARIABLES", form(variables="HeartbeatInterval"))


def test_firmware_comes_from_an_image_or_an_address_never_from_both() -> None:
    with pytest.raises(ApiError, match="one of the two"):
        order("UPDATE_FIRMWARE", form(image="firmwareImages/1", location="https://example.org/f"))
    found = order("UPDATE_FIRMWARE", form(image="firmwareImages/1", window_start="22:30", window_end="05:00"))
    assert found["update_firmware"] == {
        "image": "firmwareImages/1",
        "window_start_minute": 1350,
        "window_end_minute": 300,
    }


def test_ticked_stations_count_alone_and_none_of_them_is_told() -> None:
    assert targets(form(("station", "1"), ("station", "2"), by="chosen", query="CP")) == {
        "stations": ("stations/1", "stations/2")
    }
    with pytest.raises(ApiError, match="Tick the stations"):
        targets(form(by="chosen"))
    filtered = targets(form(by="filter", vendors="Acme, Volt ,", place="places/2"))["filter"]
    assert filtered["vendors"] == ("Acme", "Volt")  # type: ignore[index]


def test_the_wave_without_a_number_is_the_rest_and_the_last() -> None:
    found = waves(form(in_waves="1", wave1_share="2", wave1_wait="10", wave2_share="10 %", wave2_by_hand="1"))
    assert [{k: v for k, v in wave.items() if k in ("count", "percent")} for wave in found] == [
        {"count": 2},
        {"percent": 10.0},
        {},
    ]
    assert found[0]["wait"] == timedelta(minutes=10)
    assert waves(form(wave1_share="2")) == ()
    with pytest.raises(ApiError, match="number of stations"):
        waves(form(in_waves="1", wave1_share="some"))


def test_a_schedule_needs_a_time_of_day() -> None:
    with pytest.raises(ApiError, match="time of day"):
        schedule("RESET", form(by="filter"))
    found = schedule("RESET", form(("day", "1"), ("day", "5"), by="filter", clock="03:15", start="2026-01-01T10:00"))
    assert (found["minute_of_day"], found["days_of_week"]) == (195, (1, 5))
    assert "start_time" not in found["draft"]  # type: ignore[operator]


def test_nonsense_in_a_number_is_told() -> None:
    with pytest.raises(ApiError, match="whole numbers"):
        draft("RESET", form(by="filter", concurrency="many"))
    with pytest.raises(ApiError, match="date and time"):
        draft("RESET", form(by="filter", start="tomorrow"))
