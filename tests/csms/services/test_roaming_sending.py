"""Pushes to parties that are away, or say no."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from csms.domain.roaming import Party, PartyRefused, PartyUnreachable
from csms.ports.roaming import PushDraft, Received, ReleasedObject
from csms.services.roaming_sending import REFUSALS, RoamingSender
from tests.kit.fake_roaming import FakeLease
from tests.kit.roaming_world import RoamingWorld

pytestmark = pytest.mark.feature("F-SYS-2")
AT = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)


class World(RoamingWorld):
    def __init__(self) -> None:
        self.time = AT
        super().__init__(lambda: pytest.fail("not asked"), lambda: self.time)
        self.sender = RoamingSender(
            self.roaming, self.roaming, self.services, self.client, self.book, FakeLease(), now=lambda: self.time
        )
        self.failure: Exception | None = None
        self.client.answer = self._answer

    async def _answer(self, method: str, url: str, body: bytes | None) -> Received:
        if self.failure is not None:
            raise self.failure
        return Received(b"")

    async def put(self, *drafts: PushDraft) -> None:
        await self.roaming.release([], drafts)

    async def send(self, party: Party) -> list[tuple[str, str]]:
        """What was sent now."""
        self.client.calls.clear()
        await self.sender.send_due(party)
        return [(method, url.removeprefix("https://emsp.example.org/")) for method, url, _ in self.client.calls]


@pytest.fixture
async def world() -> World:
    made = World()
    await made.switch_on()
    return made


@pytest.fixture
async def party(world: World) -> Party:
    return await world.add_party()


def a_push(party: Party, key: str = "12", method: str = "PUT", module: str = "locations", path: str = "") -> PushDraft:
    return PushDraft(party.id, module, key, method, path or f"SE/CHA/{key}", "{}")


async def test_what_waits_is_sent_in_order(world: World, party: Party) -> None:
    await world.put(a_push(party), a_push(party, method="PATCH", path="SE/CHA/12/17-1"), a_push(party, "13"))
    record = PushDraft(party.id, "cdrs", "7", "POST", "", "{}")
    await world.put(record)
    assert await world.send(party) == [
        ("PUT", "locations/SE/CHA/12"),
        ("PUT", "locations/SE/CHA/13"),
        ("POST", "cdrs"),
        ("PATCH", "locations/SE/CHA/12/17-1"),
    ]
    assert await world.send(party) == []
    assert (await world.services.get("roaming")).last_success_at == AT


async def test_a_party_that_is_away_is_tried_later_and_later_and_never_given_up(world: World, party: Party) -> None:
    await world.put(a_push(party), a_push(party, "13"))
    world.failure = PartyUnreachable("Away.")
    assert len(await world.send(party)) == 1  # the rest would not go better
    (push, _) = await world.roaming.page_pushes(party.id, size=9, after=0)
    assert push.next_try_at == AT + timedelta(seconds=5)
    for _ in range(30):
        world.time += timedelta(hours=1)
        await world.send(party)
    waiting = await world.roaming.page_pushes(party.id, size=9, after=0)
    assert all(push.given_up_at is None for push in waiting)
    assert (await world.roaming.party(party.id)).last_error == "Away."
    assert "Away." in (await world.services.get("roaming")).last_error
    world.failure = None
    world.time += timedelta(hours=1)
    assert len(await world.send(party)) == 2


async def test_what_a_party_refuses_is_given_up_and_tried_again_when_people_say_so(world: World, party: Party) -> None:
    await world.put(a_push(party), a_push(party, "13"))
    world.failure = PartyRefused("No.")
    for _ in range(REFUSALS):
        assert len(await world.send(party)) == 2  # one does not stop the other
        world.time += timedelta(hours=1)
    assert await world.send(party) == []
    assert (await world.roaming.counts())[party.id].failed == 2
    world.failure = None
    assert await world.sender.retry(party.id) == 2
    assert len(await world.send(party)) == 2


async def test_who_does_not_know_what_we_change_is_told_all_of_it(world: World, party: Party) -> None:
    await world.roaming.release([ReleasedObject("locations", "12", '{"all":1}', AT)], [])
    await world.put(a_push(party, method="PATCH", path="SE/CHA/12/17-1"))

    async def answer(method: str, url: str, body: bytes | None) -> Received:
        if method == "PATCH":
            raise PartyRefused("Unknown location.", http_status="404")
        return Received(b"")

    world.client.answer = answer
    assert await world.send(party) == [("PATCH", "locations/SE/CHA/12/17-1"), ("PUT", "locations/SE/CHA/12")]
    assert world.client.calls[-1][2] == b'{"all":1}'
    assert await world.send(party) == []


async def test_the_result_of_a_command_is_not_sent_for_ever(world: World, party: Party) -> None:
    await world.put(a_push(party, "x", "POST", "commands", "https://elsewhere.example.org/result"), a_push(party))
    world.failure = PartyUnreachable("Away.")
    assert len(await world.send(party)) == 2  # it has an address of its own
    for _ in range(10):
        world.time += timedelta(hours=1)
        await world.send(party)
    first = (await world.roaming.page_pushes(party.id, size=9, after=0))[0]
    assert first.given_up_at is not None


async def test_a_module_that_the_party_no_longer_has_is_no_crash(world: World) -> None:
    party = await world.add_party(endpoints=())
    await world.put(a_push(party))
    assert await world.send(party) == []
    (push,) = await world.roaming.page_pushes(party.id, size=9, after=0)
    assert "no module locations" in push.last_error
