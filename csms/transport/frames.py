"""WebSocket frames, server side (RFC 6455 §5), without extensions and without I/O.

Nearly every read from a station is exactly one masked text frame: that case is taken apart in a few lines, all others
by `_Assembly`, which exists only while something is unfinished. A connection that waits costs nothing here, which is
why the handshake's protocol object (four KiB) is not kept for it.

The end of a connection belongs to `csms.transport.connection`; here, it is an event like others: `CloseFrame` (the
peer's word) or `Violation` (what we have to say, RFC 6455 §7.1.7). Nothing follows it.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from csms.ports.wire import BinaryMessage

try:
    from websockets.speedups import apply_mask
except ImportError:  # pragma: no cover - a platform without the compiled part
    from websockets.utils import apply_mask

NO_STATUS: Final = 1005
_PROTOCOL_ERROR: Final = 1002
_INVALID_DATA: Final = 1007
_TOO_BIG: Final = 1009
_CONTINUATION, _TEXT, _BINARY, _CLOSE, _PING, _PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
_FIN: Final = 0x80
_MASKED: Final = 0x80
_NO_MASK: Final = b"\0\0\0\0"
_CLOSE_CODES: Final = frozenset({1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014})


@dataclass(frozen=True, slots=True)
class Ping:
    """Answer it with a pong of the same bytes."""

    data: bytes


@dataclass(frozen=True, slots=True)
class CloseFrame:
    """The peer says goodbye. `data` is the payload, to be echoed; `code` is 1005 when it gave none."""

    code: int
    reason: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Violation:
    """The peer broke the protocol: close with this, and read no more."""

    code: int
    reason: str


Event = bytes | BinaryMessage | Ping | CloseFrame | Violation
"""bytes: a whole text message (its UTF-8 is the JSON decoder's to check)."""


class FrameReader:
    """Bytes of one connection in, events out."""

    __slots__ = ("_assembly", "_max_size")

    def __init__(self, max_size: int) -> None:
        self._max_size = max_size
        self._assembly: _Assembly | None = None

    def feed(self, data: bytes) -> Sequence[Event]:
        """What these bytes complete, in order; after a CloseFrame or a Violation, feed no more."""
        if self._assembly is None and len(data) > 6 and data[0] == _FIN | _TEXT:
            length, begin = data[1] - _MASKED, 6
            if length == 126 and len(data) > 8:
                length, begin = data[2] << 8 | data[3], 8
            if len(data) == begin + length and 0 <= length <= self._max_size and (length < 126 or begin == 8):
                return (_unmasked(data[begin:], data[begin - 4 : begin]),)
        assembly = self._assembly or _Assembly(self._max_size)
        events = assembly.feed(data)
        self._assembly = None if assembly.empty else assembly
        return events


class _Assembly:
    """What is unfinished: a frame whose rest has not come, a message whose last fragment has not come."""

    __slots__ = ("_bytes", "_fragments", "_fragments_binary", "_max_size")

    def __init__(self, max_size: int) -> None:
        self._max_size = max_size
        self._bytes = bytearray()
        self._fragments: bytearray | None = None  # one buffer: a million empty fragments weigh nothing
        self._fragments_binary = False

    @property
    def empty(self) -> bool:
        return not self._bytes and self._fragments is None

    def feed(self, data: bytes) -> list[Event]:
        self._bytes += data
        events: list[Event] = []
        at = 0
        while (head := self._head(at)) is not None:
            if isinstance(head, Violation):
                return [*events, head]
            begin, length = head
            if len(self._bytes) < begin + length:
                break
            first, mask = self._bytes[at], bytes(self._bytes[begin - 4 : begin])
            event = self._take(first, _unmasked(bytes(self._bytes[begin : begin + length]), mask))
            if event is not None:
                events.append(event)
            if isinstance(event, Violation | CloseFrame):
                return events
            at = begin + length
        del self._bytes[:at]
        return events

    def _head(self, at: int) -> tuple[int, int] | Violation | None:
        """(where the payload begins, its length) of the frame that begins at `at`; None: not all of it is here."""
        here = self._bytes
        if len(here) < at + 2:
            return None
        first, second = here[at], here[at + 1]
        opcode = first & 0x0F
        if opcode not in (_CONTINUATION, _TEXT, _BINARY, _CLOSE, _PING, _PONG):
            return Violation(_PROTOCOL_ERROR, "invalid opcode")
        if not second & _MASKED:
            return Violation(_PROTOCOL_ERROR, "incorrect masking")
        if first & 0x70:
            return Violation(_PROTOCOL_ERROR, "reserved bits must be 0")
        length, begin = second & 0x7F, at + 2
        if opcode & 0x08:
            if length > 125:
                return Violation(_PROTOCOL_ERROR, "control frame too long")
            if not first & _FIN:
                return Violation(_PROTOCOL_ERROR, "fragmented control frame")
        elif length >= 126:
            size, form = (2, "!H") if length == 126 else (8, "!Q")
            if len(here) < begin + size:
                return None
            (length,) = struct.unpack_from(form, here, begin)
            begin += size
        so_far = 0 if self._fragments is None or opcode & 0x08 else len(self._fragments)
        if length > self._max_size - so_far:
            return Violation(_TOO_BIG, f"a message has at most {self._max_size} bytes")
        return begin + 4, length

    def _take(self, first: int, payload: bytes) -> Event | None:
        opcode, fin = first & 0x0F, first & _FIN
        if opcode == _PING:
            return Ping(payload)
        if opcode == _PONG:
            return None
        if opcode == _CLOSE:
            return _farewell(payload)
        if opcode == _CONTINUATION:
            return self._continue(payload, last=bool(fin))
        if self._fragments is not None:
            return Violation(_PROTOCOL_ERROR, "expected a continuation frame")
        if not fin:
            self._fragments, self._fragments_binary = bytearray(payload), opcode == _BINARY
            return None
        return BinaryMessage(payload) if opcode == _BINARY else payload

    def _continue(self, payload: bytes, *, last: bool) -> Event | None:
        if self._fragments is None:
            return Violation(_PROTOCOL_ERROR, "unexpected continuation frame")
        self._fragments += payload
        if not last:
            return None
        whole, self._fragments = bytes(self._fragments), None
        return BinaryMessage(whole) if self._fragments_binary else whole


def _unmasked(payload: bytes, mask: bytes) -> bytes:
    return payload if mask == _NO_MASK else apply_mask(payload, mask)


def _farewell(payload: bytes) -> CloseFrame | Violation:
    """RFC 6455 §5.5.1, §7.4."""
    if not payload:
        return CloseFrame(NO_STATUS, "", b"")
    if len(payload) == 1:
        return Violation(_PROTOCOL_ERROR, "close frame too short")
    code = int.from_bytes(payload[:2], "big")
    try:
        reason = payload[2:].decode()
    except UnicodeDecodeError as error:
        return Violation(_INVALID_DATA, f"{error.reason} at position {error.start}")
    if code not in _CLOSE_CODES and not 3000 <= code < 5000:
        return Violation(_PROTOCOL_ERROR, "invalid status code")
    return CloseFrame(code, reason, payload)


# -- what we say; a server does not mask ------------------------------------------------------------------------


def text_frame(data: bytes) -> bytes:
    """One whole text message."""
    size = len(data)
    if size < 126:
        return bytes((_FIN | _TEXT, size)) + data
    if size < 65_536:
        return b"\x81\x7e" + size.to_bytes(2, "big") + data
    return b"\x81\x7f" + size.to_bytes(8, "big") + data


def pong_frame(data: bytes) -> bytes:
    """The answer to a ping; `data` is the ping's, at most 125 bytes."""
    return bytes((_FIN | _PONG, len(data))) + data


PING_FRAME: Final = bytes((_FIN | _PING, 0))


def close_frame(code: int, reason: str) -> bytes:
    """Goodbye. `reason` has at most 123 bytes in UTF-8."""
    return close_echo(code.to_bytes(2, "big") + reason.encode())


def close_echo(payload: bytes) -> bytes:
    """Goodbye with the peer's own payload."""
    return bytes((_FIN | _CLOSE, len(payload))) + payload


def may_be_sent(code: int) -> bool:
    """Whether a close frame may carry this code."""
    return code in _CLOSE_CODES or 3000 <= code < 5000
