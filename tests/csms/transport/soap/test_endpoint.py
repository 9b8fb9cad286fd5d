"""`/Ocpp/CentralSystemService15`: who is let in, and what attacks and mishaps are answered."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
import trio

from csms.actors.soap_link import SoapCall
from csms.actors.world import LinkLost
from csms.domain.errors import Unavailable
from csms.domain.facts import RegistrationStatus
from csms.ocpp.faults import ErrorCode, Fault
from csms.ocpp.v15.payloads import Payload
from csms.ports.stores import StationRow
from csms.transport.http import HttpRequest
from csms.transport.soap.endpoint import PATH, SoapEndpoint
from csms.transport.websocket import WRONG_CREDENTIALS, Admitted, ConnectionAttempt, Refused
from tests.csms.transport.soap.messages import IDENTITY, SOAP_11, WSA, envelope, reference
from tests.kit.soap_station import Reply

pytestmark = pytest.mark.feature("F-OCPP-3")

KNOCK = ConnectionAttempt("", "192.0.2.7", None, (), None, tls=False, path="")
ROW = StationRow(1, "BOX", "", "", "", RegistrationStatus.ACCEPTED, None, 1)
AUTHORIZE = "<cs:authorizeRequest><cs:idTag>TAG</cs:idTag></cs:authorizeRequest>"
INFO: Payload = {"idTagInfo": {"status": "Accepted"}}


class FakeStations:
    """Answers what a test says; `calls` and `refused` are what came."""

    def __init__(self, outcome: Payload | Fault | Exception) -> None:
        self.outcome = outcome
        self.calls: list[SoapCall] = []
        self.refused: list[str] = []

    async def take_in(self, station_id: int, identity: str, call: SoapCall) -> bytes:
        self.calls.append(call)
        if isinstance(self.outcome, Exception) and not isinstance(self.outcome, Fault):
            raise self.outcome
        return await call.render(self.outcome)

    def note_refused(self, station_id: int, content: bytes, reason: str, answer: bytes) -> None:
        self.refused.append(reason)


class Door:
    """An endpoint with an admission that lets BOX in."""

    def __init__(self, outcome: Payload | Fault | Exception = INFO, *, public_address: str = "") -> None:
        self.stations = FakeStations(outcome)
        self.endpoint = SoapEndpoint(self.stations, public_address=public_address)
        self.attempts: list[ConnectionAttempt] = []
        self.refusal: Refused | None = None

    async def admit(self, attempt: ConnectionAttempt) -> Admitted[StationRow] | Refused:
        await trio.lowlevel.checkpoint()
        self.attempts.append(attempt)
        return self.refusal or Admitted(attempt.identity, ROW)

    async def post(self, content: bytes, *headers: tuple[str, str]) -> Reply:
        return await self.ask("POST", PATH, content, *headers)

    async def ask(self, method: str, target: str, body: bytes = b"", *headers: tuple[str, str]) -> Reply:
        answer = await self.endpoint.answer(HttpRequest(method, target, headers, body), KNOCK, self.admit)
        return Reply(answer.status, {"content-type": answer.content_type, **dict(answer.headers)}, answer.body)


# -- what goes well ----------------------------------------------------------------------------------------------------


async def test_a_request_is_answered_in_kind() -> None:
    door = Door()
    header = f"{IDENTITY}<w:MessageID>id-7</w:MessageID>{reference('From', 'http://192.0.2.7/')}"
    reply = await door.post(envelope(AUTHORIZE, header))
    assert (reply.status, reply.element, reply.find("status")) == (200, "authorizeResponse", "Accepted")
    assert (reply.header("RelatesTo"), reply.header("Action")) == ("id-7", "/AuthorizeResponse")
    assert reply.headers["content-type"].startswith("application/soap+xml")
    (call,) = door.stations.calls
    assert (call.action, call.payload, call.message_id) == ("Authorize", {"idTag": "TAG"}, "id-7")
    assert (call.own_address, call.remote_address) == ("http://192.0.2.7/", "192.0.2.7")
    (attempt,) = door.attempts
    assert (attempt.identity, attempt.subprotocol, attempt.basic_credentials) == ("BOX", "ocpp1.5", None)


async def test_soap_11_is_answered_in_soap_11() -> None:
    reply = await Door().post(envelope(AUTHORIZE, soap=SOAP_11))
    assert (reply.status, reply.element) == (200, "authorizeResponse")
    assert reply.headers["content-type"].startswith("text/xml")


async def test_utf_16_is_read() -> None:
    content = '<?xml version="1.0" encoding="utf-16"?>' + envelope(AUTHORIZE).decode()
    assert (await Door().post(content.encode("utf-16"))).status == 200


async def test_who_wants_no_answer_gets_none() -> None:
    door = Door()
    header = f"{IDENTITY}<w:MessageID>i</w:MessageID>{reference('ReplyTo', f'{WSA}/none')}"
    reply = await door.post(envelope(AUTHORIZE, header))
    assert (reply.status, reply.body, len(door.stations.calls)) == (202, b"", 1)


async def test_repairs_and_remarks_reach_the_log() -> None:
    door = Door()
    body = AUTHORIZE.replace("TAG", " TAG ")
    await door.post(envelope(body, f"{IDENTITY}<w:Action>/Heartbeat</w:Action>"))
    assert len(door.stations.calls[0].remarks) == 2


async def test_the_password_is_handed_on() -> None:
    door = Door()
    await door.post(envelope(AUTHORIZE), ("authorization", "Basic Qk9YOnNlY3JldA=="))
    assert door.attempts[0].basic_credentials == ("BOX", b"secret")


# -- what is refused ---------------------------------------------------------------------------------------------------

LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
OLD = '<o:heartbeatRequest xmlns:o="urn://Ocpp/Cs/2010/08/"/>'


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", ["Sender", "ProtocolError"]),
        (b"\x00\xff\xfe", ["Sender", "ProtocolError"]),
        (b"{}", ["Sender", "ProtocolError"]),
        (b"<html/>", ["VersionMismatch"]),
        (f'<!DOCTYPE a [<!ENTITY l0 "ha">{LAUGHS}]>'.encode() + envelope("&l9;"), ["Sender", "ProtocolError"]),
        (
            b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>' + envelope(AUTHORIZE.replace("TAG", "&x;")),
            ["Sender", "ProtocolError"],
        ),
        (b" " * 1_100_000, ["Sender", "ProtocolError"]),
        (envelope(AUTHORIZE, ""), ["Sender", "IdentityMismatch"]),
        (envelope(AUTHORIZE, IDENTITY.replace("BOX", "B" * 300)), ["Sender", "IdentityMismatch"]),
        (envelope(AUTHORIZE, f'{IDENTITY}<x:y s:mustUnderstand="1"/>'), ["MustUnderstand"]),
        (envelope(OLD), ["Receiver", "NotSupported"]),
        (envelope("<heartbeatRequest/>"), ["Receiver", "NotSupported"]),
        (envelope("<cs:resetRequest/>"), ["Receiver", "NotSupported"]),
        (envelope(""), ["Sender", "ProtocolError"]),
        (envelope("<cs:authorizeRequest/>"), ["Sender", "ProtocolError"]),
        (envelope(AUTHORIZE.replace("TAG", "T" * 21)), ["Sender", "ProtocolError"]),
        (
            envelope(AUTHORIZE, f"{IDENTITY}{reference('ReplyTo', 'http://192.0.2.66/')}"),
            ["Sender", "InvalidAddressingHeader", "OnlyAnonymousAddressSupported"],
        ),
    ],
    ids=range(17),
)
async def test_attacks_and_mishaps_are_faults(content: bytes, fault: list[str]) -> None:
    door = Door()
    reply = await door.post(content)
    assert reply.fault == fault
    assert reply.status == (500 if fault[0] != "Sender" else 400)
    assert door.stations.calls == []


START = (
    "<cs:startTransactionRequest><cs:connectorId>{}</cs:connectorId><cs:idTag>T</cs:idTag>"
    "<cs:timestamp>{}</cs:timestamp><cs:meterStart>{}</cs:meterStart></cs:startTransactionRequest>"
)


@pytest.mark.parametrize(
    ("connector", "at", "meter"),
    [
        ("one", "2026-03-01T12:00:00Z", "0"),
        ("1", "soon", "0"),
        ("1", "2026-03-01T12:00:00Z", "9" * 5000),
        ("1", "2026-03-01T12:00:00Z", "1e3"),
        ("1", "9999-12-31T24:00:00Z", "0"),
        ("", "", ""),
        ("1", "0000-00-00T00:00:00Z", "0"),
    ],
)
async def test_values_that_are_none_are_faults_and_stand_in_the_log(connector: str, at: str, meter: str) -> None:
    door = Door()
    reply = await door.post(envelope(START.format(connector, at, meter)))
    assert (reply.status, reply.fault) == (400, ["Sender", "ProtocolError"])
    assert len(door.stations.refused) == 1


async def test_midnight_may_be_24_hours() -> None:
    door = Door({"transactionId": 1, "idTagInfo": {"status": "Accepted"}})
    assert (await door.post(envelope(START.format("1", "2026-03-01T24:00:00Z", "0")))).status == 200
    assert str(door.stations.calls[0].payload["timestamp"]).startswith("2026-03-02 00:00:00")


@pytest.mark.parametrize(
    ("refusal", "code"),
    [
        (WRONG_CREDENTIALS, "SecurityError"),
        (Refused(403, "no"), "SecurityError"),
        (Refused(404, "no"), "IdentityMismatch"),
        (Refused(429, "later", (("Retry-After", "9"),)), "InternalError"),
        (Refused(503, "later"), "InternalError"),
    ],
)
async def test_who_is_not_let_in_is_told_so_in_soap(refusal: Refused, code: str) -> None:
    door = Door()
    door.refusal = refusal
    reply = await door.post(envelope(AUTHORIZE))
    assert (reply.status, reply.fault[-1]) == (refusal.status, code)
    assert set(dict(refusal.headers)) <= set(reply.headers)


@pytest.mark.parametrize("error", [Unavailable("the database is away"), LinkLost("a newer link")])
async def test_what_cannot_be_taken_now_is_to_be_sent_again(error: Exception) -> None:
    reply = await Door(error).post(envelope(AUTHORIZE))
    assert (reply.status, reply.fault) == (503, ["Receiver", "InternalError"])
    assert "Retry-After" in reply.headers


@pytest.mark.parametrize(
    ("fault", "soap", "status"),
    [
        (Fault(ErrorCode.SECURITY_ERROR, "x"), "", 400),
        (Fault(ErrorCode.INTERNAL_ERROR, "x"), "", 500),
        (Fault(ErrorCode.SECURITY_ERROR, "x"), SOAP_11, 500),
    ],
)
async def test_faults_of_the_actor_have_their_status(fault: Fault, soap: str, status: int) -> None:
    content = envelope(AUTHORIZE, soap=soap) if soap else envelope(AUTHORIZE)
    reply = await Door(fault).post(content)
    assert (reply.status, bool(reply.fault)) == (status, True)


# -- HTTP around it ----------------------------------------------------------------------------------------------------


async def test_the_wsdl_names_the_address_that_was_asked() -> None:
    door = Door()
    reply = await door.ask("GET", f"{PATH}?WSDL", b"", ("host", "charge.example:9000"))
    assert (reply.status, b'location="http://charge.example:9000' + PATH.encode() in reply.body) == (200, True)
    assert (await door.ask("GET", f"{PATH}?wsdl")).status == 400
    assert (await door.ask("GET", f"{PATH}?wsdl", b"", ("host", '"><script>'))).status == 400


async def test_a_public_address_counts_more() -> None:
    public = "https://charge.example/ocpp15"
    reply = await Door(public_address=public).ask("GET", f"{PATH}?wsdl", b"", ("host", "inside"))
    assert f'location="{public}"'.encode() in reply.body


async def test_many_hosts_fill_no_memory() -> None:
    door = Door()
    for number in range(105):
        await door.ask("GET", f"{PATH}?wsdl", b"", ("host", f"h{number}"))
    assert len(door.endpoint._wsdl) <= 101


@pytest.mark.parametrize(
    ("method", "target", "status"),
    [("GET", PATH, 405), ("PUT", PATH, 405), ("POST", "/elsewhere", 404), ("GET", "/Ocpp/CentralSystemService12", 404)],
)
async def test_other_requests(method: str, target: str, status: int) -> None:
    assert (await Door().ask(method, target)).status == status


@pytest.mark.parametrize(
    ("head", "wanted"),
    [
        (f"POST {PATH} HTTP/1.1\r\nHost: h\r\n\r\n", True),
        (f"GET {PATH}?wsdl HTTP/1.1\r\n\r\n", True),
        (f"POST {PATH}/ HTTP/1.0\r\n\r\n", True),
        ("POST //ocpp/CentralSystemService15 HTTP/1.1\r\n\r\n", True),
        (f"GET {PATH}x HTTP/1.1\r\n\r\n", False),
        ("GET /ocpp/CP-1 HTTP/1.1\r\n\r\n", False),
        ("GET /healthz HTTP/1.1\r\n\r\n", False),
        ("GET /ocpp/CentralSystemService15 HTTP/1.1\r\nUpgrade: websocket\r\n\r\n", False),  # an odd identity
    ],
)
def test_what_is_for_us(head: str, wanted: bool) -> None:
    assert Door().endpoint.wants(head.encode()) is wanted


async def test_answers_wait_for_their_station_and_not_for_others() -> None:
    door, slow = Door(), trio.Event()
    render: list[Callable[[Payload | Fault], Awaitable[bytes]]] = []

    async def take_in(station_id: int, identity: str, call: SoapCall) -> bytes:
        render.append(call.render)
        if identity == "SLOW":
            await slow.wait()
        return await call.render(INFO)

    door.stations.take_in = take_in  # type: ignore[method-assign]
    async with trio.open_nursery() as nursery:
        for _ in range(5):
            nursery.start_soon(door.post, envelope(AUTHORIZE, IDENTITY.replace("BOX", "SLOW")))
        await trio.testing.wait_all_tasks_blocked()
        assert (await door.post(envelope(AUTHORIZE))).status == 200
        slow.set()
    assert len(render) == 6
