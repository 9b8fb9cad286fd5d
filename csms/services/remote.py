"""One command to one station, and what became of it."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any, Protocol, TypeVar

import msgspec
import structlog
import trio
from opentelemetry import trace
from opentelemetry.trace import SpanKind

from csms.actors.supervise import contain
from csms.domain.access import Action, Principal
from csms.domain.charging_profile import ChargingProfile
from csms.domain.charging_rules import check_profile
from csms.domain.commands import (
    Answer,
    ChangeAvailability,
    ClearCache,
    Command,
    DataTransfer,
    GetTransactionStatus,
    GetVariables,
    OperationalStatus,
    Outcome,
    RequestStartTransaction,
    RequestStopTransaction,
    Reset,
    ResetType,
    SetVariable,
    SetVariables,
    TriggerMessage,
    UnlockConnector,
)
from csms.domain.errors import (
    DeadlineExceeded,
    DomainError,
    Exhausted,
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    NotSupported,
    PermissionDenied,
    Unavailable,
)
from csms.domain.ids import parse_id_token
from csms.domain.session_changes import Logbook
from csms.domain.transaction import SessionState, Transaction
from csms.ports.directory import Directory, Settled
from csms.ports.queries import SessionQueries
from csms.ports.stores import StationStore
from csms.services.scopes import Scopes
from csms.services.variables import Plain, Portions, answers_of

DEFAULT_TIMEOUT, MAX_TIMEOUT = 30.0, 600.0
MAX_VARIABLES = 100
NOT_SENT = "NOT_SENT"

C = TypeVar("C", bound=Command)
_tracer = trace.get_tracer("chargehouse.stations")
_log = structlog.get_logger("csms.remote")


class Target(msgspec.Struct, frozen=True):
    """To whom, how long to try (seconds), and whether to wait in the mailbox of a station that is offline."""

    station_id: int
    timeout_s: float = DEFAULT_TIMEOUT
    wait_for_station: bool = False


class CommandOutcome(msgspec.Struct, frozen=True):
    """The station's answer, when it came, and how long after sending (seconds)."""

    answer: Answer
    at: datetime
    latency_s: float


class VariableOutcome(msgspec.Struct, frozen=True):
    """What became of one variable: an outcome, or the reason why there is none."""

    name: str
    outcome: CommandOutcome | None = None
    failure_reason: str = ""


class StartGate(Protocol):
    """Asked before a start that a person wants is sent."""

    async def before_start(
        self, caller: Principal, station_id: int, remote_start_id: int, logbook: Logbook | None
    ) -> None:
        """Raises DomainError when it must not be sent."""

    async def start_refused(self, station_id: int, remote_start_id: int) -> None:
        """The station said no."""


