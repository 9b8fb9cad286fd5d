"""What a station says and hears in OCPP 1.5; whole lives are in test_versions.py."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import trio
import trio.testing
from lxml import etree

from csms.transport.soap.service import CentralSystemService
from loadtest.client import Json, Refusal
from loadtest.speech import soap
from loadtest.speech.speech import FirmwareOrder, LogOrder
from loadtest.speech.v15 import KNOWN, Speech15
from tests.kit.commanded import NOW, SpyStation
from tests.kit.fake_csms_2 import FakeCsms15
from tests.kit.stage import Stage, habits, visit

SPEECH = Speech15()


async def test_every_word_of_a_life_is_in_the_wsdl(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server's types of the WSDL are the judge: there is no schema of 1.5 in the ocpp package."""
    bodies: list[bytes] = []
    written = soap.request

    def noted(action: str, payload: Json, **headers: str) -> bytes:
        bodies.append(written(action, payload, **headers))
        return bodies[-1]

    monkeypatch.setattr(soap, "request", noted)
    stage = Stage(nursery, [visit(5, 60), visit(90, 60)], version="1.5", habits=habits(fault_share=0.5))
    await trio.sleep(20)
    stage.station.send_boot()
    stage.station.send_meter_values(1)
    for status in ("Downloading", "Downloaded", "Installed"):
        stage.station.say(SPEECH.firmware_status(status, FirmwareOrder("http://x")))
    for status in ("Uploading", "Uploaded", "UploadFailure"):
        stage.station.say(SPEECH.log_status(status, LogOrder("http://x", "f")))
    await stage.until_done()
    service = CentralSystemService()
    operations = set()
    for content in bodies:
        body = etree.fromstring(content).find(f"{{{soap.SOAP}}}Body")
        assert body is not None
        operations.add(service.operation(str(body[0].tag)))
        service.decode(body[0])
    assert len(operations) == 9
    assert None not in operations


async def test_a_refusal_of_http_makes_it_come_back_later(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    stage = Stage(nursery, [visit()], version="1.5")
    assert isinstance(stage.csms, FakeCsms15)
    stage.csms.reject_with = 503
    await trio.sleep(60)
    assert 3 <= stage.tally.errors["HTTP 503 to BootNotification"] <= 10
    stage.csms.reject_with = None
    await stage.until_done()
    stage.check()


def ask(action: str, payload: Json, spy: SpyStation | None = None) -> Json:
    spy = spy or SpyStation()
    return spy.consider(SPEECH.answer(spy, action, payload))


@pytest.mark.parametrize(
    ("action", "payload", "answer"),
    [
        ("UnlockConnector", {"connectorId": 1}, {"status": "Accepted"}),
        ("UnlockConnector", {"connectorId": 9}, {"status": "Rejected"}),
        ("Reset", {"type": "Soft"}, {"status": "Accepted"}),
        ("ClearCache", {}, {"status": "Accepted"}),
        ("GetLocalListVersion", {}, {"listVersion": 0}),
        ("UpdateFirmware", {"location": "ftp://x/y", "retrieveDate": "2025-01-01T00:00:00Z"}, {}),
        ("GetDiagnostics", {"location": "ftp://x/y"}, {"fileName": "diagnostics.log"}),
        ("RemoteStartTransaction", {"idTag": "A", "connectorId": 1}, {"status": "Accepted"}),
        ("RemoteStopTransaction", {"transactionId": 9}, {"status": "Rejected"}),
    ],
)
def test_answers(action: str, payload: Json, answer: Json) -> None:
    assert ask(action, payload) == answer


def test_the_local_list_has_another_spelling() -> None:
    spy = SpyStation()
    entries: Sequence[Json] = [{"idTag": "BAD", "idTagInfo": {"status": "Blocked"}}]
    order: Json = {"updateType": "Full", "listVersion": 2, "localAuthorisationList": entries}
    assert ask("SendLocalList", order, spy) == {"status": "Accepted"}
    assert spy.local_list.refuses("bad")


@pytest.mark.parametrize("action", ["TriggerMessage", "SetChargingProfile", "GetLog", "Dance"])
def test_what_1_5_does_not_know_is_refused(action: str) -> None:
    assert action not in KNOWN
    with pytest.raises(Refusal, match="NotSupported"):
        ask(action, {})


def test_less_is_said_than_in_later_versions() -> None:
    assert SPEECH.security_event("FirmwareUpdated", NOW) is None
    assert SPEECH.broken(1, "GroundFailure", NOW, 1, over=False) is None
    assert SPEECH.firmware_status("Downloading", None) is None
    assert SPEECH.log_status("Uploading", None) is None
    status = SPEECH.status(1, "SuspendedEVSE", NOW, "InternalError")
    assert status is not None
    assert (status[1]["status"], status[1]["errorCode"]) == ("Occupied", "OtherError")
    assert SPEECH.booted({"status": "Accepted", "heartbeatInterval": "300"}) == ("Accepted", 300.0)
    assert SPEECH.booted({"status": "Rejected"}) == ("Rejected", 0.0)
