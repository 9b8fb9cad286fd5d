"""A station that speaks SOAP in a story told on memory wires: the same moves as `MemoryWire`, in envelopes.

The envelopes go through the server's guard, its service and its SOAP links; only HTTP and the worker threads are left
out, because threads and a clock that jumps do not go together.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from xml.sax.saxutils import escape

import trio

from csms.actors.soap_link import SoapCall, SoapStations, Trust
from csms.ocpp.faults import Fault
from csms.ocpp.v15.payloads import Payload
from csms.ports.soap import PrintedRequest, StationAnswer
from csms.transport.soap.client import read_answer
from csms.transport.soap.envelope import read_envelope, soap_fault
from csms.transport.soap.printing import print_fault, print_request, print_response
from csms.transport.soap.repair import repair
from csms.transport.soap.service import CentralSystemService
from tests.kit.actor_world import Node
from tests.kit.fake_soap import FakeSoapAddresses
from tests.kit.soap_station import CP, ENVELOPE, SOAP, WSA, Order, Reply, SoapStation

PEER = "192.0.2.15"
_SERVICE = CentralSystemService()


class SoapWire:
    """`ask`, `hear` and `say` as `MemoryWire` has them; payloads are XML with the prefix cs."""

    def __init__(self, node: Node, station_id: int = 1) -> None:
        self._node = node
        self._station_id = station_id
        self._box = SoapStation(80, f"CP-{station_id}", own_address=f"http://{PEER}/box")
        self._asked, self._orders = trio.open_memory_channel[tuple[PrintedRequest, Order]](8)
        self._said, self._answers = trio.open_memory_channel[bytes](8)
        self._stations = SoapStations(
            node.registry,
            client=self,
            addresses=FakeSoapAddresses(),
            message_log=node.log,  # type: ignore[arg-type]  # links use `record` alone
            heartbeat_s=300,
            trust=Trust.SAME_HOST,
            now=node.now,
        )

    # -- the station's end ---------------------------------------------------------------------------------------

    async def ask(self, action: str, fields: str) -> Reply:
        """A request that must not be answered with a fault."""
        name = f"{action[0].lower()}{action[1:]}Request"
        content = self._box.envelope(action, f"<cs:{name}>{fields}</cs:{name}>").encode()
        read = read_envelope(content)
        assert read.body is not None
        repair(read.body)

        async def render(outcome: Payload | Fault) -> bytes:
            await trio.lowlevel.checkpoint()
            if isinstance(outcome, Fault):
                return print_fault(soap_fault(outcome, read.origin))
            return print_response(read.origin, action, _SERVICE.encode(action, outcome))

        addressing = read.origin.addressing
        call = SoapCall(
            action, _SERVICE.decode(read.body), content, addressing.message_id, PEER, addressing.from_address, render
        )
        reply = Reply(200, {}, await self._stations.take_in(self._station_id, read.identity, call))
        assert not reply.fault, reply.body
        return reply

    async def hear(self) -> Any:
        """The next order, as [2, message id, action, fields]; fields with one text each."""
        request, order = await self._orders.receive()
        return [2, request.message_id, order.action, {name: texts[0] for name, texts in order.fields.items()}]

    def say(self, data: bytes | str) -> None:
        """Answer the order that was heard: [3, message id, {…}] is told in SOAP."""
        self._said.send_nowait(data.encode() if isinstance(data, str) else data)

    def hang_up(self) -> None:
        """There is nothing to hang up."""

    # -- `csms.ports.soap.SoapClient` -----------------------------------------------------------------------------

    def print(self, identity: str, address: str, action: str, payload: dict[str, object]) -> PrintedRequest:
        message_id = f"m{self._node.registry.counts().actors}-{trio.current_time()}"
        content = print_request(
            action, identity, to=address, sender="http://us/", message_id=message_id, payload=payload
        )
        return PrintedRequest(action, message_id, content)

    async def send(self, address: str, request: PrintedRequest) -> StationAnswer:
        assert address == self._box.own_address
        await self._asked.send((request, self._box._order("", request.content)))
        _, message_id, payload = json.loads(await self._answers.receive())
        fields = "".join(f"<cs:{name}>{escape(str(value))}</cs:{name}>" for name, value in payload.items())
        name = f"{request.action[0].lower()}{request.action[1:]}Response"
        header = f"<wsa5:RelatesTo>{message_id}</wsa5:RelatesTo>"
        content = ENVELOPE.format(soap=SOAP, wsa=WSA, ns=CP, header=header, body=f"<cs:{name}>{fields}</cs:{name}>")
        return read_answer(request, 200, content.encode(), "")


def elements(pairs: Sequence[tuple[str, object]]) -> str:
    """(name, value) as XML."""
    return "".join(f"<cs:{name}>{value}</cs:{name}>" for name, value in pairs)
