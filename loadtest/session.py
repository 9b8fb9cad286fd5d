"""A connector and the session at it: plug, tag, start, meter values, suspended, stop, unplug; or a fault between."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random

import trio

from loadtest.client import Json
from loadtest.ledger import SessionRecord, TransactionId
from loadtest.limits import ChargingProfiles
from loadtest.local_list import LocalList
from loadtest.meter import Meter
from loadtest.outbox import Message, Outbox
from loadtest.scenario import SessionPlan
from loadtest.speech.speech import Breakdown, Later, Reservation, Speech, Tag, Transaction, stamp

__all__ = ["MOVES", "ChargingSession", "Circumstances", "Connector", "RunClock", "begins_with_plug", "stamp"]

# OCPP 1.6, 4.9: what a connector may become; a speech of another version has its own words for it.
MOVES: dict[str, frozenset[str]] = {
    "Available": frozenset({"Preparing", "Reserved", "Unavailable", "Faulted"}),
    "Preparing": frozenset({"Charging", "SuspendedEVSE", "Available", "Finishing", "Faulted"}),
    "Charging": frozenset({"SuspendedEV", "SuspendedEVSE", "Finishing", "Faulted"}),
    "SuspendedEV": frozenset({"Charging", "SuspendedEVSE", "Finishing", "Faulted"}),
    "SuspendedEVSE": frozenset({"Charging", "SuspendedEV", "Finishing", "Faulted"}),
    "Finishing": frozenset({"Available", "Unavailable", "Faulted"}),
    "Reserved": frozenset({"Available", "Preparing", "Unavailable", "Faulted"}),
    "Unavailable": frozenset({"Available", "Faulted"}),
    "Faulted": frozenset({"Available", "Unavailable"}),
}


@dataclass(slots=True)
class Skew:
    """By how much a station's clock is wrong."""

    by: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True)
