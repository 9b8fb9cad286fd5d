"""Failed sign-ins are in the event log, and guessing fills it with nothing."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pytest
import trio
import trio.testing

from csms.domain.access import Role
from csms.domain.errors import Exhausted, Unauthenticated, Unavailable
from csms.ports.alarms import EventSource, LoggedEvent
from csms.services.access import AccessControl, Origin
from csms.services.sign_in_log import AT_ONCE, FAILED, LOCKED, MANY, PAUSE_SECONDS, SignInLog
from tests.kit.service_world import HASHER, NOW, PASSWORD, ServiceWorld

pytestmark = pytest.mark.feature("F-USR-3", "F-ALM-1")
EMAIL = "ann@example.org"
ORIGIN = Origin("192.0.2.7", "a browser")


class Log:
    """An event log in memory."""

    def __init__(self) -> None:
        self.events: list[LoggedEvent] = []
        self.away = False

    async def note(self, events: Sequence[LoggedEvent]) -> None:
        await trio.lowlevel.checkpoint()
        if self.away:
            raise Unavailable("away")
        self.events += events


async def a_door() -> tuple[AccessControl, SignInLog, Log]:
    world = ServiceWorld()
    failures = SignInLog(now=lambda: NOW)
    user = await world.access_store.create_user(EMAIL, "Ann", HASHER.hash(PASSWORD), Role.EV_USER)
    assert user.id == 1
    return AccessControl(world.access_store, hasher=HASHER, failures=failures, now=lambda: NOW), failures, Log()


async def test_who_failed_from_where_and_when_the_account_locks() -> None:
    access, failures, log = await a_door()
    for _ in range(5):
        with pytest.raises(Unauthenticated):
            await access.sign_in(EMAIL, "wrong", "", ORIGIN)
    for _ in range(3):
        with pytest.raises(Exhausted):
            await access.sign_in(EMAIL, PASSWORD, "", ORIGIN)
    await failures.write(log)
    assert [event.kind for event in log.events] == [FAILED] * 5 + [LOCKED], "told once, not with every attempt"
    assert log.events[0].source is EventSource.SYSTEM
    assert log.events[0].summary == "ann@example.org: a sign-in failed; the password was wrong."
    assert msgspec.json.decode(log.events[0].body) == {
        "user": "users/1",
        "reason": "WRONG_CREDENTIALS",
        "address": "192.0.2.7",
        "client": "a browser",
    }


async def test_what_nobody_is_called_is_not_kept_since_people_type_passwords_there() -> None:
    access, failures, log = await a_door()
    with pytest.raises(Unauthenticated):
        await access.sign_in("charge-2-go", "x", "", ORIGIN)
    await failures.write(log)
    assert "charge" not in log.events[0].summary
    assert b"charge-2" not in log.events[0].body


async def test_a_good_sign_in_is_not_noted() -> None:
    access, failures, log = await a_door()
    await access.sign_in(EMAIL, PASSWORD, "", ORIGIN)
    await failures.write(log)
    assert log.events == []


async def test_a_flood_becomes_a_number_and_an_outage_loses_nothing(autojump_clock: trio.testing.MockClock) -> None:
    failures, log = SignInLog(now=lambda: NOW), Log()
    for number in range(AT_ONCE + 7):
        failures.failed(EMAIL, number, "WRONG_CREDENTIALS", address="", client="")
    log.away = True
    async with trio.open_nursery() as nursery:
        nursery.start_soon(failures.run, log)
        await trio.sleep(PAUSE_SECONDS / 2)
        log.away = False
        await trio.sleep(PAUSE_SECONDS)
        assert len(log.events) == AT_ONCE + 1
        assert (log.events[-1].kind, log.events[-1].summary[:14]) == (MANY, "7 more sign-in")
        await trio.sleep(PAUSE_SECONDS * 3)
        assert len(log.events) == AT_ONCE + 1
        nursery.cancel_scope.cancel()
