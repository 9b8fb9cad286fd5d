"""Settings that are more than a value."""

from __future__ import annotations

import pytest

from csms.config import Address, Settings


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
