"""A station that speaks SOAP: no connection to hold, so its link is what was heard of it lately.

    what happens                                    the link
    ----------------------------------------------  ------------------------------------------------------------
    the first message comes                         attaches (and a WebSocket link of the same station has to go)
    a message comes                                 lives on
    nothing came for 2.5 heartbeat intervals        detaches: the station is offline
    a newer link takes over, the station is         ends; the next message makes a new one
      rejected, disconnected, crashed, drained

Messages of one station are worked on one at a time, in the order of their arrival; their answers leave after the disk.
Commands go to the address that an operator has set, or to the one that the station tells if the policy trusts it
(`Trust`): what stands in wsa:From may be written by anybody.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import partial
from typing import Final
from urllib.parse import urlsplit

import trio

from csms.actors.registry import Registry
from csms.actors.station import StationActor
from csms.actors.supervise import Bug, contain, translate, translate_reply
from csms.actors.world import LinkLost, LinkPort, NotSent, PreparedCall
from csms.domain.commands import Answer, Command
from csms.domain.errors import Unavailable
from csms.domain.facts import Fact, Reply
from csms.domain.station import NotAccepted
from csms.ocpp.faults import ErrorCode, Fault
from csms.ocpp.v15.payloads import Payload
from csms.ocpp.v15.routes import PROTOCOL, Dialect15
from csms.ports.directory import Claim
from csms.ports.message_log import Direction, MessageLog
from csms.ports.soap import SoapAddresses, SoapClient, StationAnswer, StationSilent, StationUnreachable

PATIENCE: Final = 2.5
"""Heartbeat intervals without a word until the station counts as offline."""
MAX_WAITING: Final = 32
"""Messages of one station that may wait for their turn."""
ADDRESS_MISSING: Final = "SOAP_ADDRESS_MISSING"
UNREACHABLE: Final = "STATION_UNREACHABLE"
_LONGEST_ADDRESS: Final = 500


class Trust(StrEnum):
    """Whose word counts for a station's own address, as long as no operator has set it."""

    NONE = "none"
    """Nobody's."""
    SAME_HOST = "same-host"
    """The station's, if it names the host that the message came from."""
    ANY = "any"
    """The station's."""


@dataclass(frozen=True, slots=True)
class SoapCall:
    """A message of a station. `render` makes the answer's bytes of a payload or a Fault."""

    action: str
    payload: Payload
    content: bytes
    message_id: str
    remote_address: str
    own_address: str
    """What it says its own address is (wsa:From); empty when it says none."""
    render: Callable[[Payload | Fault], Awaitable[bytes]]
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Prepared:
    """A command, in elements of OCPP 1.5."""

    command: Command
    action: str
    payload: Payload


def trusted(address: str, remote_address: str, trust: Trust) -> bool:
    """Whether commands may go to an address that a station told."""
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return False
    if parts.scheme not in ("http", "https") or not host or parts.username or len(address) > _LONGEST_ADDRESS:
        return False
    if trust is Trust.ANY:
        return True
    return trust is Trust.SAME_HOST and host == remote_address


