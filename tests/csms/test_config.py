"""Settings that are more than a value."""

from __future__ import annotations

import pytest

from csms.config import Address, Settings, SettingsError


def test_where_stations_connect_by_tls() -> None:
    assert Settings().tls_listen is None
    assert Settings(ocpp_tls_listen=":9443", ocpp_min_security_profile=3).tls_listen == Address("0.0.0.0", 9443)


@pytest.mark.parametrize(
    ("text", "host", "port"), [("127.0.0.1:9000", "127.0.0.1", 9000), ("[::1]:80", "::1", 80), (":1", "0.0.0.0", 1)]
)
def test_addresses(text: str, host: str, port: int) -> None:
    assert Address.parse(text) == Address(host, port)


@pytest.mark.parametrize("text", ["", "9000", "host:", "host:x", "host:70000"])
def test_no_addresses(text: str) -> None:
    with pytest.raises(ValueError, match="HOST:PORT"):
        Address.parse(text)


@pytest.mark.parametrize("name", ["ocpp_trusted_proxies", "control_trusted_proxies"])
def test_a_network_that_is_none_is_said_at_the_start(name: str) -> None:
    with pytest.raises(SettingsError, match=f"{name}: '10.1.2.3/16' is an address inside a network. Write 10.1.0.0/16"):
        Settings(**{name: "127.0.0.1, 10.1.2.3/16"})


def test_who_is_trusted_is_an_address_or_in_a_network() -> None:
    settings = Settings(ocpp_trusted_proxies="10.1.0.0/16", control_trusted_proxies="192.0.2.7,2001:db8::/32")
    assert "10.1.2.3" in settings.ocpp_proxies
    assert "192.0.2.7" in settings.control_proxies
    assert "2001:db8::5" in settings.control_proxies
    assert not Settings().ocpp_proxies
