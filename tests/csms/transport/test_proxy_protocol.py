"""Headers of both versions, as balancers write them; and everything that only looks like one."""

from __future__ import annotations

import contextlib
import itertools

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from csms.transport.proxy_protocol import MAX_HEADER, BadProxyHeader, ProxyHeader, read_proxy_header

SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
REST = b"GET /ocpp/CP1 HTTP/1.1\r\n\r\n"

V1 = {
    b"PROXY TCP4 192.0.2.7 198.51.100.1 56324 443\r\n": "192.0.2.7",
    b"PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n": "255.255.255.255",
    b"PROXY TCP6 2001:db8::7 2001:db8::1 56324 443\r\n": "2001:db8::7",
    b"PROXY TCP6 2001:0DB8:0:0:0:0:0:7 ::1 1 2\r\n": "2001:db8::7",
    b"PROXY TCP6 ::ffff:192.0.2.7 ::1 1 2\r\n": "192.0.2.7",
    b"PROXY UNKNOWN\r\n": None,
    b"PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n": None,
}


def v2(head: str, body: str, more: bytes = b"") -> bytes:
    """From hexadecimal: version and command, family; addresses and ports. The length is reckoned."""
    content = bytes.fromhex(body) + more
    return SIGNATURE + bytes.fromhex(head) + len(content).to_bytes(2) + content


TCP4 = v2("21 11", "c0000207 c6336401 dc04 01bb")
"""As HAProxy 2.6 sends it with send-proxy-v2."""
TCP6 = v2("21 21", "20010db8000000000000000000000007 20010db8000000000000000000000001 dc04 01bb")
MAPPED = v2("21 21", "00000000000000000000ffffc0000207 00000000000000000000ffffc6336401 dc04 01bb")
V2 = {
    TCP4: "192.0.2.7",
    TCP6: "2001:db8::7",
    MAPPED: "192.0.2.7",
    v2("21 11", "c0000207 c6336401 dc04 01bb", b"\x03\x00\x04\xfd\x16\xee\x60" + b"\x05\x00\x02ab"): "192.0.2.7",
    v2("20 00", ""): None,  # LOCAL, HAProxy's health check
    v2("20 11", "c0000207 c6336401 dc04 01bb"): None,
    v2("20 31", "00" * 216): None,
    v2("21 00", ""): None,  # UNSPEC
    v2("21 00", "01020304"): None,
}
GOOD = V1 | V2

BAD = [
    b"PROXY TCP4 192.0.2.7\r\n",
    b"PROXY TCP4 192.0.2.7 198.51.100.1 56324\r\n",
    b"PROXY TCP4 192.0.2.7 198.51.100.1 56324 443 \r\n",
    b"PROXY  TCP4 192.0.2.7 198.51.100.1 56324 443\r\n",
    b"PROXY TCP4 192.0.2.7 198.51.100.1 56324 70000\r\n",
    b"PROXY TCP4 192.0.2.7 198.51.100.1 56324 -1\r\n",
    b"PROXY TCP4 192.0.2.7 198.51.100.1 56324 4e2\r\n",
    b"PROXY TCP4 192.0.2.07 198.51.100.1 56324 443\r\n",
    b"PROXY TCP4 2001:db8::7 2001:db8::1 56324 443\r\n",
    b"PROXY TCP6 192.0.2.7 198.51.100.1 56324 443\r\n",
    b"PROXY TCP6 fe80::1%eth0 fe80::2 56324 443\r\n",
    b"PROXY TCP4 192.0.2.7 nowhere 56324 443\r\n",
    b"PROXY UDP4 192.0.2.7 198.51.100.1 56324 443\r\n",
    b"PROXY tcp4 192.0.2.7 198.51.100.1 56324 443\r\n",
    b"PROXY \r\n",
    b"PROXY TCP4 \xff\xfe 198.51.100.1 56324 443\r\n",
    b"PROXY UNKNOWN " + b"x" * 100,
    b"PROXY TCP4 192.0.2.7 198.51.100.1 56324 443\n" + b"\n" * 80,
    SIGNATURE + b"\x11\x11\x00\x0c" + bytes(12),  # version 1 in binary
    SIGNATURE + b"\x22\x11\x00\x0c" + bytes(12),  # neither LOCAL nor PROXY
    v2("21 12", "c0000207 c6336401 dc04 01bb"),  # UDP
    v2("21 31", "00" * 216),  # a Unix socket
    v2("21 ff", ""),
    v2("21 11", "c0000207 c6336401 dc04"),
    v2("21 21", "c0000207 c6336401 dc04 01bb"),
    SIGNATURE + b"\x21\x11" + (MAX_HEADER - 15).to_bytes(2),
    SIGNATURE + b"\x21\x11\xff\xff",
]


