"""Who decides whether a roaming token may charge."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from csms.domain.authorization import Token
from csms.domain.errors import Unavailable
from csms.domain.facts import AuthorizationAsked, AuthorizationStatus
from csms.domain.roaming import Party, PartyState, PartyUnreachable
from csms.ocpi.envelope import print_object, read_object
from csms.ocpi.tokens import Allowed, AuthorizationInfo
from csms.ocpi.tokens import Token as OcpiToken
from csms.ports.roaming import Received, ReleasedObject, ToldTokens
from csms.services.token_index import MemoryTokenIndex
from tests.kit.roaming_world import RoamingWorld

pytestmark = pytest.mark.feature("F-SYS-2")
AT = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)


def a_token(uid: str = "04AB", whitelist: str = "ALLOWED", valid: bool = True, kind: str = "RFID") -> OcpiToken:
    body = (
        f'{{"country_code":"NL","party_id":"TNM","uid":"{uid}","type":"{kind}","contract_id":"C1","issuer":"TNM",'
        f'"valid":{str(valid).lower()},"whitelist":"{whitelist}","last_updated":"2026-11-21T08:00:00Z"}}'
    )
    return read_object(OcpiToken, body.encode())


class World(RoamingWorld):
    def __init__(self) -> None:
        self.time = AT
        super().__init__(lambda: pytest.fail("not asked"), lambda: self.time)
        self.tags = MemoryTokenIndex([Token(1, "0011")])
        self.tags.also_ask(self.index)
        self.allowed = Allowed.ALLOWED
        self.client.answer = self._answer

    async def _answer(self, method: str, url: str, body: bytes | None) -> Received:
        return Received(print_object(AuthorizationInfo(self.allowed, a_token(), authorization_reference="REF")))

    async def decide(self, uid: str = "04AB") -> AuthorizationStatus:
        """As for an Authorize."""
        with contextlib.suppress(Unavailable):  # told in the log
            await self.tokens.prepare(17, AuthorizationAsked(uid))
        return self.tags.decide(uid, self.time).status


@pytest.fixture
async def world() -> World:
    made = World()
    await made.switch_on()
    return made


@pytest.fixture
async def party(world: World) -> Party:
    return await world.add_party()


@pytest.mark.parametrize(
    ("whitelist", "valid", "says", "wanted", "asked"),
    [
        ("ALWAYS", True, Allowed.BLOCKED, AuthorizationStatus.ACCEPTED, 0),
        ("ALLOWED", True, Allowed.BLOCKED, AuthorizationStatus.ACCEPTED, 0),
        ("ALLOWED", False, Allowed.ALLOWED, AuthorizationStatus.BLOCKED, 0),
        ("ALLOWED_OFFLINE", True, Allowed.NO_CREDIT, AuthorizationStatus.BLOCKED, 1),
        ("ALLOWED_OFFLINE", True, Allowed.ALLOWED, AuthorizationStatus.ACCEPTED, 1),
        ("ALLOWED_OFFLINE", True, None, AuthorizationStatus.ACCEPTED, 1),
        ("NEVER", True, Allowed.ALLOWED, AuthorizationStatus.ACCEPTED, 1),
        ("NEVER", True, Allowed.EXPIRED, AuthorizationStatus.BLOCKED, 1),
        ("NEVER", True, None, AuthorizationStatus.INVALID, 1),
    ],
)
async def test_who_decides_is_what_the_whitelist_says(
    world: World,
    party: Party,
    whitelist: str,
    valid: bool,
    says: Allowed | None,
    wanted: AuthorizationStatus,
    asked: int,
) -> None:
    await world.tokens.take_in(party, [a_token(whitelist=whitelist, valid=valid)])
    if says is None:

        async def away(method: str, url: str, body: bytes | None) -> Received:
            raise PartyUnreachable("Away.")

        world.client.answer = away
    else:
        world.allowed = says
    assert await world.decide() is wanted
    assert len(world.client.calls) == asked


async def test_a_yes_counts_for_the_session_that_follows_and_not_for_ever(world: World, party: Party) -> None:
    await world.tokens.take_in(party, [a_token(whitelist="NEVER")])
    assert await world.decide() is AuthorizationStatus.ACCEPTED
    (start,) = world.roaming.starts
    assert (start.authorization_reference, start.method, start.station_id) == ("REF", "AUTH_REQUEST", 17)
    assert world.tags.decide("04ab", world.time, starting=5).status is AuthorizationStatus.ACCEPTED
    world.time += timedelta(minutes=16)
    assert world.tags.decide("04ab", world.time).status is AuthorizationStatus.INVALID


async def test_the_party_is_told_where_its_customer_stands(world: World, party: Party) -> None:
    body = (
        '{"country_code":"SE","party_id":"CHA","id":"12","publish":true,"address":"A","city":"B","country":"SWE",'
        '"coordinates":{"latitude":"57.70000","longitude":"11.90000"},"time_zone":"UTC",'
        '"last_updated":"2026-11-21T08:00:00Z","evses":[{"uid":"17-1","status":"AVAILABLE",'
        '"last_updated":"2026-11-21T08:00:00Z","connectors":[{"id":"1","standard":"IEC_62196_T2","format":"SOCKET",'
        '"power_type":"AC_3_PHASE","max_voltage":230,"max_amperage":32,"last_updated":"2026-11-21T08:00:00Z"}]}]}'
    )
    await world.roaming.release([ReleasedObject("locations", "12", body, AT)], [])
    await world.tokens.take_in(party, [a_token(whitelist="NEVER")])
    await world.decide()
    method, url, told = world.client.calls[0]
    assert (method, url) == ("POST", "https://emsp.example.org/tokens/04AB/authorize?type=RFID")
    assert told == b'{"location_id":"12","evse_uids":["17-1"]}'


async def test_a_tag_of_our_own_counts_first(world: World, party: Party) -> None:
    await world.tokens.take_in(party, [a_token("0011", "NEVER", valid=False)])
    assert world.tags.decide("0011", AT).status is AuthorizationStatus.ACCEPTED


async def test_tokens_count_no_more_while_roaming_is_off_or_the_party_suspended(world: World, party: Party) -> None:
    await world.tokens.take_in(party, [a_token()])
    await world.services.change("roaming", enabled=False)
    await world.book.load()
    assert world.tags.decide("04AB", AT).status is AuthorizationStatus.INVALID
    await world.services.change("roaming", enabled=True)
    await world.book.load()
    assert world.tags.decide("04AB", AT).status is AuthorizationStatus.ACCEPTED
    await world.roaming.update_party(msgspec.structs.replace(party, state=PartyState.SUSPENDED))
    await world.index.load(world.roaming)
    assert world.tags.decide("04AB", AT).status is AuthorizationStatus.INVALID


async def test_all_pages_of_a_partys_tokens_are_read(world: World, party: Party) -> None:
    pages = {
        "https://emsp.example.org/tokens": Received(
            print_object([a_token("01"), a_token("02")]), "https://emsp.example.org/tokens?offset=2"
        ),
        "https://emsp.example.org/tokens?offset=2": Received(print_object([a_token("03")])),
    }

    async def answer(method: str, url: str, body: bytes | None) -> Received:
        return pages[url]

    world.client.answer = answer
    assert await world.tokens.pull(party) == 3
    assert len(world.index) == 3
    assert (await world.roaming.party(party.id)).tokens_read_at == AT

    async def nonsense(method: str, url: str, body: bytes | None) -> Received:
        return Received(b'[{"uid":1}]')

    world.client.answer = nonsense
    with pytest.raises(Unavailable):
        await world.tokens.pull(party)


async def test_what_parties_told_another_process_is_read_and_nothing_that_was_read_before(
    world: World, party: Party
) -> None:
    await world.tokens.take_in(party, [a_token("01AA"), a_token("02BB")])
    await world.index.load(world.roaming)
    second = world.index.token("02BB")
    assert second is not None
    asked: list[tuple[bool, int]] = []
    told_tokens = world.roaming.told_tokens

    async def noted(since: datetime | None, parties: Sequence[int]) -> ToldTokens:
        found = await told_tokens(since, parties)
        asked.append((found.whole, len(found.tokens)))
        return found

    world.roaming.told_tokens = noted  # type: ignore[method-assign]
    changed = msgspec.structs.replace(second, valid=False, last_updated=second.last_updated + timedelta(hours=1))
    await world.roaming.put_tokens([changed])
    await world.index.load(world.roaming)
    assert world.index.token("02BB") == changed
    world.index.put([second])  # late: what is known is newer
    assert world.index.token("02BB") == changed
    await world.index.load(world.roaming, full=True)
    await world.roaming.update_party(msgspec.structs.replace(party, state=PartyState.SUSPENDED))
    await world.index.load(world.roaming)
    assert asked == [(False, 1), (True, 2), (True, 0)]
    assert len(world.index) == 0
