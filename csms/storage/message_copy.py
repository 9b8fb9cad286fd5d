"""Entries of the message log as they wait, and the bytes of PostgreSQL's binary COPY that they become.

Every message of every station passes here twice, in and out. So an entry keeps the frame as the bytes that it was, and
is packed by hand: no text is made of it unless somebody reads it.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

from csms.ports.message_log import Direction, LogEntry
from csms.storage.text import clean

COLUMNS: Final = LogEntry.__struct_fields__
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_TO_POSTGRES: Final = -946_684_800 * 1_000_000
"""From microseconds since 1970 to those since 2000, which PostgreSQL counts."""

# PostgreSQL, "COPY, Binary Format": a signature; then rows, each the number of its fields and, for each, its length and
# its bytes; -1 for the length of NULL, and for the number of fields at the end.
_BEGIN: Final = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0"
_END: Final = b"\xff\xff"
_NULL: Final = b"\xff\xff\xff\xff"
_numbers: Final = struct.Struct(">hiqiqiqih").pack
_length: Final = struct.Struct(">i").pack
_double: Final = struct.Struct(">id").pack


class Noted(msgspec.Struct, frozen=True, gc=False):
    """An entry on its way. `at_us`: microseconds since 1970."""

    sequence: int
    station_id: int
    at_us: int
    direction: Direction
    message_type: str
    action: str
    message_id: str
    content: bytes | str
    latency_s: float | None

    def read(self) -> LogEntry:
        """As people see it."""
        content = self.content
        return LogEntry(
            self.sequence,
            self.station_id,
            moment(self.at_us),
            self.direction,
            self.message_type,
            self.action,
            self.message_id,
            content if isinstance(content, str) else content.decode("utf-8", "replace"),
            self.latency_s,
        )


def moment(at_us: int) -> datetime:
    """Microseconds since 1970 as a time."""
    return _EPOCH + timedelta(microseconds=at_us)


def packed(entries: Iterable[Noted]) -> bytes:
    """The rows, for `COPY message_log (…) FROM STDIN (FORMAT binary)`; what PostgreSQL cannot keep is left out."""
    parts = [_BEGIN]
    kinds: dict[tuple[str, str], bytes] = {}
    for entry in entries:
        kind = (entry.message_type, entry.action)
        middle = kinds.get(kind)
        if middle is None:
            middle = kinds[kind] = _text(kind[0]) + _text(kind[1])
        latency = entry.latency_s
        parts += (
            _numbers(
                len(COLUMNS),
                8,
                entry.sequence,
                8,
                entry.station_id,
                8,
                entry.at_us + _TO_POSTGRES,
                2,
                entry.direction,
            ),
            middle,
            _text(entry.message_id),
            _text(entry.content),
            _NULL if latency is None or not math.isfinite(latency) else _double(8, latency),
        )
    parts.append(_END)
    return b"".join(parts)


def _text(text: bytes | str) -> bytes:
    if isinstance(text, str):
        data = clean(text).encode()
    elif text.isascii() and b"\0" not in text:
        data = text
    else:
        data = clean(text.decode("utf-8", "replace")).encode()
    return _length(len(data)) + data
