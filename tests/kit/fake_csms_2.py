"""Tiny central systems of OCPP 2.x and 1.5 on memory streams, with the mishaps of `FakeCsms`."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from datetime import datetime

import trio
from trio_websocket import ConnectionClosed

from tests.kit.fake_csms import REGISTER, FakeCsms, Json, KeptSession, Received, other_quantities
from tests.kit.soap_station import CS, ENVELOPE, SOAP, WSA, read_http


class FakeCsms2(FakeCsms):
    """2.0.1, or 2.1 when it is given as `subprotocol`. `events` are the transaction events in order."""

    def __init__(self, nursery: trio.Nursery, subprotocol: str = "ocpp2.0.1") -> None:
        super().__init__(nursery)
        self.subprotocol = subprotocol
        self.named: dict[str, KeptSession] = {}

    def events(self, kind: str = "") -> list[Json]:
        """The transaction events, or those of one kind."""
        return [event for event in self.payloads("TransactionEvent") if kind in ("", event["eventType"])]

    def _answer(self, station: str, action: str, payload: Json) -> Json:
        match action:
            case "Authorize":
                return {"idTokenInfo": {"status": self.tag_status}}
            case "TransactionEvent":
                self._event(station, payload)
                return {"idTokenInfo": {"status": self.tag_status}} if "idToken" in payload else {}
            case "MeterValues":
                return {}
            case _:
                return super()._answer(station, action, payload)

    def _event(self, station: str, event: Json) -> None:
        info = event["transactionInfo"]
        assert isinstance(info, dict)
        name = str(info["transactionId"])
        readings: dict[str, int] = {}
        for value in event.get("meterValue", []):  # type: ignore[attr-defined]
            for sampled in value["sampledValue"]:
                if sampled["measurand"] == REGISTER:
                    readings[sampled["context"]] = int(sampled["value"])
        if name not in self.named:
            assert event["eventType"] == "Started", "a station begins at the beginning"
            self.named[name] = KeptSession(
                station,
                0,
                int(event["evse"]["id"]),  # type: ignore[index]
                "",
                moment(event["timestamp"]),
                readings["Transaction.Begin"],
            )
        kept = self.named[name]
        token = event.get("idToken")
        if isinstance(token, dict) and token["idToken"]:
            kept.id_tag = str(token["idToken"])
        if "Sample.Periodic" in readings:
            kept.samples[moment(event["timestamp"])] = readings["Sample.Periodic"]
            (value,) = event["meterValue"]  # type: ignore[misc]
            kept.quantities[moment(event["timestamp"])] = other_quantities(value)
        if event["eventType"] == "Ended":
            kept.stop_time = moment(event["timestamp"])
            kept.meter_stop_wh = readings["Transaction.End"]
            kept.reason = str(info["stoppedReason"])


class FakeCsms15(FakeCsms):
    """SOAP over HTTP. What it understood of a request has the names of 1.6, so that the same books are kept."""

    async def serve(self, stream: trio.abc.Stream) -> None:
        """One connection, to its end."""
        while True:
            try:
                head, body = await read_http(stream)
            except (AssertionError, trio.BrokenResourceError, trio.ClosedResourceError):
                return
            try:
                await self._reply(stream, head, body)
            except (trio.BrokenResourceError, trio.ClosedResourceError, ConnectionClosed):
                return

    async def _reply(self, stream: trio.abc.Stream, head: str, body: bytes) -> None:
        root = ET.fromstring(body)
        station = root.findtext(f"{{{SOAP}}}Header/{{{CS}}}chargeBoxIdentity") or ""
        element = root.find(f"{{{SOAP}}}Body")
        assert element is not None
        name = element[0].tag.rpartition("}")[2].removesuffix("Request")
        action, payload = f"{name[0].upper()}{name[1:]}", _fields(element[0])
        self.received.append(Received(trio.current_time(), station, "", action, payload))
        self.paths.append(head.split(" ")[1])
        if self.reject_with is not None:
            await _send(stream, f"{self.reject_with} No", "")
            return
        if self.refusals[action] > 0:
            self.refusals[action] -= 1
            await _send(stream, "500 Internal Server Error", _fault())
            return
        answer = self._said(station, action, payload)
        if self.lost_answers[action] > 0:
            self.lost_answers[action] -= 1
            return
        await trio.sleep(self.delays.get(action, 0))
        content = f"<cs:{name}Response>{answer}</cs:{name}Response>"
        await _send(stream, "200 OK", ENVELOPE.format(soap=SOAP, wsa=WSA, ns=CS, header="", body=content))

    def _said(self, station: str, action: str, payload: Json) -> str:
        if action == "StopTransaction":
            payload = {**payload, "reason": ""}
        if action == "MeterValues":
            values = payload["values"]
            assert isinstance(values, dict)
            meter_value = {
                "timestamp": values["timestamp"],
                "sampledValue": [{"measurand": REGISTER, "value": values["value"]}],
            }
            payload = {**payload, "meterValue": [meter_value]}
        if action in ("StartTransaction", "StatusNotification"):
            payload = {**payload, "connectorId": int(str(payload["connectorId"]))}
        answer = self._answer(station, action, payload)
        if "interval" in answer:
            answer["heartbeatInterval"] = answer.pop("interval")
        return _elements(answer)


def _fields(element: ET.Element) -> Json:
    """The first of each name: of meter values, the energy."""
    out: Json = {}
    for child in element:
        out.setdefault(child.tag.rpartition("}")[2], _fields(child) if len(child) else child.text or "")
    return out


def _elements(payload: Json) -> str:
    return "".join(
        f"<cs:{name}>{_elements(value) if isinstance(value, dict) else value}</cs:{name}>"
        for name, value in payload.items()
    )


def _fault() -> str:
    body = (
        "<SOAP-ENV:Fault><SOAP-ENV:Code><SOAP-ENV:Value>SOAP-ENV:Receiver</SOAP-ENV:Value><SOAP-ENV:Subcode>"
        "<SOAP-ENV:Value>cs:InternalError</SOAP-ENV:Value></SOAP-ENV:Subcode></SOAP-ENV:Code><SOAP-ENV:Reason>"
        '<SOAP-ENV:Text xml:lang="en">a mishap</SOAP-ENV:Text></SOAP-ENV:Reason></SOAP-ENV:Fault>'
    )
    return ENVELOPE.format(soap=SOAP, wsa=WSA, ns=CS, header="", body=body)


async def _send(stream: trio.abc.Stream, status: str, text: str) -> None:
    content = text.encode()
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/soap+xml\r\nContent-Length: {len(content)}\r\n\r\n"
    await stream.send_all(head.encode() + content)


def moment(text: object) -> datetime:
    """A time as stations write it."""
    return datetime.fromisoformat(str(text))
