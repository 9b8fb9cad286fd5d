"""The queue of a station that was offline."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import UTC, datetime
from random import Random

import trio
import trio.testing

from loadtest.client import Address, Answer, Json, Link, connect
from loadtest.ledger import SessionRecord
from loadtest.outbox import Message, Outbox
from loadtest.tally import Tally
from tests.kit.fake_csms import FakeCsms


class Stage:
    def __init__(self, nursery: trio.Nursery, attempts: int = 3) -> None:
        self.csms = FakeCsms(nursery)
        self.tally = Tally(trio.current_time())
        self.outbox = Outbox(self.tally, retry_interval=2.0, attempts=attempts)
        self._ids: Iterator[str] = (str(number) for number in itertools.count(1))
        nursery.start_soon(self.outbox.run)

    def put(self, action: str, *, durable: bool = True, payload: Json | None = None) -> Message:
        return self.outbox.put(Message(action, lambda: payload or {}, trio.current_time(), durable))

    async def online(self, seconds: float, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        async with connect(
            self.csms.dial,
            Address("h", "/x/LT-1", "LT-1"),
            on_call=lambda action, payload: Answer({}),
            tally=self.tally,
            message_ids=self._ids,
            call_timeout=5,
        ) as client:
            self.outbox.go_online(client)
            task_status.started()
            with trio.move_on_after(seconds):
                await client.closed.wait()
            self.outbox.go_offline()


async def test_offline_only_what_matters_later_is_kept(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    stage = Stage(nursery)
    beat = stage.put("Heartbeat", durable=False)
    first, second = stage.put("Authorize"), stage.put("Heartbeat")
    assert beat.settled.is_set()
    assert beat.answer is None
    assert stage.outbox.durable_waiting == 2
    await stage.online(1)
    assert stage.csms.actions() == ["Authorize", "Heartbeat"]
    assert first.answer is not None
    assert second.answer is not None
    assert len(stage.outbox) == 0


async def test_payloads_are_made_when_sent(nursery: trio.Nursery, autojump_clock: trio.testing.MockClock) -> None:
    """A stop queued behind its start learns the transaction id from the start's answer."""
    stage = Stage(nursery)
    known: list[int] = []
    start: Json = {"connectorId": 1, "idTag": "A", "meterStart": 0, "timestamp": "2025-01-01T00:00:00Z"}

    def learn(answer: Json) -> None:
        known.append(int(str(answer["transactionId"])))

    stage.outbox.put(Message("StartTransaction", lambda: start, 0, durable=True, on_answer=learn))
    stage.outbox.put(Message("MeterValues", lambda: {"transactionId": known[0], "meterValue": []}, 0, durable=True))
    await stage.online(1)
    assert stage.csms.payloads("MeterValues") == [{"transactionId": known[0], "meterValue": []}]


async def test_link_lost_between_sending_and_answer_repeats_in_order(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    stage = Stage(nursery)
    stage.csms.delays["Authorize"] = 3.0
    stage.put("Authorize", payload={"idTag": "1"})
    stage.put("Heartbeat")
    await stage.online(1)  # gone before the answer
    stage.csms.delays.clear()
    await stage.online(1)
    assert stage.csms.actions() == ["Authorize", "Authorize", "Heartbeat"]
    assert stage.tally.retries == {"Authorize": 1}


async def test_refusals_wait_longer_each_time_and_end(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    stage = Stage(nursery)
    stage.csms.refusals["Authorize"] = 9
    given_up: list[bool] = []
    stage.outbox.put(Message("Authorize", dict, 0, durable=True, on_abandoned=lambda: given_up.append(True)))
    stage.put("Heartbeat")
    await stage.online(30)
    times = [round(call.at) for call in stage.csms.received]
    assert stage.csms.actions() == ["Authorize"] * 3 + ["Heartbeat"]
    assert times == [0, 2, 6, 6]
    assert given_up == [True]


async def test_a_single_attempt_is_never_repeated(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    stage = Stage(nursery, attempts=1)
    stage.csms.refusals["Authorize"] = 9
    message = stage.put("Authorize")
    await stage.online(30)
    assert message.refused
    assert stage.csms.actions() == ["Authorize"]


async def test_a_fleeting_message_is_never_repeated(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    stage = Stage(nursery)
    stage.csms.lost_answers["Heartbeat"] = 1
    await nursery.start(stage.online, 30)
    beat = stage.put("Heartbeat", durable=False)
    await beat.settled.wait()
    await stage.put("Authorize").settled.wait()
    assert stage.csms.actions() == ["Heartbeat", "Authorize"]
    assert stage.tally.retries == {}


async def test_wait_empty_returns_with_the_last_answer(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    stage = Stage(nursery)
    stage.csms.delays["Authorize"] = 2.0
    await nursery.start(stage.online, 30)
    stage.put("Authorize")
    stage.put("Authorize")
    await stage.outbox.wait_empty()
    assert round(trio.current_time()) == 4
    assert stage.outbox.online


async def test_a_queue_that_a_connection_found_is_timed_until_it_is_empty(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    stage = Stage(nursery)
    stage.csms.delays["Authorize"] = 1.0
    for _ in range(6):
        stage.put("Authorize")
    await stage.online(2.5)  # the queue is not empty yet
    await trio.sleep(10)
    assert stage.tally.replays.count == 0
    await stage.online(20)
    assert stage.tally.replays.count == 1
    assert 12_500 < stage.tally.replays.highest < 18_000


def test_a_shuffled_queue_keeps_transactions_readable() -> None:
    outbox = Outbox(Tally(0.0), retry_interval=1.0)
    records = [
        SessionRecord("LT-1", connector, "TAG", datetime(2026, 1, 1, tzinfo=UTC), 0) for connector in (1, 2, 1, 2)
    ]
    for record in records:
        for step in ("start", *range(8), "stop"):
            outbox.put(Message(str(step), dict, None, True, about=record))
    other = outbox.put(Message("other", dict, None, True))
    before = list(outbox.waiting)
    outbox.reorder(Random(1))
    after = list(outbox.waiting)
    assert after[0] is other
    assert after != before
    assert sorted(map(id, after)) == sorted(map(id, before))
    for record in records:
        steps = [message.action for message in after if message.about is record]
        assert (steps[0], steps[-1]) == ("start", "stop")
        assert steps[1:-1] != [str(number) for number in range(8)]
    for first, second in ((0, 2), (1, 3)):
        of_one = [message.about for message in after if message.about in (records[first], records[second])]
        assert of_one == [records[first]] * 10 + [records[second]] * 10
    assert after[1:21] != [message for message in after if message.about is records[0]]  # connectors mix


def test_where_the_clock_was_wrong_the_order_is_kept() -> None:
    outbox = Outbox(Tally(0.0), retry_interval=1.0)
    record = SessionRecord("LT-1", 1, "TAG", datetime(2026, 1, 1, tzinfo=UTC), 0, allowed_flags={"CLOCK_WRONG"})
    for step in range(20):
        outbox.put(Message(str(step), dict, None, True, about=record))
    before = list(outbox.waiting)
    outbox.reorder(Random(1))
    assert list(outbox.waiting) == before


async def test_who_tells_again_does_so_before_the_next_message(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    stage = Stage(nursery)

    async def again(link: Link, message: Message) -> None:
        await link.call(message.action, {"again": True})

    stage.outbox.after_answer = again
    stage.put("Authorize")
    stage.put("MeterValues")
    stage.put("Heartbeat", durable=False)
    await stage.online(5)
    assert stage.csms.actions() == ["Authorize", "Authorize", "MeterValues", "MeterValues"]
