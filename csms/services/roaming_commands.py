"""What parties ask of stations for their customers (OCPI 2.2.1, part 13).

The answer at once says whether we try; what the station made of it follows, sent like everything else that waits.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Final

import structlog
import trio

from csms.domain.access import Principal, Role
from csms.domain.commands import RequestStartTransaction, RequestStopTransaction, UnlockConnector
from csms.domain.errors import DomainError, Unavailable
from csms.domain.reservation import ReservationState
from csms.domain.roaming import Party, RoamingStart, read_outlet_uid, tag_of
from csms.ocpi.commands import (
    CancelReservation,
    Command,
    CommandResponse,
    CommandResult,
    ReserveNow,
    ResponseType,
    ResultType,
    StartSession,
    StopSession,
)
from csms.ocpi.commands import UnlockConnector as Unlock
from csms.ocpi.envelope import print_object, read_object
from csms.ocpi.faults import INVALID_PARAMETERS, UNKNOWN_LOCATION, OcpiFault
from csms.ocpi.locations import EvseStatus, Location
from csms.ocpi.tokens import Token
from csms.ocpi.values import DisplayText, as_utc, cut
from csms.ports.queries import SessionQueries
from csms.ports.roaming import PushDraft, ReleaseStore, RoamingFacts
from csms.services.remote import CommandOutcome, Remote, Target
from csms.services.reservations import ReservationOrder, Reservations
from csms.services.roaming_tokens import RoamingTokenIndex, RoamingTokens

_log = structlog.get_logger("csms.roaming")

TIMEOUT: Final = 30.0
MAX_UNDER_WAY: Final = 200
_TYPES: Final = {"RFID": "ISO14443"}
_FREE_FIRST: Final = (EvseStatus.AVAILABLE, EvseStatus.BLOCKED, EvseStatus.RESERVED)
_RESULTS: Final = {
    "STATION_OFFLINE": ResultType.EVSE_INOPERATIVE,
    "NO_ANSWER": ResultType.TIMEOUT,
    "NOT_SENT": ResultType.TIMEOUT,
    "NOT_SUPPORTED": ResultType.NOT_SUPPORTED,
}
_OCCUPIED: Final = frozenset({"Occupied"})
_BROKEN: Final = frozenset({"Faulted", "Unavailable"})


class RoamingCommands:
    """`ground` is where commands go on while the party has its first answer."""

    def __init__(
        self,
        remote: Remote,
        reservations: Reservations,
        sessions: SessionQueries,
        facts: RoamingFacts,
        releases: ReleaseStore,
        tokens: RoamingTokens,
        index: RoamingTokenIndex,
        ground: trio.Nursery,
        wake: Callable[[], None],
        *,
        now: Callable[[], datetime],
    ) -> None:
        self._remote = remote
        self._reservations = reservations
        self._sessions = sessions
        self._facts = facts
        self._releases = releases
        self._tokens = tokens
        self._index = index
        self._ground = ground
        self._wake = wake
        self._now = now
        self._under_way = 0

    async def take(self, party: Party, command: Command) -> CommandResponse:
        """Begin it. Raises OcpiFault, Unavailable."""
        if not command.response_url.startswith(("https://", "http://")):
            raise OcpiFault(INVALID_PARAMETERS, "response_url must be an address.")
        if self._under_way >= MAX_UNDER_WAY:
            return _no("Too many commands are under way. Try again in a moment.")
        match command:
            case StartSession():
                return await self._start(party, command)
            case StopSession():
                return await self._stop(party, command)
            case ReserveNow():
                return await self._reserve(party, command)
            case CancelReservation():
                return await self._cancel(party, command)
            case Unlock():
                return await self._unlock(party, command)

    # -- one of each -------------------------------------------------------------------------------------------------

    async def _start(self, party: Party, command: StartSession) -> CommandResponse:
        station_id, evse_id = await self._outlet(command.location_id, command.evse_uid)
        if not (tag := await self._let_in(party, command.token)):
            return _no("The token is not valid.")
        await self._releases.note_start(
            RoamingStart(party.id, tag, station_id, command.authorization_reference or "", "COMMAND", self._now())
        )
        order = RequestStartTransaction(
            tag, evse_id, secrets.randbelow(2**31 - 1) + 1, _TYPES.get(command.token.type.value, "Central")
        )

        async def work() -> CommandResult:
            return _result(await self._remote.command_of_ours(Target(station_id, TIMEOUT), order))

        return self._begin(party, command.response_url, work)

    async def _stop(self, party: Party, command: StopSession) -> CommandResponse:
        number = int(command.session_id) if command.session_id.isdecimal() and len(command.session_id) < 12 else 0
        session = await self._facts.roamed_session(number)
        if session is None or session.token.party_id != party.id:
            return CommandResponse(ResponseType.UNKNOWN_SESSION, 0)
        if session.ended_at is not None:
            return _no("The session has ended already.")
        found = await self._sessions.get_sessions([number])
        if not found or found[0].station_id is None:
            return _no("The station of this session is gone.")
        transaction = found[0].transaction
        target = Target(found[0].station_id, TIMEOUT)
        order = RequestStopTransaction(transaction.transaction_id or str(transaction.id))

        async def work() -> CommandResult:
            return _result(await self._remote.command_of_ours(target, order))

        return self._begin(party, command.response_url, work)

    async def _unlock(self, party: Party, command: Unlock) -> CommandResponse:
        station_id, evse_id = await self._outlet(command.location_id, command.evse_uid)
        connector = int(command.connector_id) if command.connector_id.isdecimal() else 1
        order = UnlockConnector(evse_id, max(1, min(connector, 1000)))

        async def work() -> CommandResult:
            return _result(await self._remote.command_of_ours(Target(station_id, TIMEOUT), order))

        return self._begin(party, command.response_url, work)

    async def _reserve(self, party: Party, command: ReserveNow) -> CommandResponse:
        station_id, evse_id = await self._outlet(command.location_id, command.evse_uid)
        if not (tag := await self._let_in(party, command.token)):
            return _no("The token is not valid.")
        until = as_utc(command.expiry_date)
        if until <= self._now() + timedelta(seconds=30):
            return _no("The reservation would be over already.")
        order = ReservationOrder(tag, until, evse_id)
        before = await self._releases.reservation(party.id, command.reservation_id)

        async def work() -> CommandResult:
            if before is not None:  # the same again replaces it (13.3.4)
                await self._take_back(party, before)
            made = await self._reservations.create(_caller(party), Target(station_id, TIMEOUT), order)
            await self._releases.keep_reservation(party.id, command.reservation_id, made.reservation.id)
            if made.reservation.state is ReservationState.ACTIVE:
                return CommandResult(ResultType.ACCEPTED)
            return _result(made.outcome)

        return self._begin(party, command.response_url, work)

    async def _cancel(self, party: Party, command: CancelReservation) -> CommandResponse:
        known = await self._releases.reservation(party.id, command.reservation_id)

        async def work() -> CommandResult:
            if known is None:
                return CommandResult(ResultType.UNKNOWN_RESERVATION)
            done = await self._reservations.cancel(_caller(party), None, known)
            if done.reservation.state is ReservationState.CANCELED:
                return CommandResult(ResultType.ACCEPTED)
            return _result(done.outcome)

        return self._begin(party, command.response_url, work)

    async def _take_back(self, party: Party, reservation_id: int) -> None:
        try:
            await self._reservations.cancel(_caller(party), None, reservation_id)
        except DomainError as error:  # ended meanwhile
            _log.debug("reservation not taken back", reservation=reservation_id, why=error.message)

    # -- inside ------------------------------------------------------------------------------------------------------

    async def _outlet(self, location_id: str, evse_uid: str | None) -> tuple[int, int]:
        """(station, EVSE) of what we told. Raises OcpiFault/2003."""
        kept = await self._releases.object("locations", location_id)
        if kept is None or kept.withdrawn:
            raise OcpiFault(UNKNOWN_LOCATION, "There is no such location.")
        evses = [
            evse
            for evse in read_object(Location, kept.body.encode()).evses
            if evse.status is not EvseStatus.REMOVED and evse_uid in (None, evse.uid)
        ]
        if not evses:
            raise OcpiFault(UNKNOWN_LOCATION, "There is no such EVSE at this location.")
        evses.sort(key=lambda evse: _FREE_FIRST.index(evse.status) if evse.status in _FREE_FIRST else len(_FREE_FIRST))
        found = read_outlet_uid(evses[0].uid)
        if found is None:
            raise OcpiFault(UNKNOWN_LOCATION, "There is no such EVSE.")
        return found

    async def _let_in(self, party: Party, token: Token) -> str:
        """The party vouches for its token (13.2): it may charge. The tag; empty when it may not."""
        check_owner(party, token.country_code, token.party_id)
        if not token.valid:
            return ""
        await self._tokens.take_in(party, [token])
        tag = tag_of(token.uid)
        self._index.say(tag, allowed=True)
        return tag

    def _begin(self, party: Party, response_url: str, work: Callable[[], Awaitable[CommandResult]]) -> CommandResponse:
        self._under_way += 1
        self._ground.start_soon(self._work, party, response_url, work)
        return CommandResponse(ResponseType.ACCEPTED, int(TIMEOUT) + 10)

    async def _work(self, party: Party, response_url: str, work: Callable[[], Awaitable[CommandResult]]) -> None:
        """Never raises but Cancelled."""
        try:
            try:
                result = await work()
            except DomainError as error:
                kind = _RESULTS.get(error.reason, ResultType.REJECTED)
                result = CommandResult(kind, (_text(error.message),))
            body = print_object(result).decode()
            draft = PushDraft(party.id, "commands", secrets.token_hex(8), "POST", response_url, body)
            await self._releases.release([], [draft])
            self._wake()
        except Unavailable as error:
            _log.error("the result of a command is lost", party=party.id, why=error.message)
        finally:
            self._under_way -= 1


def check_owner(party: Party, country_code: str, party_code: str) -> None:
    """A party speaks for its own roles; a hub for others, too. Raises OcpiFault/2001."""
    if any(role.role == "HUB" for role in party.roles):
        return
    if (country_code.upper(), party_code.upper()) not in {(role.country_code, role.party_code) for role in party.roles}:
        raise OcpiFault(INVALID_PARAMETERS, "This token is not one of yours: look at country_code and party_id.")


def _result(outcome: CommandOutcome) -> CommandResult:
    answer = outcome.answer
    if answer.accepted:
        return CommandResult(ResultType.ACCEPTED)
    message = () if not answer.error_description else (_text(answer.error_description),)
    if answer.error_code:
        return CommandResult(ResultType.FAILED, message)
    if answer.status in _OCCUPIED:
        return CommandResult(ResultType.EVSE_OCCUPIED)
    if answer.status in _BROKEN:
        return CommandResult(ResultType.EVSE_INOPERATIVE)
    if answer.status in ("NotSupported", "UnlockNotSupported"):
        return CommandResult(ResultType.NOT_SUPPORTED)
    return CommandResult(ResultType.REJECTED, (_text(f"The station said {answer.status}."),))


def _caller(party: Party) -> Principal:
    """Who a party is to our own use cases."""
    return Principal(f"roamingParties/{party.id}", party.display_name, Role.ADMINISTRATOR)


def _no(sentence: str) -> CommandResponse:
    return CommandResponse(ResponseType.REJECTED, 0, (_text(sentence),))


def _text(sentence: str) -> DisplayText:
    return DisplayText("en", cut(sentence, 512))
