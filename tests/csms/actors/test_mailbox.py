"""One outcome for each delivery; a bounded mailbox."""

from __future__ import annotations

import trio
import trio.testing

from csms.actors.mailbox import Delivery, Mailbox
from csms.domain.commands import Answer, ClearCache, Outcome
from csms.ports.directory import Settled


def _delivery(seconds: float = 10.0, *, wait: bool = False) -> Delivery:
    return Delivery(ClearCache(), trio.current_time() + seconds, wait_for_link=wait)


async def test_the_first_outcome_stays() -> None:
    delivery = _delivery()
    delivery.settle(Outcome.ANSWERED, Answer("Accepted", True), latency_s=0.5)
    delivery.settle(Outcome.UNKNOWN)
    assert await delivery.wait_settled() == Settled(Outcome.ANSWERED, Answer("Accepted", True), 0.5)


async def test_unsent_at_its_deadline_it_has_expired(autojump_clock: trio.testing.MockClock) -> None:
    assert await _delivery(7).wait_settled() == Settled(Outcome.EXPIRED)
    assert trio.current_time() >= 7


async def test_sent_it_is_left_to_its_sender(autojump_clock: trio.testing.MockClock) -> None:
    delivery = _delivery(7)
    delivery.sent = True
    async with trio.open_nursery() as nursery:

        async def sender() -> None:
            await trio.sleep(7.5)
            delivery.settle(Outcome.UNKNOWN)

        nursery.start_soon(sender)
        assert await delivery.wait_settled() == Settled(Outcome.UNKNOWN)


async def test_a_cancelled_caller_takes_it_back(autojump_clock: trio.testing.MockClock) -> None:
    mailbox, delivery = Mailbox(), _delivery()
    mailbox.post(delivery)
    with trio.move_on_after(1):
        await delivery.wait_settled()
    assert len(mailbox) == 0
    assert mailbox.take() is None


async def test_a_full_mailbox_refuses_and_an_expired_delivery_makes_room() -> None:
    mailbox = Mailbox(2)
    first, second, third, fourth = (_delivery() for _ in range(4))
    assert mailbox.post(first)
    assert mailbox.post(second)
    assert not mailbox.post(third)
    assert third.settled == Settled(Outcome.REFUSED, reason="MAILBOX_FULL")
    first.settle(Outcome.EXPIRED)
    assert mailbox.post(fourth)
    assert mailbox.take() is second


async def test_closed_it_takes_nothing_more_but_keeps_what_it_has() -> None:
    mailbox, before, after = Mailbox(), _delivery(), _delivery()
    mailbox.post(before)
    mailbox.close("DRAINING")
    mailbox.close("STATION_DOWN")
    assert not mailbox.post(after)
    assert after.settled == Settled(Outcome.REFUSED, reason="DRAINING")
    mailbox.refuse_all("DRAINING")
    assert before.settled == Settled(Outcome.REFUSED, reason="DRAINING")


async def test_offline_only_those_that_would_wait_stay() -> None:
    mailbox, hasty, patient = Mailbox(), _delivery(), _delivery(wait=True)
    mailbox.post(hasty)
    mailbox.post(patient)
    mailbox.go_offline()
    assert hasty.settled == Settled(Outcome.OFFLINE)
    assert mailbox.take() is patient