class SoapLink(LinkPort):
    """See the module."""

    def __init__(
        self,
        actor: StationActor,
        identity: str,
        remote_address: str,
        *,
        dialect: Dialect15,
        client: SoapClient,
        addresses: SoapAddresses,
        message_log: MessageLog,
        patience: float,
        on_bug: Callable[[Exception], None],
        claim: Claim | None = None,
    ) -> None:
        self.identity = identity
        self.own_address = ""
        """What the station told last and the policy trusts."""
        self._actor = actor
        self._station_id = actor.station_id
        self._remote_address = remote_address
        self._dialect = dialect
        self._client = client
        self._addresses = addresses
        self._log = message_log
        self._patience = patience
        self._on_bug = on_bug
        self._claim = claim
        self._epoch = 0
        self._heard_at = trio.current_time()
        self._turn = trio.Lock()
        self._waiting = 0
        self._settled = False
        self._calling: trio.CancelScope | None = None
        self._ended = trio.Event()
        self._farewell = ""

    # -- its life ----------------------------------------------------------------------------------------------

    @property
    def over(self) -> bool:
        """It has ended; the station's next message needs a new one."""
        return self._ended.is_set()

    def open(self) -> None:
        """Become the station's link; sync."""
        self._epoch = self._actor.attach(
            self, protocol=PROTOCOL, remote_address=self._remote_address, claim=self._claim
        )

    async def run(self) -> str:
        """Until it has ended; says why. Never raises but Cancelled."""
        try:
            while not self.over:
                silent_at = self._heard_at + self._patience
                if trio.current_time() >= silent_at and not self._waiting:
                    self._end("nothing was heard of it for long")
                with trio.move_on_at(max(silent_at, trio.current_time() + 1.0)):
                    await self._ended.wait()
        finally:
            self._end("the central system is stopping")
            self._actor.detach(self._epoch)
        return self._farewell

    def close_soon(self, code: int, reason: str) -> None:
        """See `LinkPort.close_soon`."""
        self._end(reason)

    def finish_soon(self, code: int, reason: str) -> None:
        """See `LinkPort.finish_soon`: a message under way is brought to its answer by whoever brought it."""
        self._end(reason)

    def _end(self, reason: str) -> None:
        if not self.over:
            self._farewell = reason
            self._ended.set()
            if self._calling is not None:
                self._calling.cancel()

    # -- what comes in -----------------------------------------------------------------------------------------

    async def take_in(self, call: SoapCall) -> bytes:
        """Bring a message to its answer. Raises LinkLost, Unavailable, and what a bug in the actor raises."""
        if self._waiting >= MAX_WAITING:
            raise Unavailable("Too many messages of this station wait already. Send them again later.")
        self._waiting += 1
        try:
            async with self._turn:
                self._heard_at = trio.current_time()
                return await self._work(call)
        finally:
            self._waiting -= 1

    async def _work(self, call: SoapCall) -> bytes:
        received = trio.current_time()
        self._log.record(
            self._station_id,
            Direction.RECEIVED,
            call.content,
            message_type="CALL",
            action=call.action,
            message_id=call.message_id,
        )
        for remark in call.remarks:
            self._remark(remark)
        if not self._settled:
            await self._actor.told()  # that it is here
        told: tuple[Fact, Reply] | None = None
        outcome: Payload | Fault
        try:
            fact = translate(lambda payload: self._dialect.decode(call.action, payload), call.payload)
            reply = await self._actor.handle(self._epoch, fact)
            outcome, told = translate_reply(self._dialect.reply, call.action, reply), (fact, reply)
        except Fault as fault:
            self._remark(f"{call.action} was refused: {fault.code}: {fault.description}")
            outcome = fault
        except NotAccepted:
            outcome = Fault(ErrorCode.SECURITY_ERROR, "This station is not accepted yet. Send a BootNotification.")
        except Bug as bug:
            self._on_bug(bug)
            self._remark(f"{call.action} could not be handled: an internal error.")
            outcome = Fault(ErrorCode.INTERNAL_ERROR, "The central system failed on this message.")
        answer = await call.render(outcome)
        self._log.record(
            self._station_id,
            Direction.SENT,
            answer,
            message_type="CALLERROR" if isinstance(outcome, Fault) else "CALLRESULT",
            action=call.action,
            message_id=call.message_id,
            latency_s=trio.current_time() - received,
        )
        if told is not None:
            self._actor.answered(*told)
        if not self._settled:
            self._settled = True
            self._actor.settled(self._epoch)
        return answer

    def _remark(self, sentence: str) -> None:
        self._log.record(self._station_id, Direction.REMARK, sentence)

    # -- what goes out -----------------------------------------------------------------------------------------

    def prepare(self, command: Command) -> Prepared:
        """See `LinkPort.prepare`."""
        action, payload = self._dialect.encode(command)
        return Prepared(command, action, payload)

    async def call(self, prepared: PreparedCall, deadline: float) -> tuple[Answer, float]:
        """See `LinkPort.call`."""
        if not isinstance(prepared, Prepared):
            raise TypeError("a call is prepared by the link that makes it")
        if self.over:
            raise LinkLost("the station is offline")
        answer: tuple[StationAnswer, float] | None = None
        with trio.CancelScope(deadline=deadline) as scope:
            self._calling = scope
            try:
                answer = await self._ask(prepared)
            finally:
                self._calling = None
        if answer is None:
            if self.over:
                raise LinkLost(self._farewell)
            self._remark(f"{prepared.action} was not answered in time.")
            raise trio.TooSlowError
        return self._read_answer(prepared, answer[0]), answer[1]

    async def _ask(self, prepared: Prepared) -> tuple[StationAnswer, float]:
        address = await self._address()
        request = self._client.print(self.identity, address, prepared.action, prepared.payload)
        self._log.record(
            self._station_id,
            Direction.SENT,
            request.content,
            message_type="CALL",
            action=prepared.action,
            message_id=request.message_id,
        )
        began = trio.current_time()
        try:
            answer = await self._client.send(address, request)
        except StationUnreachable as error:
            self._remark(f"{prepared.action} could not be sent to {address}: {error}")
            raise NotSent(UNREACHABLE, f"The station could not be reached at {address}: {error}.") from error
        except StationSilent as error:
            self._remark(f"{prepared.action} was sent to {address}, and then: {error}")
            raise LinkLost(str(error)) from error
        latency = trio.current_time() - began
        self._log.record(
            self._station_id,
            Direction.RECEIVED,
            answer.content,
            message_type="CALLRESULT" if answer.payload is not None else "CALLERROR",
            action=prepared.action,
            message_id=request.message_id,
            latency_s=latency,
        )
        for remark in answer.remarks:
            self._remark(remark)
        return answer, latency

    async def _address(self) -> str:
        """Raises NotSent."""
        try:
            known = await self._addresses.soap_address(self._station_id)
        except Unavailable as error:
            raise NotSent("DATABASE_UNAVAILABLE") from error
        address = (known.address if known is not None else "") or self.own_address
        if not address:
            raise NotSent(ADDRESS_MISSING)
        return address

    def _read_answer(self, prepared: Prepared, answer: StationAnswer) -> Answer:
        if answer.payload is None:
            return Answer("", False, error_code=answer.error_code, error_description=answer.error_description)
        try:
            return self._dialect.outcome(prepared.command, answer.payload)
        except Fault as fault:
            self._remark(f"The station's answer to {prepared.action} is not valid: {fault.description}")
            description = f"The station's answer is not valid: {fault.description}"
            return Answer("", False, error_code="ProtocolError", error_description=description)


