"""The same charging story, told in each version's words, yields the same session record."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final

import msgspec
import pytest
import trio

from csms.domain.commands import RequestStartTransaction, RequestStopTransaction
from csms.domain.facts import AuthorizationStatus, ConnectorStatus
from csms.domain.transaction import Authentication, SessionState, Transaction
from csms.ocpp.dialect import Dialect
from csms.ocpp.v16.routes import Dialect16
from csms.ocpp.v21.routes import Dialect21
from csms.ocpp.v201.routes import Dialect201
from tests.kit.actor_world import Node, at, running_node
from tests.kit.fake_wire import MemoryWire
from tests.kit.soap_wire import SoapWire, elements


class Teller:
    """A station that tells the story. Each step is one moment of it; `wh` is the meter's reading."""

    dialect: Dialect

    def __init__(self, node: Node) -> None:
        self.node = node
        self.transaction: Any = None
        self.connect()

    def connect(self) -> None:
        """Come again."""
        self.wire: MemoryWire = self.node.connect(dialect=self.dialect)

    async def boot(self) -> None:
        raise NotImplementedError

    async def status(self, status: ConnectorStatus) -> None:
        """1.6 says exactly what; 2.x says Occupied."""
        raise NotImplementedError

    async def authorize(self, tag: str) -> str:
        raise NotImplementedError

    async def start(self, tag: str, seconds: float, wh: int, remote_start_id: int | None = None) -> str:
        raise NotImplementedError

    async def charge(self, seconds: float, wh: int, power_w: int) -> None:
        raise NotImplementedError

    async def stop(self, tag: str | None, seconds: float, wh: int, reason: str) -> None:
        raise NotImplementedError

    def samples(self, wh: int, power_w: int | None = None) -> list[dict[str, Any]]:
        raise NotImplementedError


class Teller16(Teller):
    dialect = Dialect16()

    async def boot(self) -> None:
        await self.wire.ask("BootNotification", {"chargePointVendor": "Volt", "chargePointModel": "One"})

    async def status(self, status: ConnectorStatus) -> None:
        payload = {"connectorId": 1, "errorCode": "NoError", "status": status.value}
        await self.wire.ask("StatusNotification", payload)

    async def authorize(self, tag: str) -> str:
        return str((await self.wire.ask("Authorize", {"idTag": tag}))["idTagInfo"]["status"])

    async def start(self, tag: str, seconds: float, wh: int, remote_start_id: int | None = None) -> str:
        payload = {"connectorId": 1, "idTag": tag, "meterStart": wh, "timestamp": at(seconds)}
        answer = await self.wire.ask("StartTransaction", payload)
        self.transaction = answer["transactionId"]
        await self.status(ConnectorStatus.CHARGING)
        return str(answer["idTagInfo"]["status"])

    async def charge(self, seconds: float, wh: int, power_w: int) -> None:
        values = [{"timestamp": at(seconds), "sampledValue": self.samples(wh, power_w)}]
        payload = {"connectorId": 1, "transactionId": self.transaction, "meterValue": values}
        await self.wire.ask("MeterValues", payload)

    async def stop(self, tag: str | None, seconds: float, wh: int, reason: str) -> None:
        payload = {"transactionId": self.transaction, "meterStop": wh, "timestamp": at(seconds), "reason": reason}
        await self.wire.ask("StopTransaction", payload if tag is None else {**payload, "idTag": tag})
        await self.status(ConnectorStatus.FINISHING)

    def samples(self, wh: int, power_w: int | None = None) -> list[dict[str, Any]]:
        energy = {"value": str(wh / 1000), "unit": "kWh"}
        return [energy, {"value": str(power_w), "measurand": "Power.Active.Import", "unit": "W"}]


