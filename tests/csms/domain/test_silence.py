"""One station silent, against a whole site."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from csms.domain.alarms import Alarm, AlarmKind, AlarmSettings, Cleared, Clearing, Observation, Raised, Subject, weigh
from csms.domain.silence import Heard, listen

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
LONG_AGO = NOW - timedelta(days=30)
SETTINGS = AlarmSettings()


def ago(minutes: float) -> datetime:
    return NOW - timedelta(minutes=minutes)


def station(number: int, silent: float | None, *, site: int | None = 7, heard: bool = True) -> Heard:
    """Silent for so many minutes; None: online."""
    at = ago(silent or 0) if heard else None
    return Heard(number, site, LONG_AGO, silent is None and heard, at)


def what(
    stations: Sequence[Heard],
    active: Mapping[tuple[Subject, str], Alarm] | None = None,
    *,
    awake: datetime = LONG_AGO,
    over: Mapping[int, datetime] | None = None,
) -> list[Observation]:
    return listen(stations, active or {}, over or {}, SETTINGS, now=NOW, awake_since=awake)


def kinds(seen: Sequence[Observation]) -> list[tuple[AlarmKind, Subject]]:
    return [(each.kind, each.subject) for each in seen if isinstance(each, Raised)]


def active_of(seen: Sequence[Observation]) -> dict[tuple[Subject, str], Alarm]:
    found = {}
    for number, each in enumerate(seen, 1):
        change = weigh(None, each, timedelta(0))
        if change is not None:
            found[each.subject, each.key] = msgspec.structs.replace(change.alarm, id=number)
    return found


@pytest.mark.feature("F-ALM-2")
def test_one_silent_station_is_no_communication() -> None:
    stations = [station(1, 11), station(2, None), station(3, None), station(4, 5)]
    assert kinds(what(stations)) == [(AlarmKind.NO_COMMUNICATION, Subject(1))]


@pytest.mark.feature("F-ALM-2")
def test_a_whole_silent_site_is_no_network_and_nothing_else() -> None:
    seen = what([station(n, 9.5 + n / 4) for n in range(1, 5)])
    assert kinds(seen) == [(AlarmKind.NO_NETWORK, Subject(place_id=7))]


def test_most_of_a_site_is_enough_and_half_is_not() -> None:
    most = [*(station(n, 11) for n in range(1, 5)), station(5, None)]
    assert [kind for kind, _ in kinds(what(most))] == [AlarmKind.NO_NETWORK]
    half = [station(1, 11), station(2, 11), station(3, None), station(4, None)]
    assert [kind for kind, _ in kinds(what(half))] == [AlarmKind.NO_COMMUNICATION] * 2


def test_a_site_with_one_station_has_no_network_alarm() -> None:
    assert kinds(what([station(1, 11)])) == [(AlarmKind.NO_COMMUNICATION, Subject(1))]


def test_stations_that_fell_silent_days_apart_are_not_the_network() -> None:
    seen = what([station(1, 11), station(2, 3000), station(3, 9000)])
    assert [kind for kind, _ in kinds(seen)] == [AlarmKind.NO_COMMUNICATION] * 3


def test_one_that_was_broken_before_does_not_hide_the_network() -> None:
    seen = what([station(1, 11), station(2, 11), station(3, 9000)])
    assert sorted(kind for kind, _ in kinds(seen)) == [AlarmKind.NO_COMMUNICATION, AlarmKind.NO_NETWORK]


def test_what_was_raised_alone_becomes_a_part_of_the_site() -> None:
    alone = active_of(what([station(1, 11), station(2, None)]))
    both = [station(1, 12), station(2, 11)]
    site = active_of(what(both, alone))
    seen = what(both, {**alone, **site})
    folded = [each for each in seen if isinstance(each, Cleared)]
    assert [(each.subject, each.clearing) for each in folded] == [(Subject(1), Clearing.FOLDED)]


def test_when_the_network_is_back_late_ones_get_their_time() -> None:
    down = [station(1, 60), station(2, 60), station(3, 60)]
    active = active_of(what(down))
    back = [station(1, None), station(2, 60), station(3, None)]
    seen = what(back, active)
    assert [(each.subject, each.clearing) for each in seen if isinstance(each, Cleared)] == [
        (Subject(place_id=7), Clearing.BY_ITSELF)
    ]
    assert kinds(what(back, over={7: ago(2)})) == []
    assert kinds(what(back, over={7: ago(11)})) == [(AlarmKind.NO_COMMUNICATION, Subject(2))]


def test_what_was_silent_while_we_slept_gets_its_time() -> None:
    assert kinds(what([station(1, 500, site=None)], awake=ago(3))) == []
    assert kinds(what([station(1, 500, site=None)], awake=ago(11))) == [(AlarmKind.NO_COMMUNICATION, Subject(1))]


def test_a_station_that_is_heard_again_ends_its_alarm() -> None:
    active = active_of(what([station(1, 11, site=None)]))
    (over,) = what([station(1, None, site=None)], active)
    assert isinstance(over, Cleared)


@pytest.mark.feature("F-ALM-2")
def test_a_station_that_was_never_seen_is_not_registered() -> None:
    never = station(1, None, heard=False)
    assert kinds(what([never])) == [(AlarmKind.NOT_REGISTERED, Subject(1))]
    assert what([msgspec.structs.replace(never, created_at=ago(5))]) == []
    assert what([msgspec.structs.replace(never, watched=False)]) == []
    (over,) = what([station(1, None)], active_of(what([never])))
    assert isinstance(over, Cleared)


def test_a_site_without_stations_has_no_alarm_left() -> None:
    active = active_of(what([station(1, 11), station(2, 11)]))
    assert [each.subject for each in what([], active)] == [Subject(place_id=7)]
