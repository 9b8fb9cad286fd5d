"""A closed loop of MeterValues over many connections, cheap enough never to be the limit.

Plain sockets and epoll in one process; frames are built once and patched, and masked with the mask 0 (RFC 6455
§5.3 asks for a mask, not
for a good one; ours is the only client that this server has to fear). Each connection has one CALL in flight, as
OCPP wants it.
"""

from __future__ import annotations

import base64
import json
import os
import select
import socket
import struct
import time
from dataclasses import dataclass

_EPOCH = 1_767_225_600  # 2026-01-01


@dataclass
class Figures:
    """What the clients saw."""

    messages: int
    seconds: float
    latencies_ms: list[float]


class Client:
    """One simulated station's connection."""

    def __init__(self, host: str, port: int, identity: str) -> None:
        self.sock = socket.create_connection((host, port), timeout=20)
        self.identity = identity
        self.buffer = b""
        self.serial = 0
        self.sent_at = 0.0
        key = base64.b64encode(os.urandom(16)).decode()
        self.sock.sendall(
            f"GET /ocpp/{identity} HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: ocpp1.6\r\n\r\n".encode()
        )
        answer = b""
        while b"\r\n\r\n" not in answer:
            data = self.sock.recv(4096)
            if not data:
                raise ConnectionError(f"no handshake for {identity}: {answer!r}")
            answer += data
        if b" 101 " not in answer.split(b"\r\n", 1)[0]:
            raise ConnectionError(answer.decode(errors="replace"))
        self.buffer = answer.split(b"\r\n\r\n", 1)[1]

    def call(self, action: str, payload: dict[str, object]) -> object:
        """A CALL and its answer, blocking. Frames of the server's own are skipped."""
        self.serial += 1
        message_id = f"s{self.serial}"
        self.sock.sendall(frame(json.dumps([2, message_id, action, payload]).encode()))
        while True:
            for text in self.take():
                message = json.loads(text)
                if message[0] in (3, 4) and message[1] == message_id:
                    return message[2] if message[0] == 3 else message
            data = self.sock.recv(65536)
            if not data:
                raise ConnectionError(f"{self.identity} was closed")
            self.buffer += data

    def take(self) -> list[bytes]:
        """Whole text messages that have come."""
        found = []
        while len(self.buffer) >= 2:
            length, begin = self.buffer[1] & 127, 2
            if length == 126:
                if len(self.buffer) < 4:
                    break
                length, begin = struct.unpack_from("!H", self.buffer, 2)[0], 4
            if len(self.buffer) < begin + length:
                break
            opcode = self.buffer[0] & 15
            if opcode == 1:
                found.append(self.buffer[begin : begin + length])
            elif opcode == 8:
                raise ConnectionError(f"{self.identity} was closed: {self.buffer[begin : begin + length]!r}")
            elif opcode == 9:
                self.sock.sendall(b"\x8a\x80\0\0\0\0")
            self.buffer = self.buffer[begin + length :]
        return found

    def meter_values(self, transaction_id: int) -> bytes:
        """The next MeterValues of four samples, as a frame."""
        self.serial += 1
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(_EPOCH + self.serial))
        text = (
            f'[2,"m{self.serial}","MeterValues",{{"connectorId":1,"transactionId":{transaction_id},"meterValue":'
            f'[{{"timestamp":"{stamp}Z","sampledValue":['
            f'{{"value":"{1_000_000 + self.serial}","context":"Sample.Periodic",'
            '"measurand":"Energy.Active.Import.Register","location":"Outlet","unit":"Wh"},'
            '{"value":"7212.4","context":"Sample.Periodic","measurand":"Power.Active.Import","location":"Outlet","unit":"W"},'
            '{"value":"31.4","context":"Sample.Periodic","measurand":"Current.Import","location":"Outlet","unit":"A","phase":"L1"},'
            '{"value":"229.7","context":"Sample.Periodic","measurand":"Voltage","location":"Outlet","unit":"V","phase":"L1"}]}]}]'
        )
        return frame(text.encode())


def frame(text: bytes) -> bytes:
    """A masked text frame (mask 0)."""
    length = len(text)
    head = bytes((0x81, 0x80 | length)) if length < 126 else b"\x81" + struct.pack("!BH", 0xFE, length)
    return head + b"\0\0\0\0" + text


def saturate(clients: list[Client], transactions: list[int], seconds: float, *, warm_up: float = 2.0) -> Figures:
    """Each client sends, waits for the answer, sends again. Counted after the warm-up."""
    poll = select.epoll()
    by_fd = {}
    for client, transaction in zip(clients, transactions, strict=True):
        client.sock.setblocking(False)
        poll.register(client.sock.fileno(), select.EPOLLIN)
        by_fd[client.sock.fileno()] = (client, transaction)
        client.sent_at = time.perf_counter()
        client.sock.send(client.meter_values(transaction))
    begin = time.perf_counter() + warm_up
    end = begin + seconds
    messages, latencies = 0, []
    while (now := time.perf_counter()) < end:
        for fd, _ in poll.poll(0.5, 512):
            client, transaction = by_fd[fd]
            try:
                data = client.sock.recv(65536)
            except BlockingIOError:
                continue
            if not data:
                raise ConnectionError(f"{client.identity} was closed")
            client.buffer += data
            for text in client.take():
                if text[1:2] == b"4":
                    raise RuntimeError(text.decode())
                now = time.perf_counter()
                if now >= begin:
                    messages += 1
                    latencies.append((now - client.sent_at) * 1000)
                client.sent_at = now
                client.sock.send(client.meter_values(transaction))
    poll.close()
    for client in clients:
        client.sock.setblocking(True)
    return Figures(messages, time.perf_counter() - begin, latencies)
