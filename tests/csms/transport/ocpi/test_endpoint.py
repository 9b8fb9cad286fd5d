"""What strangers and parties are answered at `/ocpi` and `/map`."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import trio
import trio.testing

from csms.domain.commands import Answer, RequestStartTransaction, UnlockConnector
from csms.domain.errors import FailedPrecondition
from csms.domain.reservation import Reservation, ReservationState
from csms.domain.roaming import Party, PartyState, RoamedSession, RoamingToken
from csms.ports.roaming import Received, ReleasedObject
from csms.services.remote import CommandOutcome, Target
from csms.services.reservations import ReservationOutcome
from csms.services.roaming_commands import RoamingCommands
from csms.transport.http import HttpRequest
from csms.transport.ocpi.endpoint import OcpiEndpoint
from csms.transport.ocpi.routes import OcpiRoutes
from csms.transport.plain_http import PlainHttpTable
from tests.kit.ocpi_schemas import check
from tests.kit.roaming_world import RoamingWorld

pytestmark = pytest.mark.feature("F-SYS-2")
AT = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
A_LOCATION = (
    '{"country_code":"SE","party_id":"CHA","id":"12","publish":true,"address":"A","city":"B","country":"SWE",'
    '"coordinates":{"latitude":"57.70000","longitude":"11.90000"},"time_zone":"UTC",'
    '"last_updated":"2026-11-21T08:00:00Z","evses":[{"uid":"17-1","status":"AVAILABLE",'
    '"last_updated":"2026-11-21T08:00:00Z","connectors":[{"id":"1","standard":"IEC_62196_T2","format":"SOCKET",'
    '"power_type":"AC_3_PHASE","max_voltage":230,"max_amperage":32,"last_updated":"2026-11-21T08:00:00Z"}]}]}'
)
A_TOKEN = {
    "country_code": "NL",
    "party_id": "TNM",
    "uid": "04AB",
    "type": "RFID",
    "contract_id": "C1",
    "issuer": "TNM",
    "valid": True,
    "whitelist": "ALLOWED",
    "last_updated": "2026-11-21T08:00:00Z",
}


class FakeRemote:
    """`outcome`: a status, or an error."""

    def __init__(self) -> None:
        self.sent: list[tuple[int, Any]] = []
        self.outcome: str | Exception = "Accepted"

    async def command_of_ours(self, target: Target, command: Any) -> CommandOutcome:
        self.sent.append((target.station_id, command))
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return CommandOutcome(Answer(self.outcome, self.outcome == "Accepted"), AT, 0.1)


class FakeBook:
    """Reservations: each is accepted, and taken back, as `status` says."""

    def __init__(self) -> None:
        self.orders: list[Any] = []
        self.canceled: list[int] = []
        self.status = "Accepted"

    async def create(self, caller: Any, target: Target, order: Any) -> ReservationOutcome:
        self.orders.append((target.station_id, order))
        return self._outcome(len(self.orders), ReservationState.ACTIVE, ReservationState.REFUSED)

    async def cancel(self, caller: Any, target: Any, reservation_id: int) -> ReservationOutcome:
        self.canceled.append(reservation_id)
        return self._outcome(reservation_id, ReservationState.CANCELED, ReservationState.ACTIVE)

    def _outcome(self, number: int, good: ReservationState, bad: ReservationState) -> ReservationOutcome:
        accepted = self.status == "Accepted"
        made = Reservation(number, 17, good if accepted else bad, "04AB", AT, AT, AT, AT)
        return ReservationOutcome(made, CommandOutcome(Answer(self.status, accepted), AT, 0.1))


class World(RoamingWorld):
    def __init__(self, ground: trio.Nursery) -> None:
        self.time = AT
        super().__init__(lambda: pytest.fail("not asked"), lambda: self.time)
        self.remote: Any = FakeRemote()
        self.reservations: Any = FakeBook()
        nobody: Any = None
        commands = RoamingCommands(
            self.remote,
            self.reservations,
            nobody,
            self.facts,
            self.roaming,
            self.tokens,
            self.index,
            ground,
            lambda: None,
            now=lambda: self.time,
        )
        self.joined: list[int] = []
        routes = OcpiRoutes(
            self.parties,
            self.tokens,
            commands,
            self.roaming,
            self.roaming,
            self.book,
            lambda party: self.joined.append(party.id),
            now=lambda: self.time,
        )
        self.endpoint = OcpiEndpoint(routes, self.use_cases, now=lambda: self.time)

    async def ask(
        self, method: str, path: str, body: Any = None, *, token: str = "theirs", raw: bool = False, **headers: str
    ) -> tuple[int, Any, dict[str, str]]:
        shown = token if raw else base64.b64encode(token.encode()).decode()
        given = [("authorization", f"Token {shown}")] if token else []
        given += [(name.replace("_", "-").lower(), value) for name, value in headers.items()]
        content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        target = path if path.startswith("/map") else f"/ocpi{path}"
        answer = await self.endpoint.answer(HttpRequest(method, target, tuple(given), content))
        told = json.loads(answer.body) if answer.content_type.startswith("application/") else answer.body
        return answer.status, told, dict(answer.headers)


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with trio.open_nursery() as ground:
        made = World(ground)
        await made.switch_on()
        await made.roaming.release([ReleasedObject("locations", "12", A_LOCATION, AT)], [])
        yield made
        ground.cancel_scope.cancel()


@pytest.fixture
async def party(world: World) -> Party:
    return await world.add_party()


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("GET", "/nothing", None, 404, 2000),
        ("GET", "/2.1.1", None, 404, 2000),
        ("POST", "/versions", {}, 405, 2000),
        ("POST", "/2.2.1/credentials", {}, 405, 2000),
        ("PUT", "/2.2.1/credentials", {}, 400, 2001),
        ("PATCH", "/2.2.1/credentials", {}, 405, 2000),
        ("GET", "/2.2.1/sender/locations/99", None, 404, 2003),
        ("GET", "/2.2.1/sender/locations/12/99-1", None, 404, 2003),
        ("GET", "/2.2.1/sender/locations/12/17-1/9", None, 404, 2003),
        ("GET", "/2.2.1/sender/locations/12/17-1/1/1", None, 404, 2000),
        ("PUT", "/2.2.1/sender/locations/12", {}, 405, 2000),
        ("GET", "/2.2.1/sender/sessions", None, 400, 2001),
        ("GET", "/2.2.1/sender/cdrs?limit=x", None, 400, 2001),
        ("GET", "/2.2.1/receiver/tokens/NL/TNM/04AB", None, 404, 2004),
        ("GET", "/2.2.1/receiver/tokens/NL/XXX/04AB", None, 200, 2001),
        ("GET", "/2.2.1/receiver/tokens/NL/TNM/04AB?type=CARD", None, 200, 2001),
        ("PUT", "/2.2.1/receiver/tokens/NL/TNM/OTHER", A_TOKEN, 200, 2001),
        ("PUT", "/2.2.1/receiver/tokens/NL/TNM/04AB", b"{", 400, 2001),
        ("DELETE", "/2.2.1/receiver/tokens/NL/TNM/04AB", None, 404, 2004),
        ("GET", "/2.2.1/receiver/commands/START_SESSION", None, 405, 2000),
        ("POST", "/2.2.1/receiver/commands/EXPLODE", {}, 404, 2000),
        ("POST", "/2.2.1/receiver/commands/STOP_SESSION", {}, 400, 2001),
        ("GET", "/%00", None, 404, 2000),
        ("GET", "/" + "a/" * 500, None, 404, 2000),
    ],
)
async def test_what_makes_no_sense_gets_the_code_that_says_so(
    world: World, party: Party, method: str, path: str, body: Any, status: int, code: int
) -> None:
    got, told, _ = await world.ask(method, path, body)
    assert (got, told["status_code"]) == (status, code)
    assert told["status_message"]


async def test_strangers_learn_nothing(world: World, party: Party) -> None:
    for token in ("", "guess", "ours"):
        status, told, headers = await world.ask("GET", "/versions", token=token)
        assert (status, told["status_code"], headers["WWW-Authenticate"]) == (401, 2000, "Token")
    await world.services.change("roaming", enabled=False)
    await world.book.load()
    assert (await world.ask("GET", "/versions"))[0] == 404


async def test_a_token_in_the_clear_is_taken_too_and_ids_come_back(world: World, party: Party) -> None:
    status, told, headers = await world.ask(
        "GET", "/versions", token="theirs", raw=True, X_Request_ID="r-1", OCPI_from_party_id="TNM"
    )
    assert (status, told["data"][0]["version"]) == (200, "2.2.1")
    assert (headers["x-request-id"], headers["OCPI-to-party-id"]) == ("r-1", "TNM")
    _, _, headers = await world.ask("GET", "/versions", X_Request_ID="a\r\nSet-Cookie: x")
    assert "\r" not in headers["x-request-id"]


async def test_who_is_invited_registers_before_anything_else(world: World) -> None:
    await world.add_party(state=PartyState.INVITED, endpoints=(), party_code="", country_code="")
    assert (await world.ask("GET", "/2.2.1/sender/locations"))[0] == 401
    details = (await world.ask("GET", "/2.2.1"))[1]["data"]
    check("VersionDetails", details)

    async def answer(method: str, url: str, body: bytes | None) -> Received:
        if url.endswith("/versions"):
            return Received(b'[{"version":"2.2.1","url":"https://emsp.example.org/2.2.1"}]')
        return Received(b'{"version":"2.2.1","endpoints":[]}')

    world.client.answer = answer
    role = {"role": "EMSP", "business_details": {"name": "TNM"}, "party_id": "TNM", "country_code": "NL"}
    theirs = {"token": "b", "url": "https://emsp.example.org/versions", "roles": [role]}
    status, told, _ = await world.ask("POST", "/2.2.1/credentials", theirs)
    assert (status, told["status_code"]) == (200, 3003)  # no credentials module

    async def better(method: str, url: str, body: bytes | None) -> Received:
        if url.endswith("/versions"):
            return await answer(method, url, body)
        endpoint = '{"identifier":"credentials","role":"RECEIVER","url":"https://emsp.example.org/credentials"}'
        return Received(f'{{"version":"2.2.1","endpoints":[{endpoint}]}}'.encode())

    world.client.answer = better
    _, told, _ = await world.ask("POST", "/2.2.1/credentials", theirs)
    check("Credentials", told["data"])
    assert (await world.ask("GET", "/versions"))[0] == 401  # the token that it began with
    assert (await world.ask("GET", "/2.2.1/sender/locations", token=told["data"]["token"]))[0] == 200
    assert len(world.joined) == 1
    (kept,) = await world.roaming.parties()
    assert (kept.state, kept.token_to_send, kept.party_code) == (PartyState.REGISTERED, "b", "TNM")


async def test_lists_have_pages_that_lead_on(world: World, party: Party) -> None:
    for number in range(3):
        moved = A_LOCATION.replace('"id":"12"', f'"id":"{number}"')
        await world.roaming.release([ReleasedObject("locations", str(number), moved, AT + timedelta(hours=number))], [])
    _, told, headers = await world.ask("GET", "/2.2.1/sender/locations?limit=3&date_from=2026-11-21T08:00:00Z")
    assert (len(told["data"]), headers["X-Total-Count"]) == (3, "4")
    assert "offset=3" in headers["Link"]
    assert headers["Link"].startswith("<https://csms.example.org/ocpi/2.2.1/sender/locations?")
    _, told, headers = await world.ask("GET", "/2.2.1/sender/locations?offset=3")
    assert (len(told["data"]), "Link" in headers) == (1, False)
    _, told, _ = await world.ask("GET", "/2.2.1/sender/locations/12/17-1/1")
    check("Connector", told["data"])


async def test_a_start_is_answered_at_once_and_its_result_follows(world: World, party: Party) -> None:
    start = {"response_url": "https://emsp.example.org/r/1", "token": A_TOKEN, "location_id": "12"}
    for outcome, wanted in (
        ("Accepted", "ACCEPTED"),
        ("Rejected", "REJECTED"),
        (FailedPrecondition("Offline.", reason="STATION_OFFLINE"), "EVSE_INOPERATIVE"),
    ):
        world.remote.outcome = outcome
        _, told, _ = await world.ask("POST", "/2.2.1/receiver/commands/START_SESSION", start)
        check("CommandResponse", told["data"])
        assert told["data"]["result"] == "ACCEPTED"
        await trio.testing.wait_all_tasks_blocked()
        push = (await world.roaming.page_pushes(party.id, size=9, after=0))[-1]
        assert (push.draft.path, json.loads(push.draft.body)["result"]) == ("https://emsp.example.org/r/1", wanted)
        check("CommandResult", json.loads(push.draft.body))
    station, command = world.remote.sent[0]
    assert isinstance(command, RequestStartTransaction)
    assert (station, command.id_token, command.evse_id) == (17, "04AB", 1)
    known = world.index.find("04AB")
    assert known is not None
    assert not known.blocked


@pytest.mark.parametrize(
    ("change", "status", "outcome"),
    [
        ({"location_id": "99"}, 2003, None),
        ({"evse_uid": "99-1"}, 2003, None),
        ({"response_url": "file:///etc/passwd"}, 2001, None),
        ({"token": {**A_TOKEN, "party_id": "XXX"}}, 2001, None),
        ({"token": {**A_TOKEN, "valid": False}}, 1000, "REJECTED"),
    ],
)
async def test_a_start_that_cannot_be_is_not_sent(
    world: World, party: Party, change: dict[str, Any], status: int, outcome: str | None
) -> None:
    start = {"response_url": "https://emsp.example.org/r", "token": A_TOKEN, "location_id": "12", **change}
    _, told, _ = await world.ask("POST", "/2.2.1/receiver/commands/START_SESSION", start)
    assert told["status_code"] == status
    assert outcome in (None, told.get("data", {}).get("result"))
    assert world.remote.sent == []


async def result(world: World, party: Party, command: str, body: dict[str, Any]) -> tuple[str, str]:
    """What is said at once, and what follows (empty: nothing)."""
    before = len(await world.roaming.page_pushes(party.id, size=99, after=0))
    url = {"response_url": "https://emsp.example.org/r"}
    _, told, _ = await world.ask("POST", f"/2.2.1/receiver/commands/{command}", {**url, **body})
    await trio.testing.wait_all_tasks_blocked()
    pushes = await world.roaming.page_pushes(party.id, size=99, after=0)
    return told["data"]["result"], json.loads(pushes[-1].draft.body)["result"] if len(pushes) > before else ""


async def test_an_outlet_is_reserved_reserved_anew_and_given_back(world: World, party: Party) -> None:
    book = world.reservations
    wanted = {"token": A_TOKEN, "expiry_date": "2026-11-21T09:00:00Z", "reservation_id": "R-1", "location_id": "12"}
    assert await result(world, party, "RESERVE_NOW", wanted) == ("ACCEPTED", "ACCEPTED")
    station, order = book.orders[0]
    assert (station, order.evse_id, order.id_token, order.expires_at) == (17, 1, "04AB", AT + timedelta(hours=1))
    assert await result(world, party, "RESERVE_NOW", wanted) == ("ACCEPTED", "ACCEPTED")
    assert book.canceled == [1]  # the same again takes the place of the first
    assert await result(world, party, "CANCEL_RESERVATION", {"reservation_id": "R-1"}) == ("ACCEPTED", "ACCEPTED")
    assert book.canceled == [1, 2]
    other = await result(world, party, "CANCEL_RESERVATION", {"reservation_id": "R-2"})
    assert other == ("ACCEPTED", "UNKNOWN_RESERVATION")
    book.status = "Occupied"
    assert await result(world, party, "RESERVE_NOW", wanted) == ("ACCEPTED", "EVSE_OCCUPIED")
    late = {**wanted, "expiry_date": "2026-11-21T07:00:00Z"}
    assert await result(world, party, "RESERVE_NOW", late) == ("REJECTED", "")


async def test_a_cable_is_released(world: World, party: Party) -> None:
    wanted = {"location_id": "12", "evse_uid": "17-1", "connector_id": "1"}
    assert await result(world, party, "UNLOCK_CONNECTOR", wanted) == ("ACCEPTED", "ACCEPTED")
    assert world.remote.sent == [(17, UnlockConnector(1, 1))]
    world.remote.outcome = "NotSupported"
    assert await result(world, party, "UNLOCK_CONNECTOR", wanted) == ("ACCEPTED", "NOT_SUPPORTED")


async def test_nobody_stops_the_session_of_another_party(world: World, party: Party) -> None:
    token = RoamingToken(party.id + 1, "NL", "ABC", "05", "RFID", "05", "C", True, "ALWAYS", "{}", AT)
    world.facts.charged = [RoamedSession(7, token, 17, "CP-1", 1, 1, 12, AT, None, AT, 0.0, True)]
    for number in ("7", "8", "x", "9" * 36):
        stop = {"response_url": "https://emsp.example.org/r", "session_id": number}
        _, told, _ = await world.ask("POST", "/2.2.1/receiver/commands/STOP_SESSION", stop)
        assert told["data"]["result"] == "UNKNOWN_SESSION"


async def test_maps_are_for_reading(world: World) -> None:
    assert (await world.ask("GET", "/map/locations.geojson", token=""))[0] == 404
    await world.services.change("location-data", enabled=True)
    await world.book.load()
    status, told, headers = await world.ask("GET", "/map/locations.geojson", token="")
    assert (status, told["features"][0]["id"], headers["Access-Control-Allow-Origin"]) == (200, "12", "*")
    assert (await world.ask("POST", "/map/locations", token=""))[0] == 405
    assert (await world.ask("GET", "/map/other", token=""))[0] == 404
    told = (await world.ask("GET", "/map/locations", token=""))[1]
    check("Location", told["data"][0])


async def test_the_port_is_shared_by_path(world: World) -> None:
    table = PlainHttpTable([world.endpoint])
    for head in (b"GET /ocpi/versions HTTP/1.1\r\n", b"GET /map/locations?key=1 HTTP/1.1\r\n"):
        assert table.wants(head)
    for head in (
        b"GET /ocpp/CP-1 HTTP/1.1\r\nUpgrade: websocket\r\n",
        b"GET /ocpi/x HTTP/1.1\r\nUpgrade: websocket\r\n",
        b"GET /ocpix HTTP/1.1\r\n",
        b"GET / HTTP/1.1\r\n",
    ):
        assert not table.wants(head)
