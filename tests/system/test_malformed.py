"""Bad input over a real socket: the answer that OCPP-J 1.6 §4.2.3 names, the link that stays, the log that says why."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest
import trio

from control.v1 import messages_pb2, stations_pb2
from tests.kit.product import Api, Product, api, product
from tests.kit.raw_station import BINARY, booted, raw_station

pytestmark = [pytest.mark.system, pytest.mark.feature("F-OCPP-10")]

MEGABYTE = 1_048_576
FORMATION = "FormationViolation"
PROPERTY = "PropertyConstraintViolation"
TYPE = "TypeConstraintViolation"
OCCURRENCE = "OccurenceConstraintViolation"  # so it is spelt in 1.6, errata §5.2
PROTOCOL = "ProtocolError"
NOBODY = "-1"  # the message id of an answer to a CALL whose own could not be read


@dataclass(frozen=True)
class Case:
    """One bad frame: `answer` is (message id, code) of the CALLERROR, None for silence; `remark` is in the log."""

    name: str
    frame: bytes
    answer: tuple[str, str] | None
    remark: str
    opcode: int = 1


def call(action: str, payload: Any, message_id: Any = "m1") -> bytes:
    return json.dumps([2, message_id, action, payload]).encode()


def boot(**changes: Any) -> bytes:
    payload = {"chargePointVendor": "Acme", "chargePointModel": "One"} | changes
    return call("BootNotification", {name: value for name, value in payload.items() if value is not None})


def status(**changes: Any) -> bytes:
    return call("StatusNotification", {"connectorId": 1, "errorCode": "NoError", "status": "Available"} | changes)


def meter(values: Any) -> bytes:
    return call("MeterValues", {"connectorId": 1, "meterValue": values})


M1 = "m1"
CASES = [
    Case("not JSON", b"hello, central system", None, "is not JSON"),
    Case("empty", b"", None, "is empty"),
    Case("JSON, not an array", b'{"messageTypeId":2}', None, "not an array"),
    Case("an empty array", b"[]", None, "does not begin with a message type number"),
    Case("a text for the message type", b'["2","m1","Heartbeat",{}]', None, "does not begin with a message type"),
    Case("a CALL cut short after its id", b'[2,"m1","Heartbeat",{', (M1, FORMATION), "is not JSON"),
    Case("a CALL cut short before its id", b"[2,", (NOBODY, FORMATION), "is not JSON"),
    Case("a CALL with three elements", b'[2,"m1","Heartbeat"]', (M1, FORMATION), "this one has 3"),
    Case("a CALL with five elements", b'[2,"m1","Heartbeat",{},{}]', (M1, FORMATION), "this one has 5"),
    Case("a number for the message id", b'[2,42,"Heartbeat",{}]', (NOBODY, FORMATION), "message id must be a text"),
    Case("an endless message id", call("Heartbeat", {}, "i" * 256), (NOBODY, FORMATION), "message id must be a text"),
    Case("a number for the action", b'[2,"m1",7,{}]', (M1, FORMATION), "action must be a text"),
    Case("a list for the payload", call("Heartbeat", []), (M1, FORMATION), "payload must be a JSON object"),
    Case("not a number", b'[2,"m1","DataTransfer",{"vendorId":NaN}]', (M1, FORMATION), "is not JSON"),
    Case("an unknown message type", b'[7,"m1","Heartbeat",{}]', None, "Message type 7 does not exist"),
    Case("an unknown action", call("Heartbeet", {}), (M1, "NotImplemented"), "knows no action 'Heartbeet'"),
    Case("an action of the other direction", call("Reset", {"type": "Soft"}), (M1, "NotSupported"), "Reset"),
    Case("something required is missing", boot(chargePointModel=None), (M1, PROTOCOL), "chargePointModel is missing"),
    Case("an unknown property", boot(colour="green"), (M1, FORMATION), "no property colour"),
    Case("a wrong type", status(connectorId="1"), (M1, TYPE), "connectorId: must be of type integer"),
    Case("a wrong type inside", meter([{"timestamp": "2026-03-01T10:00:00Z", "sampledValue": 7}]), (M1, TYPE), "array"),
    Case("a value that is none of them", status(status="Asleep"), (M1, PROPERTY), "status: must be one of"),
    Case("a text too long", boot(chargePointVendor="v" * 21), (M1, PROPERTY), "longer than 20 characters"),
    Case("too few items", meter([]), (M1, OCCURRENCE), "has fewer than 1 elements"),
    Case("a date that is none", status(timestamp="yesterday"), (M1, FORMATION), "not a date and time"),
    Case("a NUL character", call("DataTransfer", {"vendorId": "a\0b"}), (M1, PROPERTY), "NUL character"),
    Case("a lone surrogate", b'[2,"m1","DataTransfer",{"vendorId":"\\ud800"}]', (M1, FORMATION), ""),
    Case("not UTF-8", b'[2,"m1","DataTransfer",{"vendorId":"\xff\xfe"}]', (M1, FORMATION), ""),
    Case("not UTF-8 anywhere", b"\xff\xfe\xfd", None, "is not JSON"),
    Case("100,000 brackets", b"[" * 100_000 + b"]" * 100_000, None, "nested too deeply"),
    Case(
        "100,000 brackets inside",
        b'[2,"m1","DataTransfer",{"vendorId":"v","data":' + b"[" * 100_000 + b"]" * 100_000 + b"}]",
        (M1, FORMATION),
        "nested too deeply",
    ),
    Case("100,000 open brackets", b"[" * 100_000, None, ""),
    Case("binary", b'[2,"m1","Heartbeat",{}]', None, "A binary message of 23 bytes was refused", BINARY),
    Case("a CALLRESULT that nobody asked for", b'[3,"m1",{}]', None, "no call with this id is waiting"),
    Case("a CALLERROR that nobody asked for", b'[4,"m1","InternalError","",{}]', None, "no call with this id"),
    Case("a CALLRESULT of wrong length", b'[3,"m1"]', None, "malformed"),
]


@dataclass
class Seen:
    """What one station got and what the log says about it."""

    answers: list[list[Any]] = field(default_factory=list)
    entries: list[messages_pb2.MessageLogEntry] = field(default_factory=list)

    @property
    def remarks(self) -> list[str]:
        return [e.content for e in self.entries if e.direction == messages_pb2.MESSAGE_DIRECTION_REMARK]


@pytest.fixture(scope="module")
def running() -> Iterator[Product]:
    with product(unknown_stations="accept") as made:
        yield made


@pytest.fixture(scope="module")
def control(running: Product) -> Iterator[Api]:
    with api(running) as made:
        yield made


async def ask(method: Any, request: Any) -> Any:
    return await trio.to_thread.run_sync(partial(method, request, timeout=60), abandon_on_cancel=True)


async def log_until(control: Api, identity: str, ending: str) -> list[messages_pb2.MessageLogEntry]:
    """The station's message log, oldest first, once it holds a line with `ending` in it."""
    wanted = stations_pb2.ListStationsRequest(filter=stations_pb2.StationFilter(query=identity))
    listed = await ask(control.stations.ListStations, wanted)
    name = next(station.name for station in listed.stations if station.identity == identity)
    entries: list[messages_pb2.MessageLogEntry] = []
    with trio.move_on_after(10):
        while not any(ending in entry.content for entry in entries):
            await trio.sleep(0.05)
            request = messages_pb2.ListMessagesRequest(station=name, page_size=200)
            entries = list((await ask(control.messages.ListMessages, request)).entries)
    assert entries, f"the message log of {identity} is empty"
    return sorted(entries, key=lambda entry: entry.sequence)


