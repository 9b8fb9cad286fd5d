"""The command line, understood."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from loadtest.options import make_passwords, parse_sources, parser, read_settings
from loadtest.recipes import KEYS
from loadtest.scenario import fitting_time_scale


@pytest.fixture(autouse=True)
def _no_key_around(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CHARGEHOUSE_API_KEY", raising=False)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("", "key create"),
        ("--no-check --time-scale 0", "--time-scale must be a number more than 0, not 0"),
        ("--no-check --minutes 0.05 --ramp 3", "no session fits"),
        ("--no-check --prefix A-VERY-LONG-PREFIX-", "--prefix is too long"),
        ("--no-check --stations 60000 --processes 4 --source-addresses 127.0.0.1", "local ports"),
        ("--no-check --source-addresses 127.0.0.9-127.0.0.1", "range"),
        ("--no-check --processes 0", "--processes must be at least 1"),
        ("--no-check --stations 2 --processes 3", "no more than there are stations"),
        ("--no-check --scenario commands", "--commands-per-second 0"),
        ("--no-check --insecure", "begins with wss"),
        ("--no-check --target wss://csms.example --insecure", "only for this machine itself"),
        ("--no-check --target wss://csms.example --ca /nowhere.pem", "--ca /nowhere.pem holds no certificates"),
    ],
)
def test_what_cannot_be_is_told_in_words(options: str, words: str) -> None:
    with pytest.raises(ValueError, match=re.escape(words)):
        read_settings(options.split())


def test_a_key_from_the_environment_will_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHARGEHOUSE_API_KEY", "k")
    assert read_settings(["--stations", "5"]).api_key == "k"


def test_the_defaults_are_those_of_the_readme() -> None:
    settings = read_settings(["--no-check"])
    assert settings.target_url == "ws://127.0.0.1:9000/ocpp"
    assert settings.control == "127.0.0.1:50051"
    assert (settings.scenario.stations, settings.scenario.minutes, settings.scenario.ramp) == (500, 1.0, 10.0)
    assert settings.scenario.time_scale == fitting_time_scale(60, 10)
    assert settings.sources == ()


def test_flags_overrule_the_file_and_leave_the_rest(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("stations = 9\nconnect_rate = 3\nheartbeat_interval = 30\n")
    ready = ["--no-check", "--scenario", str(file)]
    scenario = read_settings([*ready, "--stations", "12"]).scenario
    assert (scenario.stations, scenario.ramp, scenario.heartbeat_interval) == (12, 4.0, 30.0)
    assert read_settings([*ready, "--ramp", "7"]).scenario.ramp == 7.0
    assert read_settings([*ready, "--versions", "2.0.1=1,1.6=1"]).scenario.versions == {"2.0.1": 1, "1.6": 1}


def test_many_stations_on_this_machine_get_addresses_by_themselves() -> None:
    flags = ["--no-check", "--stations", "40000", "--processes", "3"]
    assert len(read_settings(flags).sources) >= 2
    assert read_settings([*flags, "--source-addresses", "127.0.0.1,127.0.0.9"]).sources == ("127.0.0.1", "127.0.0.9")


def test_every_key_of_a_scenario_is_a_flag() -> None:
    flags = parser().format_help()
    for key in KEYS:
        assert f"{key.flag} {key.metavar}" in flags


def test_the_server_makes_the_passwords_unless_one_is_given_or_nothing_is_checked() -> None:
    made = make_passwords(read_settings(["--api-key", "k", "--stations", "50"]))
    assert (len(made), set(made.values())) == (50, {""})
    given = make_passwords(read_settings(["--api-key", "k", "--stations", "2", "--password", "x" * 16]))
    assert given == {"LT-00001": "x" * 16, "LT-00002": "x" * 16}
    assert make_passwords(read_settings(["--no-check", "--stations", "2"])) == {}


def test_source_addresses_as_list_or_range() -> None:
    assert parse_sources("") == ()
    assert parse_sources("127.0.0.1, ::1") == ("127.0.0.1", "::1")
    assert parse_sources("127.0.0.254-127.0.1.1") == ("127.0.0.254", "127.0.0.255", "127.0.1.0", "127.0.1.1")


def test_the_document_tells_every_flag() -> None:
    text = (Path(__file__).parents[2] / "docs" / "load-testing.md").read_text("utf-8")
    keys = {key.flag for key in KEYS}
    flags = {flag for action in parser()._actions for flag in action.option_strings if flag.startswith("--")}
    for flag in sorted(flags - keys - {"--help"}):
        assert f"| `{flag}" in text, flag
