"""Links that set a password."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import trio

from csms.domain.access import Role
from csms.domain.errors import Exhausted, InvalidArgument, Unauthenticated
from csms.domain.people import Person
from csms.ports.outbox import Mail, MailKind
from tests.kit.service_world import PASSWORD, ServiceWorld

EMAIL = "ann@example.org"


async def send_all(world: ServiceWorld) -> list[Mail]:
    """What leaves when the queue is worked through once."""
    before = len(world.mailer.sent)
    world.time = max(world.time, datetime.now(UTC))
    await world.mails._send_batch(world.mailer)
    return world.mailer.sent[before:]


def token_of(mail: Mail) -> str:
    return mail.body.partition("#token=")[2].split()[0]


@pytest.mark.feature("F-USR-3")
async def test_asking_for_a_reset_does_the_same_whoever_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """No account enumeration: not one look at the users until the mail is sent, by somebody else, later."""
    world = ServiceWorld()
    await world.add_user(Role.SUPPORT, EMAIL)
    looks: list[str] = []

    def forbidden(name: str) -> object:
        def look(*_: object, **__: object) -> None:
            looks.append(name)
            raise AssertionError(name)

        return look

    for store in (world.people_store, world.access_store):
        for name in dir(store):
            if not name.startswith("_") and callable(getattr(store, name)):
                monkeypatch.setattr(store, name, forbidden(name))
    for email in (EMAIL, "nobody@example.org"):
        await world.invitations.request_reset(f" {email.upper()} ")
    assert looks == []
    assert [(mail.kind, mail.recipient) for mail, _ in world.mail_queue.waiting.values()] == [
        (MailKind.RESET, EMAIL),
        (MailKind.RESET, "nobody@example.org"),
    ]


async def test_only_who_is_known_gets_a_letter() -> None:
    world = ServiceWorld()
    await world.add_user(Role.SUPPORT, EMAIL)
    await world.invitations.request_reset("nobody@example.org")
    await world.invitations.request_reset(EMAIL)
    (mail,) = await send_all(world)
    assert mail.recipient == EMAIL
    assert world.mail_queue.waiting == {}
    assert mail.id == "2@chargehouse"


@pytest.mark.feature("F-USR-3")
async def test_a_link_works_once_for_24_hours_and_ends_what_was_open() -> None:
    world = ServiceWorld()
    user = await world.add_user(Role.SUPPORT, EMAIL)
    signed_in = await world.access.sign_in(EMAIL, PASSWORD)
    await world.access.authenticate(signed_in.token)
    await world.invitations.request_reset(EMAIL)
    (mail,) = await send_all(world)
    with pytest.raises(InvalidArgument) as weak:
        await world.invitations.set_password(token_of(mail), "weak")
    assert weak.value.reason == "WEAK_PASSWORD"
    principal = await world.invitations.set_password(token_of(mail), "another-1")
    assert principal.user_id == user.id
    with pytest.raises(Unauthenticated):
        await world.access.authenticate(signed_in.token)
    await world.access.sign_in(EMAIL, "another-1")
    await world.invitations.request_reset(EMAIL)
    (second,) = await send_all(world)
    world.time += timedelta(hours=24, seconds=1)
    for token in (token_of(mail), token_of(second), "", "x" * 101):
        with pytest.raises(InvalidArgument) as expired:
            await world.invitations.set_password(token, "another-2")
        assert expired.value.reason == "LINK_EXPIRED"


async def test_a_reset_that_waited_for_a_day_is_not_sent_any_more() -> None:
    world = ServiceWorld()
    await world.add_user(Role.SUPPORT, EMAIL)
    await world.invitations.request_reset(EMAIL)
    world.time += timedelta(hours=25)
    assert await send_all(world) == []
    assert world.mail_queue.waiting == {}


async def test_resets_are_slowed_down_by_e_mail_and_by_address(autojump_clock: trio.testing.MockClock) -> None:
    world = ServiceWorld()
    for _ in range(3):
        await world.invitations.request_reset(EMAIL, "192.0.2.7")
    with pytest.raises(Exhausted):
        await world.invitations.request_reset(EMAIL, "192.0.2.8")
    for number in range(17):
        await world.invitations.request_reset(f"{number}@example.org", "192.0.2.7")
    with pytest.raises(Exhausted):
        await world.invitations.request_reset("more@example.org", "192.0.2.7")
    await trio.sleep(901)
    await world.invitations.request_reset(EMAIL, "192.0.2.7")
    with pytest.raises(InvalidArgument):
        await world.invitations.request_reset("no address")


@pytest.mark.parametrize(
    ("language", "word"), [("en", "Hello Ann"), ("sv", "Hej Ann"), ("nl", "Hallo Ann"), ("de", "Guten Tag")]
)
async def test_people_are_written_to_in_their_language(language: str, word: str) -> None:
    world = ServiceWorld()
    made = await world.people_store.create(Person(0, EMAIL, "Ann", language=language))
    assert await world.invitations.invite(made) == ""
    (mail,) = await send_all(world)
    assert word in mail.body
    assert word in mail.html
    assert "<script" not in mail.html
