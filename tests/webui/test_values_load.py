"""How a load group stands, in words."""

from __future__ import annotations

import msgspec
import pytest

from webui.values_load import LoadGroup, LoadState, LoadSum, OutletLoad, Phases, Sharing, Standing, StationShare, Unit

ZERO = LoadSum(0, 0, 0, 0)
OUTLET = OutletLoad("stations/7", 1, "CP-7", "", Standing.SHARED, True, True, 16, 16, 16, 11_000, None, "")


def a_state(available: LoadSum, drawable: LoadSum, unit: Unit = Unit.AMPERE, **more: bool) -> LoadState:
    group = LoadGroup(name="loadGroups/3", place="places/2", unit=unit, **more)
    return LoadState(group, None, available, drawable, ZERO, ZERO, True, None, None, (OUTLET,))


def test_the_scarcest_phase_is_what_there_is_and_the_fullest_what_is_drawn():
    state = a_state(LoadSum(63, 20, 63, 0), LoadSum(10, 10, 15, 8_000))
    assert (state.available_value, state.value(state.drawable), state.exceeded) == (20, 15, False)
    assert a_state(LoadSum(63, 20, 63, 0), LoadSum(0, 21, 0, 0)).exceeded
    assert a_state(LoadSum(-5, 0, 0, 0), ZERO).available_value == 0


def test_a_contract_is_told_in_watts():
    state = a_state(LoadSum(0, 0, 0, 50_000), LoadSum(32, 32, 32, 22_000), Unit.WATT)
    assert (state.available_value, state.value(state.drawable), state.exceeded) == (50_000, 22_000, False)
    assert (Unit.WATT.sign, Unit.AMPERE.sign) == ("W", "A")


def test_a_meter_that_should_tell_and_does_not_is_silent():
    assert a_state(ZERO, ZERO, meter=True).meter_is_silent
    assert not a_state(ZERO, ZERO).meter_is_silent


@pytest.mark.parametrize("standing", list(Standing))
def test_each_standing_has_its_sentence_and_its_sign(standing: Standing):
    outlet = msgspec.structs.replace(OUTLET, standing=standing)
    assert outlet.state.label
    assert bool(outlet.why) == (standing is not Standing.UNSPECIFIED)


def test_who_waits_does_not_charge():
    outlets = (OUTLET, msgspec.structs.replace(OUTLET, standing=Standing.WAITS))
    state = msgspec.structs.replace(a_state(ZERO, ZERO), outlets=outlets)
    assert (state.charging_count, state.waiting_count) == (1, 1)
    free = msgspec.structs.replace(OUTLET, charging=False, standing=Standing.READY, station_display_name="Gate")
    assert (free.label, free.key, free.state.key) == ("Gate", "7", "free")


def test_a_group_without_names_holds_all_stations():
    group = LoadGroup(name="loadGroups/3", place="places/2", shares=(StationShare("stations/1", 5),))
    assert group.holds("stations/9")
    assert not msgspec.structs.replace(group, stations=("stations/1",)).holds("stations/9")
    assert (group.share_of("stations/1").priority, group.share_of("stations/2")) == (5, StationShare("stations/2"))
    assert (group.key, group.place_key) == ("3", "2")


def test_choices_have_words():
    labels = {each.label for kind in (Unit, Sharing, Phases) for each in kind}
    assert labels >= {"All", "L2", "The same to each", "The highest priority first", "Watts in all (a contract)"}