@pytest.fixture(scope="module")
def seen(running: Product, control: Api) -> dict[str, Seen]:
    """All cases at once, each by its own station: the log is written twice a second, and nobody wants to wait."""
    found = {case.name: Seen() for case in CASES}

    async def go_through(index: int, case: Case) -> None:
        identity = f"BAD-{index:02d}"
        async with booted(running, identity) as charger:
            await charger.send(case.frame, case.opcode)
            found[case.name].answers = await charger.answers()
        found[case.name].entries = await log_until(control, identity, "Disconnected")

    async def all_of_them() -> None:
        with trio.fail_after(60):
            async with trio.open_nursery() as nursery:
                for index, case in enumerate(CASES):
                    nursery.start_soon(go_through, index, case)

    trio.run(all_of_them)
    return found


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_answer_is_the_one_the_specification_names(case: Case, seen: dict[str, Seen]) -> None:
    answers = seen[case.name].answers
    if case.answer is None:
        assert answers == []
        return
    assert [tuple(answer[:3]) for answer in answers] == [(4, *case.answer)]
    (_, _, _, description, details), *_ = answers
    assert 0 < len(description) <= 255
    assert isinstance(details, dict)


@pytest.mark.feature("F-OCPP-12")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_message_log_says_what_was_wrong(case: Case, seen: dict[str, Seen]) -> None:
    remarks = [r for r in seen[case.name].remarks if not r.startswith(("Connected", "Disconnected"))]
    assert len(remarks) == 1
    assert case.remark in remarks[0]
    assert len(remarks[0]) < 1000
    sent = messages_pb2.MESSAGE_DIRECTION_SENT
    errors = [e for e in seen[case.name].entries if e.direction == sent and e.content.startswith("[4,")]
    assert len(errors) == (0 if case.answer is None else 1)


