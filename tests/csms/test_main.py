"""The command line."""

from __future__ import annotations

import subprocess
import sys

import pytest

from csms.__main__ import main


@pytest.mark.parametrize("argv", [["--help"], ["serve", "--help"], ["key", "create", "--help"]])
def test_help(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(argv)
    assert ended.value.code == 0
    assert "usage: chargehouse" in capsys.readouterr().out


def test_every_setting_is_a_flag_of_serve(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["serve", "--help"])
    text = capsys.readouterr().out
    for flag in ("--data-dir", "--ocpp-listen", "--control-listen", "--portal-listen", "--database-url", "--config"):
        assert flag in text


def test_a_wrong_setting_is_a_sentence_and_exit_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve", "--ocpp-listen", "nowhere"]) == 2
    assert "HOST:PORT" in capsys.readouterr().err


def test_the_load_tester_is_a_program_of_its_own() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "csms", "loadtest", "--help"], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0
    assert "--stations" in done.stdout