class Teller201(Teller):
    dialect = Dialect201()
    seq_no = 0

    async def boot(self) -> None:
        station = {"vendorName": "Volt", "model": "One"}
        await self.wire.ask("BootNotification", {"reason": "PowerUp", "chargingStation": station})

    async def status(self, status: ConnectorStatus) -> None:
        word = "Available" if status is ConnectorStatus.AVAILABLE else "Occupied"
        payload = {"evseId": 1, "connectorId": 1, "connectorStatus": word, "timestamp": at(0)}
        await self.wire.ask("StatusNotification", payload)

    async def authorize(self, tag: str) -> str:
        payload = {"idToken": {"idToken": tag, "type": "ISO14443"}}
        return str((await self.wire.ask("Authorize", payload))["idTokenInfo"]["status"])

    async def event(self, kind: str, seconds: float, trigger: str, info: dict[str, Any], **more: Any) -> Any:
        payload = {
            "eventType": kind,
            "timestamp": at(seconds),
            "triggerReason": trigger,
            "seqNo": self.seq_no,
            "transactionInfo": {"transactionId": "8d1c-42", **info},
            **more,
        }
        self.seq_no += 1
        return await self.wire.ask("TransactionEvent", payload)

    async def start(self, tag: str, seconds: float, wh: int, remote_start_id: int | None = None) -> str:
        info: dict[str, Any] = {"chargingState": "Charging"}
        if remote_start_id is not None:
            info["remoteStartId"] = remote_start_id
        answer = await self.event(
            "Started",
            seconds,
            "Authorized" if remote_start_id is None else "RemoteStart",
            info,
            evse={"id": 1, "connectorId": 1},
            idToken={"idToken": tag, "type": "ISO14443"},
            meterValue=[{"timestamp": at(seconds), "sampledValue": self.samples(wh)}],
        )
        return str(answer["idTokenInfo"]["status"])

    async def charge(self, seconds: float, wh: int, power_w: int) -> None:
        values = [{"timestamp": at(seconds), "sampledValue": self.samples(wh, power_w)}]
        await self.event("Updated", seconds, "MeterValuePeriodic", {}, meterValue=values)

    async def stop(self, tag: str | None, seconds: float, wh: int, reason: str) -> None:
        values = [{"timestamp": at(seconds), "sampledValue": self.samples(wh)}]
        info = {"stoppedReason": reason, "chargingState": "EVConnected"}
        more = {} if tag is None else {"idToken": {"idToken": tag, "type": "ISO14443"}}
        trigger = "RemoteStop" if tag is None else "StopAuthorized"
        await self.event("Ended", seconds, trigger, info, meterValue=values, **more)

    def samples(self, wh: int, power_w: int | None = None) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = [{"value": wh / 1000, "unitOfMeasure": {"unit": "Wh", "multiplier": 3}}]
        if power_w is not None:
            found.append({"value": power_w, "measurand": "Power.Active.Import", "unitOfMeasure": {"unit": "W"}})
        return found


class Teller21(Teller201):
    dialect = Dialect21()