class Remote:
    """Every method sends one command (SetVariables: one each) and returns the station's answer, also when that is
    "Rejected" or a CALLERROR. Where there is no answer it raises:

    FailedPrecondition/STATION_OFFLINE, DeadlineExceeded/NOT_SENT, DeadlineExceeded/NO_ANSWER, Exhausted/MAILBOX_FULL,
    Unavailable/DRAINING, NotSupported/NOT_SUPPORTED; and NotFound, InvalidArgument, PermissionDenied as always.
    """

    def __init__(
        self,
        directory: Directory,
        stations: StationStore,
        sessions: SessionQueries,
        scopes: Scopes,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._directory = directory
        self._stations = stations
        self._sessions = sessions
        self.scopes = self._scopes = scopes
        self._now = now
        self._portions: Portions = Plain()
        self._gate: StartGate | None = None
        self._followers: dict[type[Command], list[Callable[[int, Any, Answer], Awaitable[None]]]] = {}

    def ask_before_start(self, gate: StartGate) -> None:
        """From now on this says whether a start that a person asks for may be sent."""
        self._gate = gate

    def portion_by(self, portions: Portions) -> None:
        """From now on these know how long lists of variables are split."""
        self._portions = portions

    def after(self, kind: type[C], follower: Callable[[int, C, Answer], Awaitable[None]]) -> None:
        """From now on `follower(station_id, command, answer)` runs whenever a station has answered such a command,
        before whoever sent it gets the answer. What it raises is told in the log."""
        self._followers.setdefault(kind, []).append(follower)

    async def request_start_transaction(
        self,
        caller: Principal,
        target: Target,
        id_token: str,
        evse_id: int | None,
        *,
        token_type: str = "",
        group_id_token: str = "",
        charging_profile: ChargingProfile | None = None,
        logbook: Logbook | None = None,
    ) -> CommandOutcome:
        """Start charging on a tag; EVSE None: the station chooses. The kind of token and its group are 2.x's; without
        them they are what the tag looks like, and its parent. `logbook`: what the driver writes down.

        Raises also FailedPrecondition/LOGBOOK_MISSING at a station that demands it."""
        await self._scopes.check_station(caller, Action.OPERATE_STATIONS, target.station_id)
        id_token = parse_id_token(id_token)
        await self._scopes.check_tag(caller, Action.OPERATE_STATIONS, id_token)
        if charging_profile is not None:
            check_profile(charging_profile, evse_id or 0, with_start=True)
        command = RequestStartTransaction(
            id_token,
            _evse(evse_id),
            secrets.randbelow(2**31 - 1) + 1,
            token_type,
            parse_id_token(group_id_token) if group_id_token else None,
            charging_profile,
        )
        return await self._start(caller, target, command, logbook)

    async def _start(
        self, caller: Principal, target: Target, command: RequestStartTransaction, logbook: Logbook | None
    ) -> CommandOutcome:
        if self._gate is None:
            return await self._send(target, command)
        await self._gate.before_start(caller, target.station_id, command.remote_start_id, logbook)
        outcome = await self._send(target, command)
        if logbook is not None and not outcome.answer.accepted:
            await self._gate.start_refused(target.station_id, command.remote_start_id)
        return outcome

    async def request_stop_transaction(
        self, caller: Principal, target: Target | None, session_id: int, *, timeout_s: float = DEFAULT_TIMEOUT
    ) -> CommandOutcome:
        """Stop a session. `target` None: the session's own station, with `timeout_s`.

        Raises NotFound, and FailedPrecondition when the session has ended or its station was deleted.
        """
        target, transaction = await self._find_session(caller, target, session_id, timeout_s)
        if transaction.state is not SessionState.ACTIVE:
            raise FailedPrecondition("The session has ended already.", reason="SESSION_ENDED")
        return await self._send(target, RequestStopTransaction(_transaction_id(transaction)))

    async def get_transaction_status(
        self,
        caller: Principal,
        target: Target | None,
        session_id: int | None,
        *,
        timeout_s: float = DEFAULT_TIMEOUT,
    ) -> CommandOutcome:
        """Does a session go on at the station, and do messages about it wait there? The result is a TransactionStatus.
        Without a session: whether any messages wait. `target` and errors as in `request_stop_transaction`."""
        if session_id is None:
            if target is None:
                await self._scopes.of(caller, Action.OPERATE_STATIONS)
                raise InvalidArgument("Say which station, or which session.", reason="INVALID_NAME")
            await self._scopes.check_station(caller, Action.OPERATE_STATIONS, target.station_id)
            return await self._send(target, GetTransactionStatus())
        target, transaction = await self._find_session(caller, target, session_id, timeout_s)
        return await self._send(target, GetTransactionStatus(_transaction_id(transaction)))

    async def reset(
        self, caller: Principal, target: Target, kind: ResetType, evse_id: int | None = None
    ) -> CommandOutcome:
        """Restart the station, or one EVSE of it."""
        await self._scopes.check_station(caller, Action.OPERATE_STATIONS, target.station_id)
        return await self._send(target, Reset(kind, _evse(evse_id)))

    async def change_availability(
        self,
        caller: Principal,
        target: Target,
        evse_id: int | None,
        status: OperationalStatus,
        connector_id: int | None = None,
    ) -> CommandOutcome:
        """Take an EVSE (None or 0: the station), or one connector of it, in or out of service."""
        await self._scopes.check_station(caller, Action.OPERATE_STATIONS, target.station_id)
        return await self._send(target, ChangeAvailability(status, _evse(evse_id), _connector(connector_id)))

    async def unlock_connector(
        self, caller: Principal, target: Target, evse_id: int, connector_id: int
    ) -> CommandOutcome:
        """Release the cable."""
        await self._scopes.check_station(caller, Action.OPERATE_STATIONS, target.station_id)
        if evse_id < 1 or connector_id < 1:
            raise InvalidArgument(
                "Say which EVSE and which connector to unlock; both count from 1.", reason="INVALID_EVSE"
            )
        return await self._send(target, UnlockConnector(evse_id, connector_id))

    async def clear_cache(self, caller: Principal, target: Target) -> CommandOutcome:
        """Empty the station's authorisation cache."""
        await self._scopes.check_station(caller, Action.OPERATE_STATIONS, target.station_id)
        return await self._send(target, ClearCache())

    async def trigger_message(
        self,
        caller: Principal,
        target: Target,
        requested_message: str,
        evse_id: int | None,
        connector_id: int | None = None,
        custom_trigger: str = "",
    ) -> CommandOutcome:
        """Ask the station for a message now."""
        await self._scopes.check_station(caller, Action.OPERATE_STATIONS, target.station_id)
        if not requested_message:
            raise InvalidArgument(
                "Say which message the station should send, for example StatusNotification.", reason="MESSAGE_MISSING"
            )
        command = TriggerMessage(requested_message, _evse(evse_id), _connector(connector_id), custom_trigger)
        return await self._send(target, command)

    async def get_variables(self, caller: Principal | None, target: Target, names: Sequence[str]) -> CommandOutcome:
        """Read variables (1.6: configuration keys; no names: all). A list that is too long for one message is sent in
        several; the outcome is then that of the last, with the variables of all. `caller` None: the server itself."""
        if caller is not None:
            await self._scopes.check_station(caller, Action.CONFIGURE_STATIONS, target.station_id)
        portions = await self._portions.of_names(target.station_id, names) if names else [0]
        ends_at = trio.current_time() + target.timeout_s
        outcomes: list[CommandOutcome] = []
        rest = list(names)
        for count in portions:
            part = Target(target.station_id, ends_at - trio.current_time(), target.wait_for_station)
            outcomes.append(await self._send(part, GetVariables(tuple(rest[:count]))))
            del rest[:count]
            if outcomes[-1].answer.error_code:
                break
        return _joined(outcomes)

    async def set_variables(
        self, caller: Principal | None, target: Target, variables: Sequence[SetVariable]
    ) -> tuple[VariableOutcome, ...]:
        """Write variables in order, as many in a message as the station takes (1.6: one). When a message gets no answer
        the rest is not sent. When that is the very first, its error is raised. `caller` None: the server itself."""
        if caller is not None:
            await self._scopes.check_station(caller, Action.CONFIGURE_STATIONS, target.station_id)
        if not 0 < len(variables) <= MAX_VARIABLES or not all(variable.name for variable in variables):
            raise InvalidArgument(
                f"Give 1 to {MAX_VARIABLES} variables, each with its name and value.", reason="INVALID_VARIABLES"
            )
        ends_at = trio.current_time() + target.timeout_s
        outcomes: list[VariableOutcome] = []
        failure = ""
        for count in await self._portions.of_values(target.station_id, variables):
            batch = tuple(variables[len(outcomes) : len(outcomes) + count])
            left = ends_at - trio.current_time()
            if failure or (outcomes and left <= 0):
                failure = NOT_SENT
                outcomes += [VariableOutcome(variable.name, failure_reason=NOT_SENT) for variable in batch]
                continue
            part = Target(target.station_id, left, target.wait_for_station)
            try:
                outcome = await self._send(part, SetVariables(batch))
            except DomainError as error:
                if not outcomes:
                    raise
                failure = error.reason
                outcomes += [VariableOutcome(variable.name, failure_reason=failure) for variable in batch]
            else:
                outcomes += [
                    VariableOutcome(variable.name, CommandOutcome(answer, outcome.at, outcome.latency_s))
                    for variable, answer in zip(batch, answers_of(batch, outcome.answer), strict=True)
                ]
        return tuple(outcomes)

    async def data_transfer(
        self, caller: Principal, target: Target, vendor_id: str, message_id: str, data: str | None
    ) -> CommandOutcome:
        """Send a vendor's own message."""
        await self._scopes.check_station(caller, Action.CONFIGURE_STATIONS, target.station_id)
        if not vendor_id:
            raise InvalidArgument("Say whose message it is: the vendor id is missing.", reason="VENDOR_MISSING")
        return await self._send(target, DataTransfer(vendor_id, message_id, data))

    async def command(
        self, caller: Principal, target: Target, command: Command, action: Action = Action.OPERATE_STATIONS
    ) -> CommandOutcome:
        """Send any command, if `action` is allowed. For the use cases of the chapters, which build their own."""
        await self._scopes.check_station(caller, action, target.station_id)
        return await self._send(target, command)

    async def command_of_ours(self, target: Target, command: Command) -> CommandOutcome:
        """Send a command that nobody asked for but the server itself (a reaction to what a station told)."""
        return await self._send(target, command)

    async def _find_session(
        self, caller: Principal, target: Target | None, session_id: int, timeout_s: float
    ) -> tuple[Target, Transaction]:
        """A session that the caller may stop: at a station that they may operate, or their own."""
        scope = await self._scopes.of(caller, Action.OPERATE_STATIONS)
        found = await self._sessions.get_sessions([session_id])
        station = found[0].station_id if found else None
        if scope is not None and station is not None and found[0].user_id != (caller.user_id or 0):
            try:
                await self._scopes.check_station(caller, Action.OPERATE_STATIONS, station)
            except (NotFound, PermissionDenied):  # who sees the station only is not told of its sessions
                found = []
        elif scope is not None and station is None:
            found = []
        if not found:
            raise NotFound(f"There is no session {session_id}.", reason="SESSION_NOT_FOUND")
        session = found[0]
        if session.station_id is None:
            raise FailedPrecondition("The session's station was deleted.", reason="STATION_DELETED")
        if target is None:
            target = Target(session.station_id, timeout_s)
        elif target.station_id != session.station_id:
            raise InvalidArgument(
                f"Session {session_id} is at station {session.station_id}, not {target.station_id}. Leave the station"
                " out: the session knows it.",
                reason="STATION_MISMATCH",
            )
        return target, session.transaction

    async def _send(self, target: Target, command: Command) -> CommandOutcome:
        with _tracer.start_as_current_span(
            type(command).__name__, kind=SpanKind.CLIENT, attributes={"chargehouse.station_id": target.station_id}
        ) as span:
            settled = await self._directory.send(
                target.station_id,
                command,
                timeout=min(max(target.timeout_s, 0.0), MAX_TIMEOUT),
                wait_for_station=target.wait_for_station,
            )
            span.set_attribute("chargehouse.outcome", settled.outcome.value)
        if settled.outcome is Outcome.ANSWERED and settled.answer is not None:
            for follower in self._followers.get(type(command), ()):
                work = partial(follower, target.station_id, command, settled.answer)
                await contain(work, partial(_report, command, target.station_id))
            return CommandOutcome(settled.answer, self._now(), settled.latency_s or 0.0)
        if settled.outcome is Outcome.OFFLINE and await self._stations.find(target.station_id) is None:
            raise NotFound(f"There is no station {target.station_id} (any more).", reason="STATION_NOT_FOUND")
        raise _failure(settled)


def _joined(outcomes: Sequence[CommandOutcome]) -> CommandOutcome:
    """Several answers to one question as one: the variables of all, the status of the last that is no success."""
    last = next((each for each in reversed(outcomes) if not each.answer.accepted), outcomes[-1])
    if len(outcomes) == 1:
        return last
    answer = msgspec.structs.replace(
        last.answer,
        variables=tuple(variable for each in outcomes for variable in each.answer.variables),
        unknown_names=tuple(name for each in outcomes for name in each.answer.unknown_names),
    )
    return CommandOutcome(answer, outcomes[-1].at, sum(each.latency_s for each in outcomes))


def _report(command: Command, station_id: int, error: Exception) -> None:
    after = type(command).__name__
    if isinstance(error, DomainError):
        _log.warning("an answer could not be kept", after=after, station_id=station_id, reason=error.message)
    else:
        _log.error("what follows an answer failed", after=after, station_id=station_id, exc_info=error)


def _failure(settled: Settled) -> DomainError:
    """The error that tells what became of a command without an answer."""
    if settled.outcome is Outcome.OFFLINE:
        return FailedPrecondition(
            "The station is offline, so nothing was sent. It connects again by itself; try then.",
            reason="STATION_OFFLINE",
        )
    if settled.outcome is Outcome.EXPIRED:
        return DeadlineExceeded(
            "Time was up before the command could be sent. It has not happened; try again.", reason=NOT_SENT
        )
    if settled.outcome is Outcome.REFUSED:
        if settled.reason == "MAILBOX_FULL":
            return Exhausted(
                "Too many commands wait for this station already. Nothing was sent; try again shortly.",
                reason="MAILBOX_FULL",
            )
        if settled.reason == "DRAINING":
            return Unavailable("The server is stopping, so nothing was sent. Try again in a moment.", reason="DRAINING")
        return _refusal(settled.reason, settled.message)
    return DeadlineExceeded(
        "The command was sent, but the station did not answer in time. It may have happened; look at the station"
        " before you repeat it.",
        reason="NO_ANSWER",
    )


def _refusal(reason: str, message: str = "") -> DomainError:
    """Refused before anything was sent, for a reason that lies in the station or in the command; `message` says it
    better where there is one."""
    if reason in ("", "NOT_SUPPORTED"):
        said = message or "This station, or the OCPP version that it speaks, has no such command."
        return NotSupported(f"{said} Nothing was sent.", reason="NOT_SUPPORTED")
    if reason == "STATION_DELETED":
        return NotFound("The station was deleted meanwhile. Nothing was sent.", reason="STATION_NOT_FOUND")
    if reason == "SOAP_ADDRESS_MISSING":
        return FailedPrecondition(
            "The station speaks SOAP, and nobody has confirmed the address at which it takes commands. Set its SOAP"
            " address first. Nothing was sent.",
            reason=reason,
        )
    if reason in ("STATION_UNREACHABLE", "DATABASE_UNAVAILABLE", "BUS_UNAVAILABLE"):
        return Unavailable(
            f"{message or 'The database is away.'} Nothing was sent. Try again in a moment.", reason=reason
        )
    if reason in ("STATION_DOWN", "INTERNAL_ERROR"):
        return Unavailable(
            "The server failed on this station and lets it rest. Nothing was sent; try again in a few minutes.",
            reason=reason,
        )
    if reason == "NAMES_MISSING":
        return InvalidArgument(
            "A station with OCPP 2.x reads variables by name. Name them, or ask for a report of all. Nothing was sent.",
            reason=reason,
        )
    if reason == "INVALID_VARIABLE_NAME":
        return InvalidArgument(
            "A variable of a station with OCPP 2.x is named Component.Variable, for example"
            " OCPPCommCtrlr.HeartbeatInterval. Nothing was sent.",
            reason=reason,
        )
    said = message or (
        "The OCPP version that the station speaks cannot say this: a value is too long, or no number where one is"
        " needed."
    )
    return InvalidArgument(f"{said} Nothing was sent.", reason=reason)


def _transaction_id(transaction: Transaction) -> str:
    """As the station knows it."""
    return transaction.transaction_id or str(transaction.id)


def _connector(connector_id: int | None) -> int | None:
    """None for 0. Raises InvalidArgument."""
    if connector_id is not None and connector_id < 0:
        raise InvalidArgument("Connectors count from 1; 0 means all of the EVSE.", reason="INVALID_CONNECTOR")
    return connector_id or None


def _evse(evse_id: int | None) -> int | None:
    """None for 0. Raises InvalidArgument."""
    if evse_id is not None and evse_id < 0:
        raise InvalidArgument("EVSEs count from 1; 0 means the station as a whole.", reason="INVALID_EVSE")
    return evse_id or None
