"""Things that no station should ever send, and some do.

A list is sent as JSON, a string as a text frame, bytes as they are: whole WebSocket frames, right or wrong.
"""

from __future__ import annotations

from random import Random
from typing import Final

from loadtest.saturate_wire import frame

Piece = str | bytes | list[object]

HUGE: Final = 4 << 20
_TEXT: Final[tuple[str, ...]] = (
    "",
    "not JSON at all",
    '{"an": "object"}',
    '"a string"',
    "[]",
    "[2]",
    '[2,"garbage-1"]',
    '[2,"garbage-2","Heartbeat"]',
    '[2,"garbage-3","Heartbeat",[]]',
    '[2,"garbage-4","Heartbeat",{},"too","many"]',
    '[2,"","Heartbeat",{}]',
    '[2,17,"Heartbeat",{}]',
    '[2,"garbage-5",17,{}]',
    '[2,"garbage-6","NoSuchAction",{"x":1}]',
    '[2,"garbage-7","MeterValues",{"connectorId":"one"}]',
    '[2,"garbage-8","StatusNotification",{"connectorId":1,"errorCode":"OutOfCoffee","status":"Asleep"}]',
    '[2,"garbage-9","Heartbeat",{"unexpected":true}]',
    '[2,"garbage-10","Heartbeat",{',
    '[2,"garbage-11","DataTransfer",{"vendorId":"\\u0000"}]',
    '[3,"nobody-asked",{}]',
    '[4,"nobody-asked","GenericError","",{}]',
    '[99,"garbage-12","Heartbeat",{}]',
    "[" * 5000,
)


def pieces(random: Random) -> list[Piece]:
    """All of it, in random order."""
    found: list[Piece] = [*_TEXT, *_frames()]
    random.shuffle(found)
    return found


def _frames() -> list[bytes]:
    """Frames that a WebSocket library would not send."""
    text = frame(b'[2,"garbage-20","Heartbeat",{}]')
    return [
        b"\x82" + text[1:],  # binary
        frame(b'[2,"garbage-21","DataTransfer",{"vendorId":"\xff\xfe"}]'),  # not UTF-8
        frame(b'[2,"garbage-22","DataTransfer",{"data":"' + b"x" * HUGE + b'"}]'),
        b"\x85" + text[1:],  # an opcode that is not there
        b"\xc1" + text[1:],  # a reserved bit
    ]
