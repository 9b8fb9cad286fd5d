"""What is known of keys by their names."""

from __future__ import annotations

import pytest

from csms.domain.known_variables import NOTHING_KNOWN, holds_secret, is_password, known_variable
from csms.domain.variable_names import VariablePlace, parse_name


@pytest.mark.feature("F-STA-6")
@pytest.mark.parametrize(
    "name",
    [
        "SecurityProfile",
        "CpoName",
        "websocketpinginterval",
        "ConnectionTimeOut",
        "AuthorizationKey",
        "CentralSystemURL",
        "Acme_OcppServerUrl",
        "AllowOfflineTxForUnknownId",
    ],
)
def test_risky_keys_have_a_sentence_in_any_letters(name: str) -> None:
    warning = known_variable(VariablePlace("", name)).warning
    assert warning.endswith(".")


@pytest.mark.parametrize(
    "name", ["OCPPCommCtrlr.NetworkConfigurationPriority", "SecurityCtrlr.SecurityProfile", "AuthCtrlr.Enabled"]
)
def test_so_have_risky_variables(name: str) -> None:
    assert known_variable(parse_name(name)).warning


def test_what_vendors_add_is_not_guessed_at() -> None:
    assert known_variable(VariablePlace("", "AcmeFanCurve")) is NOTHING_KNOWN
    assert known_variable(VariablePlace("", "LightIntensity")).warning == ""
    assert known_variable(parse_name("Other.SecurityProfile")) is NOTHING_KNOWN


@pytest.mark.parametrize(
    ("name", "secret"),
    [
        ("AuthorizationKey", True),
        ("Acme_WifiPassword", True),
        ("ftp_passwd", True),
        ("ApiKey", True),
        ("wlan_psk", True),
        ("AuthorizationCacheEnabled", False),
        ("HeartbeatInterval", False),
        ("ConnectorPhaseRotation", False),
    ],
)
def test_secrets_are_known_by_their_names(name: str, secret: bool) -> None:
    assert holds_secret(VariablePlace("", name)) is secret


def test_the_password_for_signing_in_is_told_apart() -> None:
    assert is_password(VariablePlace("SecurityCtrlr", "BasicAuthPassword"))
    assert not is_password(VariablePlace("", "WifiPassword"))