async def test_null_for_the_payload_of_a_heartbeat_is_forgiven(running: Product) -> None:
    async with booted(running, "NULL") as charger:
        await charger.send(b'[2,"m1","Heartbeat",null]')
        (answer,) = await charger.answers()
    assert answer[:2] == [3, "m1"]
    assert "currentTime" in answer[2]


async def test_a_frame_of_a_megabyte_is_read(running: Product) -> None:
    async with booted(running, "LARGE") as charger:
        empty = call("DataTransfer", {"vendorId": "v", "data": ""})
        frame = empty.replace(b'""', b'"' + b"x" * (MEGABYTE - len(empty)) + b'"')
        assert len(frame) == MEGABYTE
        await charger.send(frame)
        (answer,) = await charger.answers()
    assert answer[:2] == [3, "m1"]


@pytest.mark.feature("F-OCPP-12")
async def test_a_frame_of_more_than_a_megabyte_ends_the_link_with_1009(running: Product, control: Api) -> None:
    async with booted(running, "GIANT") as charger:
        await charger.send(b" " * (MEGABYTE + 1))
        assert await charger.receive() is None
        assert charger.close_code == 1009
    async with booted(running, "GIANT") as charger:  # and may come again
        assert await charger.answers() == []
    assert any("1009" in entry.content for entry in await log_until(control, "GIANT", "1009"))


async def test_who_sends_nothing_but_nonsense_is_closed(running: Product, control: Api) -> None:
    async with booted(running, "FLOOD") as charger:
        for _ in range(32):
            await charger.send(b"nonsense")
        assert await charger.receive() is None
        assert charger.close_code == 1008
    assert any("32 frames in a row" in entry.content for entry in await log_until(control, "FLOOD", "in a row"))


@pytest.mark.feature("F-OCPP-12")
async def test_a_call_that_comes_twice_is_answered_with_the_same_words(running: Product, control: Api) -> None:
    start = {"connectorId": 1, "idTag": "NOBODY", "meterStart": 5, "timestamp": "2026-03-01T10:00:00Z"}
    async with booted(running, "AGAIN") as charger:
        for _ in range(2):
            await charger.send(call("StartTransaction", start))
        first, second = await charger.answers()
    assert first == second
    assert first[:2] == [3, "m1"]
    entries = await log_until(control, "AGAIN", "came again")
    assert any("its answer was sent again" in entry.content for entry in entries)


async def test_a_station_that_never_changes_its_message_ids(running: Product) -> None:
    async with booted(running, "SAME-ID") as charger:
        await charger.send(status())
        await charger.send(call("DataTransfer", {"vendorId": "v"}))
        answers = await charger.answers()
    assert [answer[:2] for answer in answers] == [[3, "m1"], [3, "m1"]]
    assert answers[0] != answers[1]


# -- before the first frame ------------------------------------------------------------------------------------------


@pytest.mark.feature("F-OCPP-6")
@pytest.mark.parametrize("offer", [None, "ocpp9.9", "chat, soap"])
async def test_no_common_subprotocol(running: Product, offer: str | None) -> None:
    async with raw_station(running, "/ocpp/SPEECHLESS", subprotocols=offer) as charger:
        # OCPP-J 1.6 §3.1.2: the handshake is completed without a subprotocol, then the connection is closed.
        assert charger.status == 101
        assert "sec-websocket-protocol" not in charger.headers
        assert await charger.receive() is None
        assert charger.close_code == 1002
        assert "ocpp1.6" in charger.close_reason