class RunClock:
    """Ties the run's own seconds to the date: `trio.current_time()` was `began` when it was `date` (UTC)."""

    began: float
    date: datetime
    skew: Skew = field(default_factory=Skew)

    def now(self) -> datetime:
        """The date, to the millisecond: what a station says is what it writes into its books."""
        at = self.date + timedelta(seconds=trio.current_time() - self.began) + self.skew.by
        return at.replace(microsecond=at.microsecond // 1000 * 1000)

    def at(self, offset: float) -> float:
        """The `trio.current_time()` that lies this many seconds after the begin of the run."""
        return self.began + offset


class Connector:
    """One connector of a station: its status, its meter, and who charges there."""

    __slots__ = ("_announce", "error", "meter", "number", "operative", "reservation", "session", "status")

    def __init__(self, number: int, meter: Meter, announce: Callable[[int, str, str], None]) -> None:
        self.number = number
        self.meter = meter
        self._announce = announce
        self.status = "Available"
        self.error = "NoError"
        self.operative = True
        self.session: ChargingSession | None = None
        self.reservation: Reservation | None = None

    @property
    def free(self) -> bool:
        """True when any car could come."""
        return self.operative and self.session is None and self.status == "Available"

    def free_for(self, id_tag: str, now: datetime) -> bool:
        """True when this driver could come: a reservation is for one, and ends when its time is over."""
        if self.reservation is not None and self.reservation.expires <= now and self.status == "Reserved":
            self.reserve(None)
        if self.reservation is None or self.status != "Reserved":
            return self.free
        return self.operative and self.session is None and self.reservation.id_tag.upper() == id_tag.upper()

    def become(self, status: str, error: str = "NoError") -> None:
        """Change the status and tell the server. Raises ValueError when OCPP knows no such way."""
        if status == self.status:
            return
        if status not in MOVES[self.status]:
            raise ValueError(f"connector {self.number} cannot go from {self.status} to {status}")
        self.status, self.error = status, error
        self._announce(self.number, status, error)

    def rest(self) -> None:
        """Back to Available, or to Unavailable when the server wanted that meanwhile."""
        broken, kept = self.status == "Faulted" and self.error != "NoError", self.status == "Reserved"
        if broken or (kept and self.operative):
            return
        if self.operative or self.status == "Preparing":  # OCPP knows no way from Preparing to Unavailable
            self.become("Available")
        if not self.operative:
            self.become("Unavailable")

    def reserve(self, reservation: Reservation | None) -> None:
        """Keep it free for one driver; or, with None, no longer."""
        self.reservation = reservation
        if reservation is not None and self.status == "Available":
            self.become("Reserved")
        elif reservation is None and self.status == "Reserved":
            self.become("Available")

    def repair(self) -> None:
        """The fault is over."""
        self.error = "NoError"
        if self.status == "Faulted":
            self.rest()


@dataclass(frozen=True, slots=True, eq=False)
class Circumstances:
    """What all sessions of a station have in common."""

    station: str
    speech: Speech
    outbox: Outbox
    clock: RunClock
    ledger: list[SessionRecord]
    profiles: ChargingProfiles
    local_list: LocalList
    meter_interval: Callable[[], float]
    time_scale: float
    broken: Callable[[Connector, Breakdown], None]
    """Called when a connector breaks while somebody charges."""
    from_plug: bool = False
    """Transactions begin with the plug, before a tag is shown (OCPP 2.x: TxStartPoint EVConnected)."""


class ChargingSession:
    """One session, from plug to unplug. `run` lives it; `stop` ends it before its time.

    `breaks` is when (as `trio.current_time()`) and how the connector will break, if somebody still charges then.
    """

    __slots__ = (
        "_breaks",
        "_connector",
        "_metered_at",
        "_nudged",
        "_reason",
        "_remote",
        "_remote_start_id",
        "_stop_wanted",
        "_tag",
        "_transaction",
        "_with",
        "authorised_refused",
        "plan",
        "record",
    )

    def __init__(
        self,
        plan: SessionPlan,
        connector: Connector,
        circumstances: Circumstances,
        *,
        tag: Tag | None = None,
        remote: bool = False,
        remote_start_id: int | None = None,
        breaks: tuple[float, Breakdown] | None = None,
    ) -> None:
        self.plan = plan
        self.record: SessionRecord | None = None
        self.authorised_refused = False
        self._connector = connector
        self._with = circumstances
        self._tag = Tag(plan.id_tag) if tag is None else tag
        self._remote = remote
        self._remote_start_id = remote_start_id
        self._breaks = breaks
        self._transaction: Transaction | None = None
        self._nudged = trio.Event()
        self._stop_wanted = False
        self._reason = "Local"
        self._metered_at = 0.0

    @property
    def transaction_id(self) -> TransactionId | None:
        """Once known and while the transaction goes on."""
        record = self.record
        return None if record is None or record.stop_time is not None else record.transaction_id

    @property
    def started(self) -> bool:
        """True while the transaction goes on."""
        return self.record is not None and self.record.stop_time is None

    def stop(self, reason: str) -> None:
        """End the transaction now; `reason` is one of OCPP 1.6, 7.36, or of 2.x."""
        if not self._stop_wanted:
            self._reason = reason
            self._stop_wanted = True
            self._nudged.set()

    def limits_changed(self) -> None:
        """Look again how much may be drawn."""
        self._nudged.set()

    async def run(self) -> None:
        """Live the session; returns when the cable is out."""
        connector, plan = self._connector, self.plan
        connector.session = self
        try:
            connector.meter.plug_in(plan.car)
            connector.become("Preparing")
            if self._with.from_plug and not self._remote:
                self._begin("")
            if await self._may_start():
                if self._transaction is None:
                    self._begin(self._tag.text)
                self._flow()
                await self._charge()
                self._end()
                if connector.status != "Faulted":
                    connector.become("Finishing")
                if self._reason == "Local":
                    await trio.sleep_until(self._with.clock.at(plan.end))
            elif self._transaction is not None:
                self._reason = "EVDisconnected" if self._reason == "Local" else self._reason
                self._end()
            connector.meter.unplug()
        finally:
            connector.session = None
        connector.rest()

    async def _may_start(self) -> bool:
        """The tag is shown and asked for; without a connection the station trusts its cache (OCPP 1.6, 3.5)."""
        if self._remote:
            return True
        intended = self._with.clock.at(self.plan.tag_shown)
        if await self._stopped_before(intended):
            return False
        speech, tag = self._with.speech, self._tag.text
        action, payload = speech.authorise(tag)
        message = self._with.outbox.put(Message(action, lambda: payload, intended))
        await message.settled.wait()
        if message.answer is not None:
            self._with.local_list.remember(tag, good=not speech.refuses(message.answer))
        known_bad = message.answer is None and self._with.local_list.refuses(tag)
        self.authorised_refused = message.refused or speech.refuses(message.answer) or known_bad
        return not self.authorised_refused and not self._stop_wanted

    def _begin(self, id_tag: str) -> None:
        """The transaction begins, with a tag or, at the plug, with none yet."""
        connector, circumstances = self._connector, self._with
        record = self.record = SessionRecord(
            station=circumstances.station,
            connector=connector.number,
            id_tag=id_tag,
            start_time=circumstances.clock.now(),
            meter_start_wh=connector.meter.energy_wh,
            remote=self._remote,
            tag_kind=self._tag.kind,
        )
        if connector.reservation is not None:
            record.reservation_id, connector.reservation = connector.reservation.number, None
        circumstances.ledger.append(record)
        self._transaction = circumstances.speech.transaction(
            record, remote_start_id=self._remote_start_id, online=self._online
        )
        self._tell(self._transaction.started(connector.meter.read()), self._authorised)

    def _authorised(self, answer: Json) -> None:
        """The answer to a message with the tag: it may have the transaction's id, or refuse the tag after all."""
        if self._transaction is not None:
            self._transaction.learn(answer)
        if self._with.speech.refuses(answer):
            self.stop("DeAuthorized")

    def _flow(self) -> None:
        """The power comes on, if any is allowed."""
        self._metered_at = trio.current_time()
        record, transaction, connector = self.record, self._transaction, self._connector
        if record is None or transaction is None:
            return
        if not record.id_tag:
            record.id_tag = self._tag.text
            self._tell(transaction.authorised(self._with.clock.now()), self._authorised)
        self._heed_limits()
        nothing_allowed = connector.meter.limit_w is not None and connector.meter.limit_w <= 0
        connector.become("SuspendedEVSE" if nothing_allowed else "Charging")
        if nothing_allowed:
            self._tell(transaction.state_changed(self._with.clock.now(), "SuspendedEVSE"))

    def _online(self) -> bool:
        return self._with.outbox.online

    async def _charge(self) -> None:
        """Meter values at fixed times from the start, whether or not the last one has been answered."""
        at = self._with.clock.at
        suspended, stopped = at(self.plan.suspended), at(self.plan.stopped)
        breaks = float("inf") if self._breaks is None else self._breaks[0]
        tick = self._metered_at + self._with.meter_interval()
        while True:
            hungry = self._connector.status in ("Charging", "SuspendedEVSE")
            due = min(tick, suspended if hungry else tick, stopped, breaks)
            await self._nudged_before(due)
            if self._stop_wanted:
                return
            now = trio.current_time()
            self._pass_time(max(due, self._metered_at) if now >= due else now)
            if now >= breaks and self._breaks is not None:
                self._break_down(self._breaks[1])
                return
            if hungry and (now >= suspended or self._connector.meter.full):
                self._change_state("SuspendedEV")
            elif hungry:
                self._heed_limits()
                self._change_state(self._allowed_state())
            if now >= stopped:
                return
            if now >= tick:
                self._sample(tick)
                tick += self._with.meter_interval()

    async def _stopped_before(self, deadline: float) -> bool:
        """Sleep to the deadline; True when somebody ends the session earlier."""
        while not self._stop_wanted and trio.current_time() < deadline:
            await self._nudged_before(deadline)
        return self._stop_wanted

    async def _nudged_before(self, deadline: float) -> None:
        """Sleep to the deadline, or until something new is to be heeded."""
        if not self._stop_wanted:
            with trio.move_on_at(deadline):
                await self._nudged.wait()
            self._nudged = trio.Event()

    def _heed_limits(self) -> None:
        record, meter = self.record, self._connector.meter
        profiles = self._with.profiles
        if record is None or not len(profiles):
            meter.limit_w = None
            return
        meter.limit_w = profiles.limit_w(
            record.connector,
            self._with.clock.now(),
            phases=meter.phases,
            began=record.start_time,
            transaction=record.transaction_id,
        )

    def _allowed_state(self) -> str:
        limit = self._connector.meter.limit_w
        return "Charging" if limit is None or limit > 0 else "SuspendedEVSE"

    def _change_state(self, state: str) -> None:
        if state == self._connector.status:
            return
        self._connector.become(state)
        if self._transaction is not None:
            self._tell(self._transaction.state_changed(self._with.clock.now(), state))

    def _break_down(self, breakdown: Breakdown) -> None:
        """The station notices a fault: it stops the power, says so, and ends the transaction."""
        two = not self._with.speech.version.startswith("1.")
        self._reason = breakdown.reason_2 if two else breakdown.reason
        self._with.broken(self._connector, breakdown)

    def _pass_time(self, now: float) -> None:
        charging = self._connector.status == "Charging"
        self._connector.meter.advance((now - self._metered_at) * self._with.time_scale, charging=charging)
        self._metered_at = now

    def _sample(self, intended: float) -> None:
        record, transaction = self.record, self._transaction
        if record is None or transaction is None:
            return
        at, reading = self._with.clock.now(), self._connector.meter.read()
        record.samples_sent[at] = reading.energy_wh
        record.quantities_sent[at] = self._with.speech.quantities(reading)

        def answered(_: Json) -> None:
            record.samples_acknowledged[at] = reading.energy_wh

        self._tell(transaction.sampled(at, reading), answered, intended)

    def _end(self) -> None:
        record, transaction = self.record, self._transaction
        if record is None or transaction is None:
            return
        self._pass_time(max(trio.current_time(), self._metered_at))
        record.stop_time = self._with.clock.now()
        record.meter_stop_wh = self._connector.meter.energy_wh
        record.reason = self._reason

        def answered(_: Json) -> None:
            record.stop_acknowledged = True

        self._tell(transaction.ended(self._connector.meter.read()), answered)
        self._with.profiles.end_of_transaction(record.connector)

    def _tell(
        self,
        later: Later | None,
        on_answer: Callable[[Json], None] | None = None,
        intended: float | None = None,
    ) -> None:
        """Queue a message of the transaction; it stays there until the server has answered."""
        record = self.record
        if later is None:
            return

        def abandoned() -> None:
            if record is not None:
                record.abandoned = True

        when = trio.current_time() if intended is None else intended
        action, payload = later
        self._with.outbox.put(Message(action, payload, when, True, on_answer, abandoned, record))


def begins_with_plug(speech: Speech, identity: str, share: float) -> bool:
    """Whether a station's transactions begin with the plug: a matter of its make, the same in every run."""
    return speech.version.startswith("2") and Random(identity).random() < share  # noqa: S311 - guards nothing
