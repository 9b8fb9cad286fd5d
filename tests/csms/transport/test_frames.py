"""Frames as they come and as they should not, and against `websockets` as a second opinion."""

from __future__ import annotations

import logging
import os
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Close, Frame, Opcode
from websockets.protocol import State
from websockets.server import ServerProtocol

from csms.ports.wire import BinaryMessage
from csms.transport.frames import (
    CloseFrame,
    Event,
    FrameReader,
    Ping,
    Violation,
    close_frame,
    may_be_sent,
    pong_frame,
    text_frame,
)

MAX = 70_000
_log = logging.getLogger("tests.frames")
_log.setLevel(logging.ERROR)


def masked(first: int, payload: bytes, *, mask: bytes = b"\x01\x02\x03\x04", length: int | None = None) -> bytes:
    """A frame as a station sends it; `length` lies about the payload."""
    size = len(payload) if length is None else length
    if size < 126:
        head = bytes((first, 0x80 | size))
    elif size < 65_536:
        head = bytes((first, 0xFE)) + struct.pack("!H", size)
    else:
        head = bytes((first, 0xFF)) + struct.pack("!Q", size)
    return head + mask + bytes(byte ^ mask[n % 4] for n, byte in enumerate(payload))


def read(*chunks: bytes, max_size: int = MAX) -> list[Event]:
    reader = FrameReader(max_size)
    events: list[Event] = []
    for chunk in chunks:
        events += reader.feed(chunk)
        if events and isinstance(events[-1], Violation | CloseFrame):
            break
    return events


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 65_535, 65_536])
def test_a_text_of_any_length_form_comes_whole(size: int) -> None:
    text = os.urandom(size)
    assert read(masked(0x81, text)) == [text]
    assert read(masked(0x81, text, mask=bytes(4))) == [text]


def test_a_message_that_comes_byte_by_byte_is_whole() -> None:
    frame = masked(0x81, b"x" * 200) + masked(0x82, b"y")
    assert read(*(bytes([byte]) for byte in frame)) == [b"x" * 200, BinaryMessage(b"y")]


def test_a_text_right_behind_an_unfinished_message_is_refused() -> None:
    assert read(masked(0x01, b"a"), masked(0x81, b"b")) == [Violation(1002, "expected a continuation frame")]


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        (b"\x81\x02{}", 1002),  # not masked
        (masked(0xC1, b"{}"), 1002),  # compressed, which nobody agreed on
        (masked(0x83, b""), 1002),
        (masked(0x09, b""), 1002),
        (masked(0x89, b"x" * 126), 1002),
        (masked(0x80, b""), 1002),
        (masked(0x88, b"x"), 1002),
        (masked(0x88, struct.pack("!H", 1005)), 1002),
        (masked(0x88, struct.pack("!H", 1000) + b"\xff"), 1007),
        (masked(0x81, b"", length=MAX + 1), 1009),
        (masked(0x81, b"", length=2**63), 1009),
    ],
)
def test_what_breaks_the_protocol_says_with_which_code_to_close(frame: bytes, code: int) -> None:
    (event,) = read(frame)
    assert isinstance(event, Violation)
    assert event.code == code


def test_a_ping_between_fragments_and_a_goodbye() -> None:
    goodbye = struct.pack("!H", 1001) + b"bye"
    assert read(
        masked(0x01, b"a") + masked(0x89, b"p"), masked(0x8A, b"q") + masked(0x80, b"b") + masked(0x88, goodbye)
    ) == [
        Ping(b"p"),
        b"ab",
        CloseFrame(1001, "bye", goodbye),
    ]
    assert read(masked(0x88, b"")) == [CloseFrame(1005, "", b"")]


def test_what_we_say_is_what_a_client_reads() -> None:
    assert text_frame(b"a" * 125) == Frame(Opcode.TEXT, b"a" * 125).serialize(mask=False)
    assert text_frame(b"a" * 126) == Frame(Opcode.TEXT, b"a" * 126).serialize(mask=False)
    assert text_frame(b"a" * 70_000) == Frame(Opcode.TEXT, b"a" * 70_000).serialize(mask=False)
    assert pong_frame(b"x") == Frame(Opcode.PONG, b"x").serialize(mask=False)
    assert close_frame(1000, "é") == Frame(Opcode.CLOSE, Close(1000, "é").serialize()).serialize(mask=False)
    assert [code for code in (1000, 1005, 1006, 1013, 1015, 3000, 4999, 5000) if may_be_sent(code)] == [
        1000,
        1013,
        3000,
        4999,
    ]


FRAMES = st.builds(
    masked,
    st.one_of(st.sampled_from((0x81, 0x01, 0x80, 0x00, 0x82, 0x02, 0x88, 0x89, 0x8A)), st.integers(0, 255)),
    st.one_of(st.binary(max_size=10), st.binary(min_size=120, max_size=140), st.just(struct.pack("!H", 1000) + b"bye")),
    mask=st.binary(min_size=4, max_size=4),
)


@given(st.lists(FRAMES, max_size=8).map(b"".join), st.lists(st.integers(1, 50), max_size=10), st.integers(100, 400))
def test_another_library_reads_the_same(data: bytes, cuts: list[int], max_size: int) -> None:
    """Whatever comes, however it is cut: the same messages, and the same end."""
    chunks, at = [], 0
    for cut in cuts:
        chunks.append(data[at : at + cut])
        at += cut
    chunks = [chunk for chunk in (*chunks, data[at:]) if chunk]
    ours = read(*chunks, max_size=max_size)
    theirs, code = second_opinion(chunks, max_size)
    assert [event for event in ours if isinstance(event, bytes | BinaryMessage)] == theirs
    end = ours[-1].code if ours and isinstance(ours[-1], Violation | CloseFrame) else None
    # A frame that is wrong in two ways: which of them is named is anybody's choice.
    assert end == code or {end, code} <= {1002, 1007, 1009}


def second_opinion(chunks: list[bytes], max_size: int) -> tuple[list[bytes | BinaryMessage], int | None]:
    protocol = ServerProtocol(max_size=max_size, logger=_log, state=State.OPEN)
    found: list[bytes | BinaryMessage] = []
    parts: list[bytes] = []
    binary = False
    for chunk in chunks:
        protocol.receive_data(chunk)
        for frame in protocol.events_received():
            assert isinstance(frame, Frame)
            if frame.opcode in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
                binary = frame.opcode is Opcode.BINARY if frame.opcode is not Opcode.CONT else binary
                parts.append(bytes(frame.data))
                if frame.fin:
                    found.append(BinaryMessage(b"".join(parts)) if binary else b"".join(parts))
                    parts = []
    sent, received = protocol.close_sent, protocol.close_rcvd
    if received is not None and sent is not None and sent.reason == "incomplete fragmented message":
        sent = received  # that library objects; RFC 6455 §5.4 lets control frames come between fragments
    return found, None if sent is None else int(sent.code)