@pytest.mark.feature("F-OCPP-6")
async def test_the_subprotocol_is_found_among_others(running: Product) -> None:
    async with raw_station(running, "/ocpp/POLYGLOT", subprotocols="ocpp9.9, ocpp1.6") as charger:
        assert (charger.status, charger.headers["sec-websocket-protocol"]) == (101, "ocpp1.6")


@pytest.mark.feature("F-OCPP-7")
async def test_passwords_wrong_missing_or_of_somebody_else(running: Product, control: Api) -> None:
    create = stations_pb2.CreateStationRequest(station=stations_pb2.Station(identity="LOCKED"))
    name = (await ask(control.stations.CreateStation, create)).station.name
    generate = stations_pb2.SetStationPasswordRequest(name=name)
    secret = (await ask(control.stations.SetStationPassword, generate)).password
    for wrong in (None, "LOCKED:no-no-no-no-no-no-", f"OTHER:{secret}", "LOCKED:", "no colon"):
        async with raw_station(running, "/ocpp/LOCKED", credentials=wrong) as charger:
            assert charger.status == 401, wrong
            assert charger.headers["www-authenticate"].startswith("Basic")
            assert "password" in (await charger.body()).lower()
    async with raw_station(running, "/ocpp/LOCKED", credentials=f"LOCKED:{secret}") as charger:
        assert charger.status == 101
    assert "wrong password" in running.log.read_text()


@pytest.mark.feature("F-OCPP-6")
@pytest.mark.parametrize(
    ("target", "status", "says"),
    [
        ("/ocpp/A%2FB", 400, "no slash"),
        ("/ocpp/" + "x" * 256, 400, "longer than 255"),
        ("/ocpp/A%00B", 400, "printable"),
        ("/ocpp/A%0AB", 400, "printable"),
        ("/ocpp/A%7FB", 400, "printable"),
        ("/ocpp/%FF%FE", 400, "UTF-8"),
        ("/ocpp/50%", 400, "two hex digits"),
        ("/ocpp/%20A", 400, "no blank"),
        ("/ocpp/A%3FB", 400, "none of"),
        ("/ocpp/", 404, "/ocpp/"),
        ("/ocpp/A/B", 404, "/ocpp/"),
        ("/elsewhere", 404, "/ocpp/"),
    ],
)
async def test_addresses_that_are_no_stations(running: Product, target: str, status: int, says: str) -> None:
    async with raw_station(running, target) as charger:
        assert charger.status == status
        assert says in await charger.body()


@pytest.mark.feature("F-OCPP-6")
async def test_an_identity_is_percent_decoded(running: Product, control: Api) -> None:
    async with booted(running, "CP%C3%BC%20%2B1"):
        wanted = stations_pb2.ListStationsRequest(filter=stations_pb2.StationFilter(query="CPü +1"))
        listed = await ask(control.stations.ListStations, wanted)
    assert [station.identity for station in listed.stations] == ["CPü +1"]


async def test_a_browser_that_comes_by_is_told_what_this_is(running: Product) -> None:
    async with raw_station(running, "/ocpp/BROWSER", websocket=False) as visitor:
        assert visitor.status == 426
        assert "charging stations" in await visitor.body()


async def raw_bytes(running: Product, data: bytes) -> bytes:
    stream = await trio.open_tcp_stream("127.0.0.1", running.ocpp_port)
    async with stream:
        await stream.send_all(data)
        return b"".join([chunk async for chunk in stream])


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),  # a TLS hello on the plain port
        (b"GET /ocpp/A HTTP/1.1\r\nbroken\r\n\r\n", 400),
        (b"GET /ocpp/A HTTP/1.1\r\nX: " + b"x" * 20_000 + b"\r\n\r\n", 431),
    ],
    ids=["TLS", "no HTTP", "too long"],
)
async def test_noise_in_place_of_a_request(running: Product, data: bytes, status: int) -> None:
    with trio.fail_after(60):
        assert (await raw_bytes(running, data)).startswith(b"HTTP/1.1 %d " % status)


def test_nothing_of_it_was_a_crash(running: Product, seen: dict[str, Seen]) -> None:
    assert seen
    assert running.healthy()
    assert "Traceback" not in running.log.read_text()
