"""The message log of a station as a file: a line per message, for machines (JSON lines) or for people (text)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import UTC
from functools import partial
from typing import Final

import msgspec

from webui.api import Client
from webui.export import going_on
from webui.values import Direction, LogBatch, LogEntry, LogQuery

Line = Callable[[LogEntry], bytes]
_ARROWS: Final = {Direction.RECEIVED: "<", Direction.SENT: ">"}


def resuming(client: Client, key: str, query: LogQuery) -> AsyncIterator[LogBatch]:
    """The export, going on after its cursor when the control plane goes away for a moment. Raises ApiError."""
    return going_on(partial(client.export_messages, key, query))


async def lines(batches: AsyncIterator[LogBatch], line: Line) -> AsyncIterator[bytes]:
    """A piece of the file per batch. A stream that breaks for good breaks the download: a short file must not look like
    a whole one."""
    async for batch in batches:
        yield b"".join(map(line, batch.entries))


def json_line(entry: LogEntry) -> bytes:
    """One object. The frame is a text in it: frames may be cut, or no JSON at all."""
    value = {
        "time": _time(entry),
        "direction": str(entry.direction),
        "messageType": entry.message_type,
        "action": entry.action,
        "messageId": entry.message_id,
        "latencySeconds": entry.latency,
        "content": entry.content,
    }
    return msgspec.json.encode({name: told for name, told in value.items() if told not in ("", None)}) + b"\n"


def text_line(entry: LogEntry) -> bytes:
    """Time, < from the station or > to it or # for a remark, action, frame."""
    content = entry.content.replace("\r", "\\r").replace("\n", "\\n")
    words = (_time(entry), _ARROWS.get(entry.direction, "#"), entry.action, content)
    return (" ".join(word for word in words if word) + "\n").encode()


def _time(entry: LogEntry) -> str:
    return entry.log_time.astimezone(UTC).isoformat(timespec="milliseconds") if entry.log_time else ""


FORMATS: Final[dict[str, tuple[Line, str]]] = {
    "jsonl": (json_line, "application/jsonl"),
    "txt": (text_line, "text/plain; charset=utf-8"),
}
"""Ending of the file → how a line is made, and the media type."""
