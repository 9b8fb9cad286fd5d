"""What every message log promises."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from csms.domain.errors import Exhausted
from csms.ports.message_log import Direction, LogFilter
from tests.kit.storage_world import Storage, storage, storage_url

__all__ = ["storage", "storage_url"]


@pytest.mark.feature("F-OCPP-12")
async def test_entries_are_read_newest_first_page_by_page_whether_written_or_not(storage: Storage) -> None:
    log = storage.message_log
    for n in range(25):
        log.record(1 + n % 2, Direction.RECEIVED, b'[2,"%d","Heartbeat",{}]' % n, action="Heartbeat", message_id=str(n))
    seen: list[str] = []
    before: int | None = None
    while page := await log.page(1, size=4, before=before, wanted=LogFilter()):
        seen += [entry.message_id for entry in page]
        before = page[-1].sequence
    assert seen == [str(n) for n in range(24, -1, -2)]
    assert list(await log.page(10**30, size=4, before=None, wanted=LogFilter())) == []


@pytest.mark.feature("F-OCPP-12")
async def test_entries_are_filtered(storage: Storage) -> None:
    log, now = storage.message_log, datetime.now(UTC)
    log.record(1, Direction.RECEIVED, b'[2,"1","Heartbeat",{}]', message_type="CALL", action="Heartbeat")
    log.record(1, Direction.SENT, '[3,"1",{"x":"50%"}]', message_type="CALLRESULT", action="Heartbeat", latency_s=0.1)
    log.record(1, Direction.REMARK, "A late answer was dropped.")
    for wanted, expected in (
        (LogFilter(), ["REMARK", "SENT", "RECEIVED"]),
        (LogFilter(action="Heartbeat"), ["SENT", "RECEIVED"]),
        (LogFilter(direction=Direction.SENT), ["SENT"]),
        (LogFilter(query="50%"), ["SENT"]),
        (LogFilter(query="LATE answer"), ["REMARK"]),
        (LogFilter(at_from=now + timedelta(hours=1)), []),
        (LogFilter(at_from=now - timedelta(hours=1), at_to=now + timedelta(hours=1)), ["REMARK", "SENT", "RECEIVED"]),
        (LogFilter(at_to=now - timedelta(hours=1)), []),
    ):
        page = await log.page(1, size=9, before=None, wanted=wanted)
        assert [entry.direction.name for entry in page] == expected, wanted
    sent = (await log.page(1, size=9, before=None, wanted=LogFilter(direction=Direction.SENT)))[0]
    assert (sent.message_type, sent.latency_s) == ("CALLRESULT", 0.1)


async def test_a_giant_frame_is_cut_and_rubbish_does_no_harm(storage: Storage) -> None:
    log = storage.message_log
    log.record(1, Direction.RECEIVED, b"x" * 100_000)
    log.record(1, Direction.RECEIVED, b"\xff\x00\xfe")
    log.record(1, Direction.SENT, "half \ud800 and \0")
    page = await log.page(1, size=9, before=None, wanted=LogFilter())
    assert len(page) == 3
    assert len(page[2].content) == 16 * 1024


@pytest.mark.feature("F-OCPP-12")
async def test_a_follower_sees_its_station_from_now_on(storage: Storage) -> None:
    log = storage.message_log
    log.record(1, Direction.RECEIVED, "before")
    async with log.tail(1) as tail:
        assert list(await tail.next_batch(tick=0.001)) == []
        for text in ("one", "two"):
            log.record(1, Direction.RECEIVED, text)
        log.record(2, Direction.RECEIVED, "of another")
        assert [entry.content for entry in await tail.next_batch(tick=5)] == ["one", "two"]
        assert list(await tail.next_batch(tick=0.001)) == []
    log.record(1, Direction.RECEIVED, "nobody follows")


async def test_a_follower_that_does_not_read_is_told(storage: Storage) -> None:
    async with storage.message_log.tail(1) as tail:
        for n in range(1_001):
            storage.message_log.record(1, Direction.RECEIVED, str(n))
        with pytest.raises(Exhausted) as caught:
            await tail.next_batch(tick=1)
    assert caught.value.reason == "WATCHER_TOO_SLOW"