@pytest.mark.parametrize(("header", "source"), GOOD.items())
def test_who_is_behind_it_and_where_it_ends(header: bytes, source: str | None) -> None:
    assert read_proxy_header(header) == ProxyHeader(len(header), source)
    assert read_proxy_header(header + REST) == ProxyHeader(len(header), source)
    assert read_proxy_header(header * 2) == ProxyHeader(len(header), source), "a second one is not ours to believe"


@pytest.mark.parametrize("header", GOOD)
def test_a_header_in_pieces_is_waited_for(header: bytes) -> None:
    for end in range(len(header)):
        assert read_proxy_header(header[:end]) is None, end


@pytest.mark.parametrize("header", BAD)
def test_what_begins_like_a_header_and_is_none(header: bytes) -> None:
    with pytest.raises(BadProxyHeader):
        read_proxy_header(header + REST)


@pytest.mark.parametrize(
    "data",
    [
        b"GET /ocpp/CP1 HTTP/1.1\r\n",
        b"POST /Ocpp/CentralSystemService15 HTTP/1.1\r\n",
        b"PUT",
        b"PROXIMITY",
        b"PROXY\tTCP4",
        b"PO",
        b"\x16\x03\x01\x02\x00",
        b"\r\n\r\nGET",
        b"\n",
        b"\x00",
    ],
)
def test_connections_that_speak_for_themselves_are_known_at_once(data: bytes) -> None:
    assert read_proxy_header(data) == ProxyHeader(0)


@given(st.binary(max_size=200), st.sampled_from([b"", b"PROXY ", b"PROXY TCP4 ", SIGNATURE, SIGNATURE + b"\x21\x11"]))
@example(b"", b"")
def test_garbage_is_told_from_headers(garbage: bytes, before: bytes) -> None:
    data = before + garbage
    try:
        found = read_proxy_header(data)
    except BadProxyHeader:
        return
    if found is None:
        assert len(data) < MAX_HEADER
    else:
        assert 0 <= found.length <= len(data)
        assert found.length or found.source is None


@given(st.sampled_from(list(GOOD)), st.data())
def test_a_header_with_a_broken_byte_is_read_or_refused(header: bytes, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(header) - 1))
    broken = header[:at] + data.draw(st.binary(min_size=1, max_size=1)) + header[at + 1 :]
    try:
        found = read_proxy_header(broken + REST)
    except BadProxyHeader:
        return
    assert found is None or found.length <= len(broken + REST)


@given(st.binary(max_size=5_000))
def test_an_endless_peer_is_not_listened_to_for_ever(data: bytes) -> None:
    """Never more than `MAX_HEADER` bytes are asked for, whatever the length says."""
    whole = SIGNATURE + b"\x21\x11" + data[:2].ljust(2, b"\x00") + data[2:].ljust(MAX_HEADER, b"\x00")
    with contextlib.suppress(BadProxyHeader):
        assert read_proxy_header(whole[:MAX_HEADER]) is not None


def test_every_address_is_written_as_the_kernel_would() -> None:
    for a, b in itertools.product((0, 1, 255), repeat=2):
        header = v2("21 11", f"{a:02x}00{b:02x}00 c6336401 dc04 01bb")
        assert read_proxy_header(header) == ProxyHeader(len(header), f"{a}.0.{b}.0")
