"""A WebSocket client for saturation: plain sockets, whole frames patched together, next to no parsing.

A simulated station of `loadtest.client` lives; one of these only has to be cheaper than the server that it
loads. Frames are masked with the mask 0: RFC 6455, 5.3 asks for a mask, and the server is ours to fear or not.
Answers are small and come alone, so that the usual one is recognised by its first bytes.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import select
import socket
import ssl
import struct
from typing import Final, Self

CONNECT_TIMEOUT: Final = 30.0
_READ: Final = 65536
_PONG: Final = b"\x8a\x80\0\0\0\0"

Json = dict[str, object]


class Closed(ConnectionError):
    """The connection ended, or never came about; the text says how."""


def frame(text: bytes) -> bytes:
    """A masked text frame."""
    length = len(text)
    if length < 126:
        return bytes((0x81, 0x80 | length)) + b"\0\0\0\0" + text
    if length < 65536:
        return b"\x81\xfe" + length.to_bytes(2, "big") + b"\0\0\0\0" + text
    return b"\x81\xff" + length.to_bytes(8, "big") + b"\0\0\0\0" + text


class Wire:
    """One station's connection. Blocking until `unblock`; then `take_in` and `send` want an epoll around them."""

    __slots__ = ("buffer", "identity", "serial", "sock")

    def __init__(
        self,
        host: str,
        port: int,
        resource: str,
        identity: str,
        *,
        password: str | None = None,
        subprotocol: str = "ocpp1.6",
        source: str | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """Connect and open the WebSocket. Raises Closed when the server will not have us."""
        self.identity = identity
        self.buffer = b""
        self.serial = 0
        try:
            sock = socket.create_connection((host, port), CONNECT_TIMEOUT, None if source is None else (source, 0))
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.sock = sock if tls is None else tls.wrap_socket(sock, server_hostname=host)
            self.sock.sendall(_opening(f"{host}:{port}", resource, identity, password, subprotocol))
            self.buffer = self._opened()
        except Closed:
            raise
        except OSError as error:
            raise Closed(f"connect: {type(error).__name__}") from error

    @classmethod
    def over(cls, sock: socket.socket, identity: str, buffer: bytes) -> Self:
        """On a connection whose WebSocket stands; `buffer` is what came after the opening."""
        made = cls.__new__(cls)
        made.sock, made.identity, made.buffer, made.serial = sock, identity, buffer, 0
        return made

    def _opened(self) -> bytes:
        """Read the server's answer to the opening; returns what came after it."""
        answer = b""
        while b"\r\n\r\n" not in answer:
            data = self.sock.recv(4096)
            if not data:
                raise Closed("handshake: closed by the server")
            answer += data
        try:
            return _read_answer(answer)
        except Closed:
            self.sock.close()
            raise

    def fileno(self) -> int:
        """The descriptor, for epoll."""
        return self.sock.fileno()

    def unblock(self) -> None:
        """From now on nothing here waits."""
        self.sock.setblocking(False)

    def call(self, action: str, payload: Json) -> object:
        """A CALL and its answer, blocking: the CALLRESULT's payload, or the whole CALLERROR."""
        self.serial += 1
        message_id = f"s{self.serial}"
        self.send(frame(json.dumps([2, message_id, action, payload]).encode()))
        while True:
            for text in self.take():
                message = json.loads(text)
                if message[0] in (3, 4) and message[1] == message_id:
                    return message[2] if message[0] == 3 else message
            data = self.sock.recv(_READ)
            if not data:
                raise Closed("link lost")
            self.buffer += data

    def send(self, data: bytes) -> None:
        """Send all of a frame. One message is in flight, so that the kernel nearly always has room at once."""
        try:
            sent = self.sock.send(data)
        except (BlockingIOError, ssl.SSLWantWriteError, ssl.SSLWantReadError):
            sent = 0
        except OSError as error:
            raise Closed("link lost") from error
        if sent != len(data):
            self._send_patiently(data[sent:])

    def _send_patiently(self, data: bytes) -> None:
        timeout = self.sock.gettimeout()
        self.sock.settimeout(CONNECT_TIMEOUT)
        try:
            self.sock.sendall(data)
        except OSError as error:
            raise Closed("link lost") from error
        finally:
            self.sock.settimeout(timeout)

    def take_in(self) -> list[bytes]:
        """What has come: whole text messages, none when there is only a part of one. Raises Closed at the end."""
        try:
            data = self.sock.recv(_READ)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return []
        except OSError as error:
            raise Closed("link lost") from error
        if not data:
            raise Closed("link lost")
        if not self.buffer and data[0] == 0x81 and data[1] + 2 == len(data) and data[1] < 126:
            return [data[2:]]
        self.buffer += data
        return self.take()

    def take(self) -> list[bytes]:
        """Whole text messages in the buffer; pings are answered. Raises Closed at a close frame."""
        found = []
        while len(self.buffer) >= 2:
            length, begin = self.buffer[1] & 127, 2
            if length >= 126:
                begin = 4 if length == 126 else 10
                if len(self.buffer) < begin:
                    break
                length = struct.unpack_from("!H" if begin == 4 else "!Q", self.buffer, 2)[0]
            if len(self.buffer) < begin + length:
                break
            opcode, body = self.buffer[0] & 15, self.buffer[begin : begin + length]
            self.buffer = self.buffer[begin + length :]
            if opcode == 1:
                found.append(body)
            elif opcode == 8:
                raise Closed("closed by the server")
            elif opcode == 9:
                self.send(_PONG)
        return found

    def close(self) -> None:
        """Without a goodbye."""
        self.sock.close()


class Opening:
    """A connection in the making, with nothing that waits: `step` when its descriptor is ready for what it `wants`."""

    __slots__ = ("_answer", "_request", "_state", "_tls", "identity", "sock", "wants")

    def __init__(
        self,
        address: tuple[socket.AddressFamily, tuple[object, ...]],
        host: str,
        resource: str,
        identity: str,
        *,
        password: str | None = None,
        subprotocol: str = "ocpp1.6",
        source: str | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """Begin to connect; `host` is that of the Host header. Raises Closed when the kernel will not."""
        self.identity = identity
        self.wants = select.EPOLLOUT
        self._tls = tls
        self._state = "connecting"
        self._answer = b""
        self._request = _opening(host, resource, identity, password, subprotocol)
        family, where = address
        try:
            self.sock: socket.socket = socket.socket(family, socket.SOCK_STREAM)
            self.sock.setblocking(False)
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if source is not None:
                with contextlib.suppress(OSError):  # Linux: the port is chosen at connect, and may serve several
                    self.sock.setsockopt(socket.IPPROTO_IP, 24, 1)  # IP_BIND_ADDRESS_NO_PORT
                self.sock.bind((source, 0))
            with contextlib.suppress(BlockingIOError):
                self.sock.connect(where)
        except OSError as error:
            raise Closed(f"connect: {type(error).__name__}") from error

    def step(self) -> Wire | None:
        """Go on as far as possible; the wire when all is done. Raises Closed when it came to nothing."""
        try:
            if self._state == "connecting":
                self._connected()
            if self._state == "tls":
                self._shake_hands()
            if self._state == "http":
                return self._heard()
        except (ssl.SSLWantReadError, BlockingIOError):
            self.wants = select.EPOLLIN
        except ssl.SSLWantWriteError:
            self.wants = select.EPOLLOUT
        except Closed:
            raise
        except OSError as error:
            stage = "connect" if self._state == "connecting" else "handshake"
            raise Closed(f"{stage}: {type(error).__name__}") from error
        return None

    def _connected(self) -> None:
        number = self.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if number:
            raise OSError(number, os.strerror(number))
        if self._tls is None:
            self._ask()
        else:
            name = self._request.partition(b"Host: ")[2].partition(b"\r\n")[0].decode().rpartition(":")[0].strip("[]")
            self.sock = self._tls.wrap_socket(self.sock, server_hostname=name, do_handshake_on_connect=False)
            self._state = "tls"

    def _shake_hands(self) -> None:
        if isinstance(self.sock, ssl.SSLSocket):
            self.sock.do_handshake()
        self._ask()

    def _ask(self) -> None:
        self.sock.sendall(self._request)  # some hundred bytes into an empty buffer
        self._request = b""
        self._state, self.wants = "http", select.EPOLLIN

    def _heard(self) -> Wire | None:
        data = self.sock.recv(4096)
        if not data:
            raise Closed("handshake: closed by the server")
        self._answer += data
        if b"\r\n\r\n" not in self._answer:
            return None
        return Wire.over(self.sock, self.identity, _read_answer(self._answer))

    def close(self) -> None:
        """Give it up."""
        self.sock.close()


def _read_answer(answer: bytes) -> bytes:
    """What came after the server's answer to the opening. Raises Closed when that is not 101."""
    head, _, rest = answer.partition(b"\r\n\r\n")
    status = head.split(b"\r\n", 1)[0].split(b" ")
    if len(status) < 2 or status[1] != b"101":
        raise Closed(f"handshake: HTTP {status[1].decode(errors='replace') if len(status) > 1 else '?'}")
    return rest


def _opening(host: str, resource: str, identity: str, password: str | None, subprotocol: str) -> bytes:
    lines = [
        f"GET {resource} HTTP/1.1",
        f"Host: {host}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}",
        "Sec-WebSocket-Version: 13",
        f"Sec-WebSocket-Protocol: {subprotocol}",
    ]
    if password is not None:
        lines.append("Authorization: Basic " + base64.b64encode(f"{identity}:{password}".encode()).decode())
    return ("\r\n".join(lines) + "\r\n\r\n").encode()
