"""Scenarios as people write them."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from loadtest.recipes import (
    KEYS,
    Key,
    RecipeError,
    load_recipe,
    make_scenario,
    parse_flag,
    read_recipe,
    ready_scenarios,
)
from loadtest.scenario import NATURAL_SESSION, Scenario, plan_station

BY_NAME = {key.name: key for key in KEYS}


def test_the_ready_scenarios_are_those_that_are_promised() -> None:
    names = {scenario.name for scenario in ready_scenarios()}
    promised = "steady morning-rush reconnect-storm saturate commands offline-replay chaos soak"
    assert names >= set(promised.split())
    for scenario in ready_scenarios():
        assert 20 < len(scenario.description) < 110
        assert "\n" not in scenario.description


@pytest.mark.parametrize("name", [scenario.name for scenario in ready_scenarios()])
def test_every_ready_scenario_can_be_planned(name: str) -> None:
    scenario = make_scenario(load_recipe(name))
    assert scenario.name == name
    for index in (0, scenario.stations // 2, scenario.stations - 1):
        assert plan_station(scenario, index) == plan_station(scenario, index)


def test_steady_is_what_happens_when_nothing_is_said() -> None:
    scenario = make_scenario(load_recipe("steady"))
    assert (scenario.stations, scenario.minutes, scenario.ramp) == (500, 1.0, 10.0)


def test_every_field_of_a_scenario_has_its_key() -> None:
    names = {field.name for field in fields(Scenario)} - {"name"}
    assert names == set(BY_NAME) - {"connect_rate"}  # another way to say `ramp`


def test_what_is_left_open_fits_the_length_of_the_run() -> None:
    scenario = make_scenario({"minutes": 1.0})
    assert NATURAL_SESSION[1] / scenario.time_scale == pytest.approx(20)
    assert scenario.meter_interval == pytest.approx(2.5)
    assert make_scenario({"minutes": 0.1}).ramp == pytest.approx(1.0)
    assert make_scenario({"stations": 900, "connect_rate": 30.0}).ramp == pytest.approx(30.0)


def test_a_file_of_ones_own_works_like_a_ready_one(tmp_path: Path) -> None:
    file = tmp_path / "my-night.toml"
    file.write_text(
        'description = "mine"\nstations = 7\nminutes = 0.5\nstorms = [0.25, 0.5]\n'
        '[versions]\n"1.6" = 1\n"2.1" = 3\n[troubles]\noffline = 1\n'
    )
    scenario = make_scenario(load_recipe(str(file)))
    assert (scenario.name, scenario.stations, scenario.storms) == ("my-night", 7, (0.25, 0.5))
    assert scenario.versions == {"1.6": 1, "2.1": 3}
    assert scenario.troubles == {"offline": 1.0}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("stattions = 5", "x.toml: a scenario has no key 'stattions' (did you mean 'stations'?)"),
        ("colour = 5", "x.toml: a scenario has no key 'colour'. docs/load-testing.md lists the keys"),
        ("stations = 'many'", "x.toml: stations must be a whole number more than 0, not 'many'"),
        ("stations = 2.5", "must be a whole number more than 0, not 2.5"),
        ("stations = true", "must be a whole number more than 0, not True"),
        ("minutes = -1", "x.toml: minutes must be a number more than 0, not -1"),
        ("minutes = nan", "must be a number more than 0, not nan"),
        ("ramp = -1", "x.toml: ramp must not be negative, not -1"),
        ("charging_share = 2", "must be a number, at most 0.95, not 2"),
        ("prefix = 5", "x.toml: prefix must be a text, not 5"),
        ("storms = [2]", "storms must be a list of numbers from 0 to below 1, each a share of the run, not [2]"),
        ("storms = 0.5", "storms must be a list"),
        ("versions = '1.6'", "versions must be a table with a number for any of 1.6, 2.0.1, 2.1, 1.5, not '1.6'"),
        ('[versions]\n"1.7" = 1', "versions knows 1.6, 2.0.1, 2.1, 1.5; '1.7' is none of them"),
        ('[versions]\n"1.6" = 0', "must give a weight to at least one"),
        ('[versions]\n"1.6" = 0.5', "must give 1.6 a weight that is a whole number"),
        ("[troubles]\nflood = 1", "'flood' is none of them"),
        ("[troubles]\noffline = 'often'", "must say how often offline befalls a station"),
        ("engine = 'steam'", 'engine must be "stations" or "fleet" or "saturate", not \'steam\''),
        ("description = 5", "x.toml: description must be a text, not 5"),
        ("stations = ", "x.toml is not TOML"),
    ],
)
def test_a_mistake_is_told_with_the_key_the_file_and_what_would_be_right(text: str, words: str) -> None:
    with pytest.raises(RecipeError) as raised:
        read_recipe(text, "x.toml")
    assert words in str(raised.value)


def test_a_scenario_that_is_not_there_is_told_in_words(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"did you mean 'steady'.*--list"):
        load_recipe("stedy")
    with pytest.raises(RecipeError, match="cannot be read"):
        load_recipe(str(tmp_path / "missing.toml"))


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("stations", "5", 5),
        ("minutes", "0.5", 0.5),
        ("minutes", "2", 2.0),
        ("versions", "1.6=3, 2.0.1=1", {"1.6": 3, "2.0.1": 1}),
        ("troubles", "offline=0.5,garbage=2", {"offline": 0.5, "garbage": 2.0}),
        ("troubles", "", {}),
        ("commands", "start=1", {"start": 1}),
        ("storms", "0.25,0.75", (0.25, 0.75)),
        ("storms", "", ()),
        ("prefix", "X", "X"),
        ("seed", "-3", -3),
    ],
)
def test_flags_say_the_same_as_files(name: str, text: str, value: object) -> None:
    assert parse_flag(BY_NAME[name], text) == value


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("stations", "0", "--stations must be a whole number more than 0, not 0"),
        ("time_scale", "0", "--time-scale must be a number more than 0, not 0"),
        ("time_scale", "fast", "--time-scale must be a number more than 0, not 'fast'"),
        ("versions", "1.6", "must give 1.6 a weight"),
        ("storms", "soon", "--storms must be a list"),
    ],
)
def test_a_mistake_in_a_flag_is_told_with_the_flag(name: str, text: str, words: str) -> None:
    with pytest.raises(RecipeError) as raised:
        parse_flag(BY_NAME[name], text)
    assert words in str(raised.value)


def test_values_that_do_not_go_together_are_told_in_words() -> None:
    with pytest.raises(RecipeError, match="--prefix is too long"):
        make_scenario({"prefix": "A-VERY-LONG-PREFIX-"})
    with pytest.raises(RecipeError, match="--id-tag is too long"):
        make_scenario({"id_tag": "123456789012345678901"})
    with pytest.raises(RecipeError, match="a fleet speaks OCPP 1"):
        make_scenario({"engine": "fleet", "versions": {"1.5": 1}})
    with pytest.raises(RecipeError, match="--longest-back-off must not be less"):
        make_scenario({"back_off": 5.0, "longest_back_off": 2.0})
    with pytest.raises(RecipeError, match="a closed loop speaks one version"):
        make_scenario({"engine": "saturate", "versions": {"1.6": 1, "2.0.1": 1}})


def row_of(key: Key) -> str:
    default = key.default or getattr(Scenario(), key.name)
    shown = f"{default:g}" if isinstance(default, int | float) else default
    return f"| `{key.name}` | {shown} | {key.help} |"


def test_the_document_lists_every_key_with_its_default() -> None:
    text = (Path(__file__).parents[2] / "docs" / "load-testing.md").read_text("utf-8")
    wanted = [row_of(key) for key in KEYS]
    listed = [line for line in text.splitlines() if line in wanted]
    assert listed == wanted, "docs/load-testing.md should have:\n" + "\n".join(wanted)


def test_the_document_lists_every_ready_scenario() -> None:
    text = (Path(__file__).parents[2] / "docs" / "load-testing.md").read_text("utf-8")
    for scenario in ready_scenarios():
        assert f"| `{scenario.name}` | {scenario.description} |" in text