class SoapStations:
    """The SOAP links of this process, by station."""

    def __init__(
        self,
        registry: Registry,
        *,
        client: SoapClient,
        addresses: SoapAddresses,
        message_log: MessageLog,
        heartbeat_s: float,
        trust: Trust,
        now: Callable[[], datetime],
        dialect: Dialect15 | None = None,
    ) -> None:
        self._registry = registry
        self._client = client
        self._addresses = addresses
        self._log = message_log
        self._patience = PATIENCE * heartbeat_s
        self._trust = trust
        self._now = now
        self._dialect = dialect or Dialect15()
        self._links: dict[int, SoapLink] = {}
        self._told: dict[int, str] = {}

    async def take_in(self, station_id: int, identity: str, call: SoapCall) -> bytes:
        """Bring a message of an admitted station to its answer's bytes.

        Raises Unavailable: the station shall send it again later; and LinkLost, when a newer link took over meanwhile.
        """
        link = self._known(station_id, identity)
        if link is None:
            claim = await self._registry.claim(station_id)
            link = self._known(station_id, identity) or self._link(station_id, identity, call.remote_address, claim)
        await self._note_address(link, station_id, call)
        answers: list[bytes] = []
        refusals: list[Unavailable | LinkLost] = []

        async def work() -> None:
            try:
                answers.append(await link.take_in(call))
            except (Unavailable, LinkLost) as refusal:
                refusals.append(refusal)

        # A bug fells this station's actor, not the listener.
        await contain(work, partial(self._registry.crash, station_id))
        if refusals:
            raise refusals[0]
        if not answers:
            raise Unavailable("The central system failed on this message. Send it again later.")
        return answers[0]

    def note_refused(self, station_id: int, content: bytes, reason: str, answer: bytes) -> None:
        """A message of an admitted station was no request; for the message log."""
        self._log.record(station_id, Direction.RECEIVED, content)
        self._log.record(station_id, Direction.REMARK, f"A message was refused: {reason}")
        self._log.record(station_id, Direction.SENT, answer, message_type="CALLERROR")

    def _known(self, station_id: int, identity: str) -> SoapLink | None:
        link = self._links.get(station_id)
        return link if link is not None and not link.over and link.identity == identity else None

    def _link(self, station_id: int, identity: str, remote_address: str, claim: Claim | None) -> SoapLink:
        def make(actor: StationActor, on_bug: Callable[[Exception], None]) -> SoapLink:
            return SoapLink(
                actor,
                identity,
                remote_address,
                dialect=self._dialect,
                client=self._client,
                addresses=self._addresses,
                message_log=self._log,
                patience=self._patience,
                on_bug=on_bug,
                claim=claim,
            )

        made = self._registry.open_link(station_id, make, self._forget)
        self._log.record(station_id, Direction.REMARK, f"Heard from {remote_address} with {PROTOCOL} over SOAP.")
        self._links[station_id] = made
        return made

    def _forget(self, station_id: int, link: SoapLink) -> None:
        if self._links.get(station_id) is link:
            del self._links[station_id]

    async def _note_address(self, link: SoapLink, station_id: int, call: SoapCall) -> None:
        """Raises Unavailable."""
        address = call.own_address
        if not trusted(address, call.remote_address, Trust.ANY):  # no address that anybody could confirm
            return
        if trusted(address, call.remote_address, self._trust):
            link.own_address = address
        if self._told.get(station_id) != address:
            await self._addresses.note_soap_address(station_id, address, self._now())
            self._told[station_id] = address
