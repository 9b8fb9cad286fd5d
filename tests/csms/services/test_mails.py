"""Mails that wait, are tried again, and are given up."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import trio

from csms.domain.errors import InvalidArgument, Unavailable
from csms.ports.outbox import MailKind, MailRefused
from csms.services.mails import Mails
from tests.kit.fake_people import FakeMailer, FakeMailQueue


class World:
    """Time goes with trio's clock."""

    def __init__(self, *troubles: Exception) -> None:
        self.queue, self.mailer = FakeMailQueue(), FakeMailer(*troubles)
        self.began = trio.current_time()
        self.start = datetime.now(UTC) + timedelta(seconds=5)
        self.mails = Mails(self.queue, self.mailer, now=self.now)

    def now(self) -> datetime:
        return self.start + timedelta(seconds=trio.current_time() - self.began)


async def test_a_letter_leaves_at_once(autojump_clock: trio.testing.MockClock) -> None:
    world = World()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(world.mails.run)
        await trio.sleep(1)
        await world.mails.put("ann@example.org", "Alarms\nof today", "Text", "<p>Text</p>")
        await trio.sleep(0.1)
        nursery.cancel_scope.cancel()
    (mail,) = world.mailer.sent
    assert (mail.recipient, mail.subject, mail.body) == ("ann@example.org", "Alarms of today", "Text")
    assert world.queue.waiting == {}


async def test_a_mail_server_that_is_away_is_tried_again_ever_more_slowly(
    autojump_clock: trio.testing.MockClock,
) -> None:
    world = World(*[Unavailable("Away.", reason="MAIL_SERVER")] * 3)
    await world.mails.put("ann@example.org", "Subject", "Text")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(world.mails.run)
        await trio.sleep(6 * 60)
        assert world.mailer.sent == []
        await trio.sleep(2 * 60)
        nursery.cancel_scope.cancel()
    assert len(world.mailer.sent) == 1


async def test_what_is_refused_for_good_is_not_tried_again(autojump_clock: trio.testing.MockClock) -> None:
    world = World(MailRefused("No such user."))
    await world.mails.put("ann@example.org", "Subject", "Text")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(world.mails.run)
        await trio.sleep(7200)
        nursery.cancel_scope.cancel()
    assert (world.mailer.sent, world.queue.waiting) == ([], {})


async def test_after_a_day_a_letter_is_given_up(autojump_clock: trio.testing.MockClock) -> None:
    world = World(*[Unavailable("Away.", reason="MAIL_SERVER")] * 1000)
    await world.mails.put("ann@example.org", "Subject", "Text")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(world.mails.run)
        await trio.sleep(26 * 3600)
        nursery.cancel_scope.cancel()
    assert world.queue.waiting == {}


async def test_a_mail_server_that_hangs_holds_nobody_up_for_ever(autojump_clock: trio.testing.MockClock) -> None:
    world = World()

    async def hang(_: object) -> None:
        await trio.sleep_forever()

    world.mailer.send = hang  # type: ignore[assignment, method-assign]
    await world.mails.put("ann@example.org", "Subject", "Text")
    assert await world.mails._send_batch(world.mailer)
    assert len(world.queue.waiting) == 1


async def test_a_database_that_is_away_does_not_end_it(autojump_clock: trio.testing.MockClock) -> None:
    world = World()
    take, world.queue.take = world.queue.take, _away  # type: ignore[assignment, method-assign]
    async with trio.open_nursery() as nursery:
        nursery.start_soon(world.mails.run)
        await trio.sleep(10)
        world.queue.take = take  # type: ignore[method-assign]
        await world.mails.put("ann@example.org", "Subject", "Text")
        await trio.sleep(60)
        nursery.cancel_scope.cancel()
    assert len(world.mailer.sent) == 1


async def _away(*_: object, **__: object) -> None:
    raise Unavailable("The database is away.")


async def test_without_a_mail_server_nothing_is_put() -> None:
    queue = FakeMailQueue()
    mails = Mails(queue, None, now=lambda: datetime.now(UTC))
    await mails.put("ann@example.org", "Subject", "Text")
    await mails.put_kind(MailKind.RESET, "ann@example.org")
    await mails.run()
    assert (queue.waiting, mails.can_send) == ({}, False)
    with pytest.raises(InvalidArgument):
        await mails.put("no address", "Subject", "Text")
