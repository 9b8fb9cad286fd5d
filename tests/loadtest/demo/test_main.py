"""The command line of the demonstration."""

from __future__ import annotations

import pytest

from loadtest.demo.__main__ import MISUSED, main, read_settings
from loadtest.demo.desk import DemoError

KEY = ("--api-key", "k")


def test_the_usual_run_is_sixty_stations_and_ninety_days() -> None:
    found = read_settings(KEY)
    assert (found.stations, found.days, found.live, found.seed, found.force) == (60, 90, 0, 1, False)


def test_live_means_all_unless_a_number_is_given() -> None:
    assert read_settings([*KEY, "--stations", "5", "--live"]).live == 5
    assert read_settings([*KEY, "--live", "3"]).live == 3
    charging = read_settings([*KEY, "--stations", "5", "--keep-charging", "20"])
    assert (charging.live, charging.keep_charging) == (5, 20.0)


@pytest.mark.parametrize(
    "wrong",
    [
        ("--stations", "0"),
        ("--days", "0"),
        ("--days", "5000"),
        ("--keep-charging", "-1"),
        ("--live", "-1"),
        ("--ocpp", "http://x"),
    ],
)
def test_what_cannot_be_is_said_in_a_sentence(wrong: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*KEY, *wrong]) == MISUSED
    assert "chargehouse demo: " in capsys.readouterr().out


def test_without_a_key_it_says_how_to_get_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CHARGEHOUSE_API_KEY", raising=False)
    with pytest.raises(ValueError, match="key create"):
        read_settings([])


def test_a_failure_amid_the_run_is_a_sentence_and_no_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def fails(*_: object) -> bool:
        raise ExceptionGroup("trio's", [ExceptionGroup("trio's", [DemoError("the sky has fallen")])])

    monkeypatch.setattr("loadtest.demo.__main__.run", fails)
    assert main(KEY) == 1
    assert "chargehouse demo: the sky has fallen" in capsys.readouterr().out


def test_ctrl_c_is_no_failure(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    async def interrupted(*_: object) -> bool:
        raise BaseExceptionGroup("trio's", [KeyboardInterrupt()])

    monkeypatch.setattr("loadtest.demo.__main__.run", interrupted)
    assert main(KEY) == 130
    assert "Interrupted." in capsys.readouterr().out
