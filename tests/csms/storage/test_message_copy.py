"""What is packed for COPY is what PostgreSQL reads back, whatever stations write."""

from __future__ import annotations

import asyncio
import io

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from csms.ports.message_log import Direction
from csms.storage.message_copy import COLUMNS, Noted, moment, packed

AT = 1_790_000_000_123_456


def noted(content: bytes | str = b"[3]", **fields: object) -> Noted:
    given: dict[str, object] = {
        "sequence": AT,
        "station_id": 7,
        "at_us": AT,
        "direction": Direction.SENT,
        "message_type": "CALLRESULT",
        "action": "Heartbeat",
        "message_id": "m1",
        "content": content,
        "latency_s": 0.25,
    }
    return Noted(**(given | fields))  # type: ignore[arg-type]


async def _through(dsn: str, entries: list[Noted]) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.copy_to_table(
            "message_log", source=io.BytesIO(packed(entries)), columns=COLUMNS, format="binary"
        )
        rows: list[asyncpg.Record] = await connection.fetch("SELECT * FROM message_log ORDER BY sequence")
        return rows
    finally:
        await connection.close()


def test_every_column_comes_back(database_url: str) -> None:
    entries = [
        noted(),
        noted(
            "A remark with é", sequence=AT + 1, latency_s=None, direction=Direction.REMARK, message_type="", action=""
        ),
        noted("héllo".encode(), sequence=AT + 2, latency_s=float("nan")),
        noted(b"half \xc3", sequence=AT + 3, action="\0Odd\ud800", message_id="\0"),
        noted(b"nul \0 in it", sequence=AT + 4, station_id=2**62, at_us=-1),
    ]
    rows = asyncio.run(_through(database_url, entries))
    assert [row["content"] for row in rows] == ["[3]", "A remark with é", "héllo", "half �", "nul  in it"]
    assert [row["latency_s"] for row in rows] == [0.25, None, None, 0.25, 0.25]
    assert [row["at"] for row in rows] == [moment(AT)] * 4 + [moment(-1)]
    assert [row["action"] for row in rows] == ["Heartbeat", "", "Heartbeat", "Odd", "Heartbeat"]
    assert (rows[4]["station_id"], rows[1]["direction"], rows[3]["message_id"]) == (2**62, Direction.REMARK, "")


@given(st.binary(max_size=200))
def test_anything_is_read_as_text(content: bytes) -> None:
    entry = noted(content).read()
    assert entry.content == content.decode("utf-8", "replace")
    assert entry.at == moment(AT)
    data = packed([noted(content)])
    assert data.startswith(b"PGCOPY\n\xff\r\n\0")
    assert data.endswith(b"\xff\xff")


@pytest.mark.parametrize("count", [0, 1, 3])
def test_each_entry_is_one_row(count: int, database_url: str) -> None:
    rows = asyncio.run(_through(database_url, [noted(sequence=AT + number) for number in range(count)]))
    assert len(rows) == count
