"""Values to words."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from control.v1 import sessions_pb2, stations_pb2
from webui import view, words
from webui.api import convert
from webui.values import ConnectorStatus, Registration, Station

NOW = datetime(2026, 3, 29, 0, 30, tzinfo=UTC)


@pytest.fixture
def speak() -> Iterator[object]:
    """Sets language and zone for the test."""
    tokens = []

    def set_manners(language: str, zone: str) -> None:
        tokens.append(words.current.set(words.manners(language, zone)))

    yield set_manners
    for token in reversed(tokens):
        words.current.reset(token)


def station(*statuses: int, online: bool = True, status: int = 0) -> Station:
    message = stations_pb2.Station(
        registration_state=stations_pb2.REGISTRATION_STATE_ACCEPTED,
        connection_state=stations_pb2.CONNECTION_STATE_ONLINE if online else stations_pb2.CONNECTION_STATE_OFFLINE,
        status=status,
        evses=[
            stations_pb2.Evse(evse_id=n, connectors=[stations_pb2.Connector(connector_id=1, status=s)])
            for n, s in enumerate(statuses, 1)
        ],
    )
    return convert.station(message)


FREE, CHARGING, FAULTED = 1, 3, 9


@pytest.mark.parametrize(
    ("given", "key"),
    [
        (station(FREE, FREE), "free"),
        (station(FREE, CHARGING), "charging"),
        (station(CHARGING, FAULTED), "fault"),
        (station(FREE, status=FAULTED), "fault"),
        (station(CHARGING, online=False), "offline"),
        (station(2), "occupied"),
        (station(8, 8), "unavailable"),
        (station(), "free"),
    ],
)
def test_the_most_telling_state_of_a_station_wins(given: Station, key: str):
    assert view.station_state(given).key == key


def test_a_pending_station_is_not_shown_as_free():
    waiting = msgspec.structs.replace(station(FREE), registration=Registration.PENDING)
    assert view.station_state(waiting).key == "pending"


def test_every_connector_status_has_words():
    assert {view.connector_state(s).label for s in ConnectorStatus} >= {"Available", "Charging", "Fault", "Reserved"}


def test_a_status_this_portal_does_not_know_is_not_an_error():
    assert convert.status(99) is ConnectorStatus.UNSPECIFIED


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0 s"), (59, "59 s"), (60, "1 min"), (3599, "59 min"), (3900, "1 h 05 min")]
)
def test_durations(seconds: int, text: str):
    assert view.span(timedelta(seconds=seconds)) == text


def test_a_session_whose_start_was_never_seen_has_no_duration():
    session = convert.session(sessions_pb2.Session(state=sessions_pb2.SESSION_STATE_ACTIVE))
    assert view.duration(session) is None
    assert view.span(None) == "–"


def test_numbers_and_times_follow_the_reader(speak):
    speak("en-GB", "Europe/Stockholm")
    assert view.kwh(1_234_567.0) == "1,234.57 kWh"
    assert view.moment(NOW) == "29 Mar 2026, 01:30"
    assert view.moment(NOW + timedelta(hours=1)) == "29 Mar 2026, 03:30"  # the hour that does not exist
    assert view.day(NOW) == "2026-03-29"


def test_missing_values_are_a_dash_and_never_zero():
    assert view.kwh(None) == view.kw(None) == view.number(None) == view.moment(None) == "–"
    assert view.kwh(0) == "0.00 kWh"


def test_how_long_ago():
    assert view.ago(NOW - timedelta(seconds=3), NOW) == "just now"
    assert view.ago(NOW - timedelta(minutes=5), NOW) == "5 minutes ago"
    assert view.ago(None, NOW) == "never"


def test_an_unknown_flag_is_shown_in_its_own_words():
    what, todo = view.flag("METER_ON_FIRE")
    assert what == "Meter on fire"
    assert todo


@pytest.mark.parametrize(
    ("language", "told"),
    [
        ("en", ("€0.005", "SEK\u00a04.20", "10,770", "0.123")),
        ("sv", ("0,005\u00a0€", "4,20\u00a0kr", "10\u00a0770", "0,123")),
        ("nl", ("€\u00a00,005", "SEK\u00a04,20", "10.770", "0,123")),
        ("de", ("0,005\u00a0€", "4,20\u00a0SEK", "10.770", "0,123")),
    ],
)
def test_a_price_has_the_decimals_that_it_needs_and_a_value_no_others(speak, language, told):
    speak(language, "UTC")
    prices = view.price("0.005", "EUR"), view.price("4.2", "SEK")
    assert (*prices, view.measured(10770.0), view.measured(0.12345)) == told


def test_letters_of_a_currency_stand_apart_from_its_digits(speak):
    speak("en", "UTC")
    assert view.money("7191.02", "SEK") == "SEK\u00a07,191.02"
    assert view.span(timedelta(hours=23053, minutes=9)) == "23,053 h 09 min"


def test_a_number_that_was_said_before_is_said_anew_in_another_language(speak: Callable[[str, str], None]):
    speak("en", "")
    assert view.number(1234.5, 1) == "1,234.5"
    speak("de", "")
    assert view.number(1234.5, 1) == "1.234,5"
    assert view.money("5", "EUR") != view.money("5", "SEK")


def test_nothing_is_never_minus_nothing():
    assert view.number(-0.0) == view.number(0.0) == "0"


@pytest.mark.parametrize(("language", "told"), [("nl", "oktober 2026"), ("sv", "oktober 2026"), ("de", "Oktober 2026")])
def test_a_month_is_a_word_and_not_a_number(language: str, told: str) -> None:
    token = words.current.set(words.manners(language, "UTC"))
    found = (view.month_words("2026-10"), view.month_words("nonsense"), view.day_words(None))
    words.current.reset(token)
    assert found == (told, "nonsense", view.DASH)
    assert view.month_words(datetime(2026, 10, 1, tzinfo=UTC)) == "October 2026"
    assert view.day_words(datetime(2026, 10, 1, tzinfo=UTC)) == "1 Oct 2026"