class Teller15(Teller):
    """In SOAP envelopes. 1.5 has one word for a connector in use, and none for why a transaction ended."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.wire: Any = SoapWire(node)
        self.transaction: Any = None

    def connect(self) -> None:
        """There is nothing to connect."""

    async def boot(self) -> None:
        fields = elements([("chargePointVendor", "Volt"), ("chargePointModel", "One")])
        await self.wire.ask("BootNotification", fields)

    async def status(self, status: ConnectorStatus) -> None:
        word = "Available" if status is ConnectorStatus.AVAILABLE else "Occupied"
        fields = elements([("connectorId", 1), ("status", word), ("errorCode", "NoError")])
        await self.wire.ask("StatusNotification", fields)

    async def authorize(self, tag: str) -> str:
        return str((await self.wire.ask("Authorize", elements([("idTag", tag)]))).find("status"))

    async def start(self, tag: str, seconds: float, wh: int, remote_start_id: int | None = None) -> str:
        fields = elements([("connectorId", 1), ("idTag", tag), ("timestamp", at(seconds)), ("meterStart", wh)])
        answer = await self.wire.ask("StartTransaction", fields)
        self.transaction = answer.find("transactionId")
        await self.status(ConnectorStatus.CHARGING)
        return str(answer.find("status"))

    async def charge(self, seconds: float, wh: int, power_w: int) -> None:
        values = (
            f'<cs:values>{elements([("timestamp", at(seconds))])}<cs:value unit="kWh">{wh / 1000}</cs:value>'
            f'<cs:value measurand="Power.Active.Import" unit="W">{power_w}</cs:value></cs:values>'
        )
        fields = elements([("connectorId", 1), ("transactionId", self.transaction)])
        await self.wire.ask("MeterValues", fields + values)

    async def stop(self, tag: str | None, seconds: float, wh: int, reason: str) -> None:
        named = [] if tag is None else [("idTag", tag)]
        fields = [("transactionId", self.transaction), *named, ("timestamp", at(seconds)), ("meterStop", wh)]
        await self.wire.ask("StopTransaction", elements(fields))
        await self.status(ConnectorStatus.FINISHING)


TELLERS: Final[list[type[Teller]]] = [Teller16, Teller201, Teller21, Teller15]
LACKS: Final[dict[type[Teller], frozenset[str]]] = {Teller15: frozenset({"stop_reason"})}
"""What a version cannot tell."""
SAME: Final = (
    *("station_id", "station_identity", "evse_id", "connector_id", "id_token", "authorization_status"),
    *("authentication", "state", "started_at", "stopped_at", "meter_start_wh", "meter_stop_wh", "energy_wh"),
    *("power_w", "max_power_w", "soc_percent", "stop_reason", "flags", "reservation_id"),
)
"""Not how many meter values there are: 1.6 tells the register at both ends beside them, 2.x within them."""


def told(session: Transaction, lacks: frozenset[str]) -> dict[str, Any]:
    """What must be the same, whoever told it."""
    return {name: getattr(session, name) for name in SAME if name not in lacks}


async def in_all_versions(story: Callable[[Teller], Awaitable[None]]) -> Transaction:
    """Tell it in each; the session is the same. Returns it."""
    sessions = []
    for kind in TELLERS:
        async with running_node() as node:
            teller = kind(node)
            await teller.boot()
            await story(teller)
            await node.rest()
            sessions.append(node.stores.session_of(1))
    for session, kind in zip(sessions, TELLERS, strict=True):
        lacks = LACKS.get(kind, frozenset())
        assert told(session, lacks) == told(sessions[0], lacks), kind.__name__
    return sessions[0]


@pytest.mark.feature("F-OCPP-3", "F-OCPP-4", "F-OCPP-5", "F-OCPP-9")
async def test_tag_first_is_the_same_session_in_all_versions(autojump_clock: object) -> None:
    async def story(cp: Teller) -> None:
        shown = []

        async def look() -> None:
            shown.append(cp.node.stores.statuses[1, 1, 1].status)

        await cp.status(ConnectorStatus.AVAILABLE)
        assert await cp.authorize("tag1") == "Accepted"
        await cp.status(ConnectorStatus.PREPARING)
        await look()
        assert await cp.start("tag1", 0, 1000) == "Accepted"
        await look()
        await cp.charge(900, 3000, 11_000)
        await cp.charge(1800, 4000, 7_000)
        await cp.stop("TAG1", 3600, 5000, "Local")
        await look()
        await cp.status(ConnectorStatus.AVAILABLE)
        await look()
        assert shown == [
            ConnectorStatus.PREPARING,
            ConnectorStatus.CHARGING,
            ConnectorStatus.FINISHING,
            ConnectorStatus.AVAILABLE,
        ]

    session = await in_all_versions(story)
    assert (session.energy_wh, session.max_power_w, session.flags) == (4000.0, 11_000.0, ())
    assert (session.id_token, session.stop_reason) == ("TAG1", "Local")
    assert (session.meter_start_wh, session.meter_stop_wh) == (1000.0, 5000.0)
    assert session.authentication is Authentication.RFID


@pytest.mark.feature("F-OCPP-3", "F-OCPP-4", "F-OCPP-5", "F-OCPP-11")
async def test_a_remote_start_and_stop_is_the_same_session_in_all_versions(autojump_clock: object) -> None:
    async def story(cp: Teller) -> None:
        directory = cp.node.directory

        async with trio.open_nursery() as nursery:
            start = RequestStartTransaction("TAG1", 1, 4711)
            nursery.start_soon(lambda: directory.send(1, start, timeout=30))
            _, message_id, action, payload = await cp.wire.hear()
            assert action in ("RequestStartTransaction", "RemoteStartTransaction")
            cp.wire.say(msgspec.json.encode([3, message_id, {"status": "Accepted"}]))
            await cp.start("TAG1", 0, 500, remote_start_id=payload.get("remoteStartId"))
        session = cp.node.stores.session_of(1)
        assert session.remote_start_id == 4711
        await cp.charge(60, 700, 5000)
        async with trio.open_nursery() as nursery:
            stop = RequestStopTransaction(session.transaction_id)
            nursery.start_soon(lambda: directory.send(1, stop, timeout=30))
            _, message_id, _, payload = await cp.wire.hear()
            assert str(payload["transactionId"]) == session.transaction_id
            cp.wire.say(msgspec.json.encode([3, message_id, {"status": "Accepted"}]))
            await cp.stop(None, 120, 900, "Remote")

    session = await in_all_versions(story)
    assert (session.energy_wh, session.stop_reason, session.flags) == (400.0, "Remote", ())
    assert session.authentication is Authentication.REMOTE


@pytest.mark.feature("F-OCPP-3", "F-OCPP-4", "F-OCPP-5", "F-OCPP-8")
async def test_a_blocked_tag_and_a_vehicle_that_leaves_are_the_same_in_all_versions(autojump_clock: object) -> None:
    async def story(cp: Teller) -> None:
        assert await cp.authorize("BAD") == "Blocked"
        assert await cp.start("BAD", 0, 0) == "Blocked"
        await cp.stop(None, 5, 0, "EVDisconnected")

    session = await in_all_versions(story)
    assert session.state is SessionState.ENDED
    assert session.authorization_status is AuthorizationStatus.BLOCKED
    assert (session.flags, session.stop_reason) == (("NOT_AUTHORIZED",), "EVDisconnected")


@pytest.mark.feature("F-OCPP-3", "F-OCPP-4", "F-OCPP-5", "F-OCPP-8")
async def test_an_answer_that_was_lost_is_given_again_in_all_versions(autojump_clock: object) -> None:
    async def story(cp: Teller) -> None:
        await cp.start("TAG1", 0, 1000)
        cp.wire.hang_up()
        cp.connect()
        await cp.boot()
        first = cp.transaction
        if isinstance(cp, Teller201):
            cp.seq_no = 0
        assert await cp.start("TAG1", 0, 1000) == "Accepted"
        assert cp.transaction == first
        await cp.stop("TAG1", 60, 1500, "Local")

    session = await in_all_versions(story)
    assert (session.energy_wh, session.flags) == (500.0, ())
