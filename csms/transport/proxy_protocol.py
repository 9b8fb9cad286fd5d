"""The PROXY protocol, versions 1 and 2: what a TCP balancer says before a connection's own first byte, sans I/O.

HAProxy's specification (doc/proxy-protocol.txt): §2.1 the line of version 1, §2.2 the binary header of version 2. Only
TCP over IPv4 and IPv6 makes sense here, and a balancer that speaks for itself (v1 UNKNOWN; v2 LOCAL, and UNSPEC).
Extensions of version 2 (TLVs) are passed over unread.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import Final

MAX_HEADER: Final = 4096
"""Bytes of the longest header taken. The addresses need 52; certificates in extensions make it longer."""

_LINE_BEGINS: Final = b"PROXY "
_MAX_LINE: Final = 107  # §2.1, with CR LF
_SIGNATURE: Final = b"\r\n\r\n\x00\r\nQUIT\n"
_FIXED: Final = 16  # signature, version and command, family, length
_LOCAL, _PROXY = 0, 1
_UNSPEC, _TCP4, _TCP6 = 0x00, 0x11, 0x21
_PORTS: Final = 4


class BadProxyHeader(ValueError):
    """It began like a header and is none; the message says why."""


@dataclass(frozen=True, slots=True)
class ProxyHeader:
    """`length`: bytes of the header, 0 when there is none. `source`: the address of who opened the connection, None
    when it is the balancer itself (a health check), or nothing was said of it."""

    length: int
    source: str | None = None


_NONE: Final = ProxyHeader(0)


def read_proxy_header(data: bytes) -> ProxyHeader | None:
    """What stands at the beginning of a connection; None: more bytes are needed to tell. No more than `MAX_HEADER`
    bytes are ever asked for. Raises BadProxyHeader."""
    if data[:1] == b"P":
        return _read_line(data) if _may_begin(data, _LINE_BEGINS) else _NONE
    return _read_binary(data) if _may_begin(data, _SIGNATURE) else _NONE


def _may_begin(data: bytes, with_: bytes) -> bool:
    return data[: len(with_)] == with_[: len(data)]


# -- version 1 -----------------------------------------------------------------------------------------------------


def _read_line(data: bytes) -> ProxyHeader | None:
    end = data.find(b"\r\n", 0, _MAX_LINE)
    if end < 0:
        if len(data) < _MAX_LINE:
            return None
        raise BadProxyHeader("its line has no end")
    length = end + 2
    try:
        words = data[:end].decode("ascii").split(" ")
    except UnicodeDecodeError:
        raise BadProxyHeader("its line is not ASCII") from None
    if words[1] == "UNKNOWN":  # what follows means nothing
        return ProxyHeader(length)
    if len(words) != 6 or words[1] not in ("TCP4", "TCP6"):
        raise BadProxyHeader("its line is not PROXY TCP4|TCP6 SOURCE TARGET PORT PORT")
    if not all(_is_port(word) for word in words[4:]):
        raise BadProxyHeader("its ports are none")
    source, _target = (_address(words[1], word) for word in words[2:4])
    return ProxyHeader(length, source)


def _is_port(word: str) -> bool:
    return word.isdecimal() and len(word) <= 5 and int(word) <= 65_535


def _address(family: str, word: str) -> str:
    try:
        return str(IPv4Address(word)) if family == "TCP4" else _plain(IPv6Address(word))
    except ValueError:
        raise BadProxyHeader(f"its addresses are not of the family {family}") from None


def _plain(address: IPv6Address) -> str:
    """As `csms.transport.sockets.host_of` writes it."""
    if address.scope_id is not None:
        raise BadProxyHeader("its address has a zone")
    return str(address.ipv4_mapped or address)


# -- version 2 -----------------------------------------------------------------------------------------------------


def _read_binary(data: bytes) -> ProxyHeader | None:
    if len(data) < _FIXED:
        return None
    version, command = data[12] >> 4, data[12] & 0x0F
    if version != 2 or command not in (_LOCAL, _PROXY):
        raise BadProxyHeader("its version or command is unknown")
    length = _FIXED + int.from_bytes(data[14:16])
    if length > MAX_HEADER:
        raise BadProxyHeader(f"it is longer than {MAX_HEADER} bytes")
    family = data[13]
    if command == _PROXY and family not in (_UNSPEC, _TCP4, _TCP6):
        raise BadProxyHeader("it is not about TCP over IPv4 or IPv6")
    if len(data) < length:
        return None
    if command == _LOCAL or family == _UNSPEC:
        return ProxyHeader(length)
    size = 4 if family == _TCP4 else 16
    if length < _FIXED + 2 * size + _PORTS:
        raise BadProxyHeader("it is too short for its addresses")
    packed = data[_FIXED : _FIXED + size]
    return ProxyHeader(length, str(IPv4Address(packed)) if family == _TCP4 else _plain(IPv6Address(packed)))
