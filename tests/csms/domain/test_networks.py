"""Who is trusted, as people write it."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from csms.domain.networks import Networks

SOME = Networks.parse("192.0.2.7, 10.1.0.0/16,10.2.0.0/16 , 198.51.100.128/25, 2001:db8::/32, ::1")


@pytest.mark.parametrize(
    "address",
    ["192.0.2.7", "10.1.0.0", "10.2.255.255", "198.51.100.128", "2001:db8::", "2001:db8:ffff::1", "::1"],
)
def test_inside(address: str) -> None:
    assert address in SOME


@pytest.mark.parametrize(
    "address",
    [
        "192.0.2.8",
        "10.0.255.255",
        "10.3.0.0",
        "198.51.100.127",
        "2001:db9::",
        "::2",
        "::",
        "local",
        "",
        "10.1",
        "unix:",
    ],
)
def test_outside(address: str) -> None:
    assert address not in SOME


def test_nobody_is_in_an_empty_setting() -> None:
    for text in ("", " ", ", ,"):
        found = Networks.parse(text)
        assert not found
        assert found == Networks()
        assert "127.0.0.1" not in found


def test_everybody_can_be_meant() -> None:
    assert "203.0.113.9" in Networks.parse("0.0.0.0/0")
    assert "::1" not in Networks.parse("0.0.0.0/0")


@pytest.mark.parametrize(
    "text", ["balancer", "10.0.0.300", "10.0.0.0/33", "10.0.0.1:9000", "192.0.2.7;192.0.2.8", "/8"]
)
def test_a_word_that_is_no_network_is_named(text: str) -> None:
    with pytest.raises(ValueError, match=r"is neither an address nor a network\. Write 192.0.2.7 or 192.0.2.0/24"):
        Networks.parse(f"127.0.0.1, {text}")


def test_an_address_with_the_length_of_a_network_is_asked_back() -> None:
    with pytest.raises(ValueError, match=r"Write 10.0.0.0/8 for the network, 10.0.0.1 for the one\."):
        Networks.parse("10.0.0.1/8")


@given(
    st.lists(
        st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)).flatmap(
            lambda each: st.integers(0, each.max_prefixlen).map(lambda length: (each, length))
        ),
        max_size=5,
    ),
    st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)),
)
def test_it_agrees_with_the_plain_way(
    written: list[tuple[IPv4Address | IPv6Address, int]], asked: IPv4Address | IPv6Address
) -> None:
    members = [ip_network(f"{address}/{length}", strict=False) for address, length in written]
    found = Networks.parse(",".join(map(str, members)))
    assert found.members == tuple(members)
    assert (str(asked) in found) == any(asked in member for member in members)
    assert all(str(address) in found for address, _ in written)
