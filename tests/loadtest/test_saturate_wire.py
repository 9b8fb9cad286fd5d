"""The cheap WebSocket client: frames that come in pieces, several at once, or not at all."""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections.abc import Iterator

import pytest

from loadtest.saturate_wire import Closed, Wire, frame

OPEN = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"


class Peer:
    """A server for one connection, that says what the test says."""

    def __init__(self, opening: bytes = OPEN) -> None:
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port = int(self.listening.getsockname()[1])
        self.opening = opening
        self.request = b""
        self.sock: socket.socket | None = None
        self.thread = threading.Thread(target=self._accept)
        self.thread.start()

    def _accept(self) -> None:
        sock, _ = self.listening.accept()
        while b"\r\n\r\n" not in self.request:
            self.request += sock.recv(4096)
        sock.sendall(self.opening)
        self.sock = sock

    def wire(self, password: str | None = None) -> Wire:
        return Wire("127.0.0.1", self.port, "/ocpp/A%201", "A 1", password=password, source="127.0.0.2")

    def say(self, data: bytes) -> None:
        self.thread.join()
        assert self.sock is not None
        self.sock.sendall(data)

    def close(self) -> None:
        self.thread.join()
        self.listening.close()
        if self.sock is not None:
            self.sock.close()


@pytest.fixture
def peer() -> Iterator[Peer]:
    made = Peer()
    yield made
    made.close()


def text_frame(text: bytes) -> bytes:
    length = len(text)
    return b"\x81" + (bytes([length]) if length < 126 else struct.pack("!BH", 126, length)) + text


def test_it_knocks_with_its_identity_its_password_and_its_address(peer: Peer) -> None:
    wire = peer.wire("secret")
    peer.thread.join()
    wire.close()
    head = peer.request.decode()
    assert head.startswith("GET /ocpp/A%201 HTTP/1.1\r\n")
    assert "\r\nSec-WebSocket-Protocol: ocpp1.6\r\n" in head
    assert "\r\nAuthorization: Basic QSAxOnNlY3JldA==\r\n" in head
    assert peer.sock is not None
    assert peer.sock.getpeername()[0] == "127.0.0.2"


def test_several_frames_at_once_and_one_in_pieces(peer: Peer) -> None:
    wire = peer.wire()
    long = b"x" * 300
    whole = text_frame(b"one") + text_frame(long) + text_frame(b"three")
    peer.say(whole[:50])
    assert wire.take_in() == [b"one"]
    peer.say(whole[50:])
    found: list[bytes] = []
    while len(found) < 2:
        found += wire.take_in()
    assert found == [long, b"three"]
    wire.close()


def test_a_ping_is_answered_and_a_close_is_the_end(peer: Peer) -> None:
    wire = peer.wire()
    peer.say(b"\x89\x00")
    assert wire.take_in() == []
    assert peer.sock is not None
    assert peer.sock.recv(100) == b"\x8a\x80\0\0\0\0"
    peer.say(b"\x88\x02\x03\xe8")
    with pytest.raises(Closed, match="closed by the server"):
        wire.take_in()
    wire.close()


def test_nothing_there_is_nothing_and_a_lost_link_is_told(peer: Peer) -> None:
    wire = peer.wire()
    wire.unblock()
    assert wire.take_in() == []
    peer.say(b"")
    assert peer.sock is not None
    peer.sock.close()
    wire.sock.setblocking(True)
    with pytest.raises(Closed, match="link lost"):
        wire.take_in()
    wire.close()


def test_a_call_waits_for_its_own_answer(peer: Peer) -> None:
    wire = peer.wire()
    peer.say(text_frame(b'[2,"x","TriggerMessage",{}]') + text_frame(b'[3,"s1",{"status":"Accepted"}]'))
    assert wire.call("Heartbeat", {}) == {"status": "Accepted"}
    wire.close()


def test_who_is_turned_away_hears_why() -> None:
    peer = Peer(b"HTTP/1.1 401 Unauthorized\r\n\r\n")
    with pytest.raises(Closed, match="handshake: HTTP 401"):
        peer.wire()
    peer.close()
    with pytest.raises(Closed, match="connect: ConnectionRefusedError"):
        peer.wire()


@pytest.mark.parametrize("length", [5, 125, 126, 65535, 65536])
def test_frames_say_their_length(length: int) -> None:
    text = json.dumps("x" * (length - 2)).encode()
    data = frame(text)
    assert data[0] == 0x81
    assert data[1] & 0x80  # masked, with 0
    assert data.endswith(b"\0\0\0\0" + text)
