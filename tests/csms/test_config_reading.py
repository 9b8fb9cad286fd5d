"""One name, three spellings, and sentences when they are wrong."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from csms.config import Address, Settings, SettingsError
from csms.config_reading import add_arguments, environment_of, flags_of_emptied, load


def parsed(*argv: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return parser.parse_args(argv)


def test_defaults() -> None:
    settings = load(parsed(), {})
    assert settings == Settings()
    assert str(settings.ocpp_listen) == "127.0.0.1:9000"
    assert str(settings.control_listen) == "127.0.0.1:50051"
    assert str(settings.portal_listen) == "127.0.0.1:8080"
    assert settings.unknown_stations == "pending"


def test_the_flag_outranks_the_environment_outranks_the_file(tmp_path: Path) -> None:
    file = tmp_path / "c.toml"
    file.write_text('heartbeat_interval = 1\nping-interval = 2.5\nportal = false\nocpp-listen = "0.0.0.0:1"\n')
    environment = {"CHARGEHOUSE_HEARTBEAT_INTERVAL": "2", "CHARGEHOUSE_OCPP_LISTEN": "0.0.0.0:2"}
    settings = load(parsed("--config", str(file), "--ocpp-listen", "0.0.0.0:3"), environment)
    assert settings.ocpp_listen == Address("0.0.0.0", 3)
    assert (settings.heartbeat_interval, settings.ping_interval, settings.portal) == (2, 2.5, False)


@pytest.mark.parametrize(
    ("argv", "environment", "sentence"),
    [
        (["--ocpp-listen", "nowhere"], {}, "--ocpp-listen: 'nowhere' is no address"),
        ([], {"CHARGEHOUSE_HEARTBEAT_INTERVAL": "often"}, "CHARGEHOUSE_HEARTBEAT_INTERVAL: 'often' is not a number"),
        (["--unknown-stations", "maybe"], {}, "unknown_stations must be one of refuse, pending, accept"),
        (["--heartbeat-interval", "0"], {}, "heartbeat_interval must be more than 0"),
        ([], {"CHARGEHOUSE_PORTAL": "perhaps"}, "CHARGEHOUSE_PORTAL: 'perhaps' must be yes or no"),
        (["--control-tls-cert", "x"], {}, "go together"),
        (["--ocpp-tls-key", "x"], {}, "ocpp_tls_cert and ocpp_tls_key go together"),
        (["--ocpp-tls-listen", "nowhere"], {}, "ocpp_tls_listen: 'nowhere' is no address"),
        (["--ocpp-min-security-profile", "4"], {}, "must be 0, 1, 2 or 3"),
        (["--ocpp-min-security-profile", "2"], {}, "need TLS: set ocpp_tls_listen"),
        (["--ocpp-certificate-names", "any"], {}, "must be one of identity, serial, either"),
        (["--config", "/nowhere.toml"], {}, "Cannot read the settings file"),
    ],
)
def test_wrong_settings(argv: list[str], environment: dict[str, str], sentence: str) -> None:
    with pytest.raises(SettingsError, match=sentence):
        load(parsed(*argv), environment)


def test_a_misspelt_setting_in_the_file(tmp_path: Path) -> None:
    file = tmp_path / "c.toml"
    file.write_text("heartbeet = 1\n")
    with pytest.raises(SettingsError, match="heartbeet"):
        load(parsed("--config", str(file)), {})


def test_another_process_of_ours_reads_the_same_settings() -> None:
    given = Settings(workers=2, portal=False, backup_daily="", ocsp_hosts="ocsp.example.org", durable_timeout=7.5)
    environment = environment_of(given, {"CHARGEHOUSE_NODE_NAME": "not mine", "PATH": "/bin"})
    assert environment["PATH"] == "/bin"
    assert "CHARGEHOUSE_NODE_NAME" not in environment
    assert flags_of_emptied(given) == ["--backup-daily="]
    emptied = argparse.Namespace(backup_daily="")
    assert load(emptied, environment) == given
