"""One correct session from events that come late, twice or out of order.

A `Transaction` is opened once, follows the energy register while readings come in, and is ended once. Whatever
cannot be true is
kept and flagged for a person instead of refused: a station that gets no acknowledgement repeats itself for ever.

    opened by Started ──readings──▶ ACTIVE ──Ended──▶ ENDED
    opened by Ended (its start was never seen) ─────▶ ENDED + START_MISSING   ◀─ a Started that fits is joined to it
    ACTIVE ──another Started on its connector──▶ ENDED + STOP_MISSING         ◀─ its own Ended, however late, puts
    that right
    ACTIVE ──closed without the station's word──▶ ENDED + CLOSED_BY_SERVER    ◀─ the same
"""

from __future__ import annotations

import copy
from datetime import UTC, datetime, timedelta
from enum import StrEnum

import msgspec

from csms.domain.facts import AuthorizationStatus, ChargingState, TransactionExtras
from csms.domain.ids import SessionId, StationId
from csms.domain.metering import (
    CURRENT,
    ENERGY_INTERVAL,
    ENERGY_REGISTER,
    POWER,
    SOC,
    VOLTAGE,
    MeterValue,
    Register,
    Step,
)


class SessionState(StrEnum):
    """Ours, not OCPP's."""

    ACTIVE = "ACTIVE"
    ENDED = "ENDED"


class Authentication(StrEnum):
    """How the driver was known."""

    ANONYMOUS = "ANONYMOUS"
    RFID = "RFID"
    REMOTE = "REMOTE"


class Flag(StrEnum):
    """What was odd about a session. The words are part of the control API."""

    START_MISSING = "START_MISSING"
    STOP_MISSING = "STOP_MISSING"
    STOP_CONFLICT = "STOP_CONFLICT"
    METER_SWAPPED = "METER_SWAPPED"
    METER_ROLLED_OVER = "METER_ROLLED_OVER"
    CLOCK_WRONG = "CLOCK_WRONG"
    NOT_AUTHORIZED = "NOT_AUTHORIZED"
    SEQUENCE_GAP = "SEQUENCE_GAP"
    """2.x: a message of the transaction has not come (yet)."""
    CLOSED_BY_SERVER = "CLOSED_BY_SERVER"
    """Its end never came; a person or a rule of ours ended it."""


TO_RECONCILE = frozenset(
    {
        Flag.START_MISSING,
        Flag.STOP_MISSING,
        Flag.STOP_CONFLICT,
        Flag.METER_SWAPPED,
        Flag.CLOCK_WRONG,
        Flag.NOT_AUTHORIZED,
        Flag.SEQUENCE_GAP,
    }
)
"""Flags that a person should look at; a roll-over is understood and needs nobody."""

PROVISIONAL = frozenset({Flag.STOP_MISSING, Flag.CLOSED_BY_SERVER})
"""Flags of an end that is not the station's word: the real one may still come, and then holds."""

MAX_ERROR_CODES = 20
_SUMMED = frozenset({ENERGY_REGISTER, POWER, SOC})
_FUTURE = timedelta(minutes=10)
_CLOCK_OFFSET = timedelta(hours=1)
_OFFSETS_AGREE = timedelta(minutes=1)
_LIVE = timedelta(seconds=30)
_OLDEST = datetime(2015, 1, 1, tzinfo=UTC)


class StartKey(msgspec.Struct, frozen=True):
    """What makes two StartTransactions the same one (unique in the database)."""

    station_id: int
    evse_id: int
    started_at: datetime
    id_token: str
    meter_start_wh: float


class Numbering(msgspec.Struct):
    """Which messages of a 2.x transaction have come: `spans` are (first, last) of each unbroken run of seqNos, in
    order. One span: nothing is missing."""

    spans: tuple[tuple[int, int], ...] = ()
    unsure: bool = False
    """What came after the last span may not have been written down before a crash: the next step is no gap."""

    @property
    def newest(self) -> int:
        """The highest seqNo; -1: none."""
        return self.spans[-1][1] if self.spans else -1

    def __contains__(self, number: int) -> bool:
        return any(first <= number <= last for first, last in self.spans)

    def add(self, number: int) -> bool:
        """Take a number in; False when it was here before."""
        spans = self.spans
        if spans and number == spans[-1][1] + 1:  # nearly always
            self.spans = (*spans[:-1], (spans[-1][0], number))
            self.unsure = False
            return True
        if number in self:
            return False
        if self.unsure and spans and number > spans[-1][1]:
            self.spans = (*spans[:-1], (spans[-1][0], number))
        else:
            self.spans = _joined(sorted((*spans, (number, number))))
        self.unsure = False
        return True


def _joined(spans: list[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    joined = spans[:1]
    for first, last in spans[1:]:
        if first == joined[-1][1] + 1:
            joined[-1] = (joined[-1][0], last)
        else:
            joined.append((first, last))
    return tuple(joined)


class Transaction(msgspec.Struct):
    """The state of one charging session; also what the database keeps of it. Energy in Wh, power in W, times in UTC.

    `logged_at` is when the server first heard of it, `progress_at` the receipt of the newest message folded in,
    `stop_logged_at` the receipt of its end.

    `sequence` is None for 1.x. In 2.x `transaction_id` is the station's own, messages may come in any order, and
    `token_seq` is the message that named the token (-1: none did, or only one that stopped the transaction).
    """

    id: SessionId
    station_id: StationId
    station_identity: str
    logged_at: datetime
    progress_at: datetime
    evse_id: int = 0
    connector_id: int = 1
    transaction_id: str = ""
    id_token: str = ""
    authorization_status: AuthorizationStatus | None = None
    authentication: Authentication = Authentication.ANONYMOUS
    state: SessionState = SessionState.ACTIVE
    started_at: datetime | None = None
    stopped_at: datetime | None = None
    stop_logged_at: datetime | None = None
    meter_start_wh: float | None = None
    meter_stop_wh: float | None = None
    register: Register = msgspec.field(default_factory=Register)
    power_w: float = 0.0
    max_power_w: float = 0.0
    soc_percent: float | None = None
    stop_reason: str = ""
    reservation_id: int | None = None
    flags: tuple[str, ...] = ()
    meter_value_count: int = 0
    last_meter_at: datetime | None = None
    sequence: Numbering | None = None
    token_seq: int = -1
    charging_state: ChargingState | None = None
    remote_start_id: int | None = None
    stop_id_token: str = ""
    """The token that stopped it, where that is not its own."""
    extras: TransactionExtras | None = None
    plugged_in_at: datetime | None = None
    plugged_out_at: datetime | None = None
    """When the cable came and went, where the connector's status told."""
    goal_reached_at: datetime | None = None
    """Since when the vehicle takes nothing any more."""
    soc_start_percent: float | None = None
    error_codes: tuple[str, ...] = ()
    """Of the connector while it went on, each once: an OCPP error code, with / and the vendor's where there is one."""

    @property
    def energy_wh(self) -> float:
        """What was charged, by the register."""
        return round(self.register.energy_wh, 3)

    @property
    def needs_reconciliation(self) -> bool:
        """A person should look at it."""
        return not TO_RECONCILE.isdisjoint(self.flags)

    @property
    def end_is_provisional(self) -> bool:
        """It has ended, but the station has not said so."""
        return not PROVISIONAL.isdisjoint(self.flags)

    @property
    def start_key(self) -> StartKey | None:
        """None while the start was not seen, and in 2.x, where the transaction's own id says which it is."""
        if self.started_at is None or self.sequence is not None:
            return None
        return StartKey(self.station_id, self.evse_id, self.started_at, self.id_token, self.meter_start_wh or 0.0)

    def snapshot(self) -> Transaction:
        """A copy that later events do not change."""
        other = copy.copy(self)
        other.register = copy.copy(self.register)
        other.sequence = copy.copy(self.sequence)
        return other

    # -- events ----------------------------------------------------------------------------------------------------

    def start(self, at: datetime, meter_wh: float | None, received_at: datetime) -> None:
        """Its start was seen (first of all, or joined to an end that came before)."""
        self.started_at, self.meter_start_wh = at, meter_wh
        self._drop(Flag.START_MISSING)
        ended_wh = self.register.last_wh if self.state is SessionState.ENDED else None
        if self.sequence is not None:
            if meter_wh is not None:
                self._note(self.register.read(meter_wh, at, earlier=True))
        elif ended_wh is None:
            if meter_wh is not None:
                self.register.read(meter_wh, at)
        elif meter_wh is not None:
            # The end came first: begin the register anew from the start and read the end again.
            ended_at = self.stopped_at or at
            self.register = Register()
            self.register.read(meter_wh, at)
            self._note(self.register.read(ended_wh, max(ended_at, at)))
        self._check_time(at, received_at)
        self._check_order()
        self.progress_at = max(self.progress_at, received_at)

    def read(self, value: MeterValue, received_at: datetime, reading: Reading | None = None) -> None:
        """Take in one meter value of this session. After the end only the peak and the count may still change.

        `reading` is what `reading_of` makes of the value, if that is known already.
        """
        seen = reading_of(value) if reading is None else reading
        at = value.timestamp
        self.meter_value_count += 1
        if self.last_meter_at is None or at > self.last_meter_at:
            self.last_meter_at = at
        power = seen.power_w
        if power is not None and power > self.max_power_w:
            self.max_power_w = power
        if received_at > self.progress_at:
            self.progress_at = received_at
        if self.state is SessionState.ENDED and not self._belongs(at):
            return
        if seen.energy_wh is not None:
            earlier = self.sequence is not None and (self.started_at is None or at >= self.started_at)
            self._note(self.register.read(seen.energy_wh, at, earlier=earlier))
        elif self.register.last_at is None or at > self.register.last_at:
            interval = value.find(ENERGY_INTERVAL)
            if interval is not None and self.register.last_wh is None and self.sequence is not None:
                self.register.read(0.0, self.started_at or at)  # a station without a register: counted from nought
            if interval is not None and interval > 0.0 and self.register.last_wh is not None:
                self._note(self.register.read(self.register.last_wh + interval, at))
        if self.sequence is not None and at < self.last_meter_at:
            return
        if power is not None and self.state is SessionState.ACTIVE:
            self.power_w = power
        self.soc_percent = self.soc_percent if seen.soc_percent is None else seen.soc_percent
        self.soc_start_percent = self.soc_percent if self.soc_start_percent is None else self.soc_start_percent

    def fold_in(self, value: MeterValue, received_at: datetime) -> None:
        """A meter value that was kept while this row was not: whatever else came with it may be forgotten."""
        self.read(value, received_at)
        if self.sequence is not None:
            self.sequence.unsure = True

    def number(self, seq_no: int) -> bool:
        """2.x: message `seq_no` has come. False: it had come before. Gaps are flagged, and healed when they close."""
        sequence = self.sequence
        if sequence is None or not sequence.add(seq_no):
            return False
        if len(sequence.spans) > 1:
            self._flag(Flag.SEQUENCE_GAP)
        elif Flag.SEQUENCE_GAP in self.flags:
            self._drop(Flag.SEQUENCE_GAP)
        return True

    def end(self, at: datetime, meter_wh: float | None, reason: str, received_at: datetime) -> bool:
        """It ended. Idempotent: the same end again changes nothing (False); another one is flagged and the first
        kept."""
        if self.state is SessionState.ENDED and not self.end_is_provisional:
            if self.stopped_at == at and self.meter_stop_wh == meter_wh:
                return False
            return self._flag(Flag.STOP_CONFLICT)
        self._drop(Flag.STOP_MISSING)
        self._drop(Flag.CLOSED_BY_SERVER)
        self.state = SessionState.ENDED
        self.stopped_at, self.meter_stop_wh, self.stop_reason = at, meter_wh, reason
        self.stop_logged_at = received_at
        if meter_wh is not None:
            last_at = self.register.last_at
            self._note(self.register.read(meter_wh, at if last_at is None else max(at, last_at)))
        self.power_w = 0.0
        self._check_time(at, received_at)
        self._check_order()
        self._check_clock_offset()
        self.progress_at = max(self.progress_at, received_at)
        return True

    def settle_meters(self) -> None:
        """2.x: the meter's readings at both ends, as far as they are known by now."""
        if self.started_at is not None:
            self.meter_start_wh = self.register.first_wh
        if self.state is SessionState.ENDED:
            self.meter_stop_wh = self.register.last_wh

    def supersede(self, at: datetime, received_at: datetime) -> None:
        """Another transaction began on its connector and its own end never came."""
        self.state = SessionState.ENDED
        self.stopped_at = self.last_meter_at or at
        if self.started_at is not None and self.stopped_at < self.started_at:
            self.stopped_at = self.started_at
        self.meter_stop_wh = self.register.last_wh
        self.stop_logged_at = received_at
        self.power_w = 0.0
        self._flag(Flag.STOP_MISSING)
        self.progress_at = max(self.progress_at, received_at)

    def close(self, received_at: datetime) -> None:
        """Its own end will hardly come: what is known of it so far is all."""
        self.state = SessionState.ENDED
        began = self.started_at or self.logged_at
        self.stopped_at = max(self.last_meter_at or began, began)
        self.meter_stop_wh = self.register.last_wh
        self.stop_logged_at = received_at
        self.power_w = 0.0
        self._flag(Flag.CLOSED_BY_SERVER)

    def flows(self, state: ChargingState, at: datetime) -> bool:
        """What it is doing since `at`: a vehicle that suspends has what it wants, until it charges again. False:
        nothing new."""
        if state is ChargingState.SUSPENDED_EV and self.goal_reached_at is None:
            self.goal_reached_at = at
        elif state is ChargingState.CHARGING and self.goal_reached_at is not None:
            self.goal_reached_at = None
        else:
            return False
        return True

    def fail(self, code: str) -> bool:
        """Its connector has an error. False: nothing new."""
        if code in self.error_codes or len(self.error_codes) >= MAX_ERROR_CODES:
            return False
        self.error_codes = (*self.error_codes, code)
        return True

    def flag(self, flag: Flag) -> None:
        """Say that something was odd."""
        self._flag(flag)

    def unflag(self, flag: Flag) -> None:
        """It turned out not to be."""
        self._drop(flag)

    # -- inside ----------------------------------------------------------------------------------------------------

    def _belongs(self, at: datetime) -> bool:
        """A value that comes after the end of its session still counts where messages may come in any order, unless it
        was measured after the end."""
        if self.sequence is None:
            return Flag.CLOSED_BY_SERVER in self.flags
        return self.end_is_provisional or self.stopped_at is None or at <= self.stopped_at

    def _note(self, step: Step) -> None:
        if step is Step.ROLLOVER:
            self._flag(Flag.METER_ROLLED_OVER)
        elif step is Step.SWAP:
            self._flag(Flag.METER_SWAPPED)

    def _flag(self, flag: Flag) -> bool:
        if flag in self.flags:
            return False
        self.flags = tuple(sorted((*self.flags, flag.value)))
        return True

    def _drop(self, flag: Flag) -> None:
        self.flags = tuple(kept for kept in self.flags if kept != flag)

    def _check_time(self, at: datetime, received_at: datetime) -> None:
        if at > received_at + _FUTURE or at < _OLDEST:
            self._flag(Flag.CLOCK_WRONG)

    def _check_order(self) -> None:
        if self.started_at is not None and self.stopped_at is not None and self.stopped_at < self.started_at:
            self._flag(Flag.CLOCK_WRONG)

    def _check_clock_offset(self) -> None:
        """Start and stop both came live and both were off by the same hours or days: the clock is wrong. (Messages
        from an offline
        queue are old too, but arrive together.)"""
        if self.started_at is None or self.stopped_at is None or self.stop_logged_at is None:
            return
        at_start = self.logged_at - self.started_at
        at_stop = self.stop_logged_at - self.stopped_at
        live = self.stop_logged_at - self.logged_at >= _LIVE
        if live and abs(at_start) > _CLOCK_OFFSET and abs(at_start - at_stop) < _OFFSETS_AGREE:
            self._flag(Flag.CLOCK_WRONG)


class Reading(msgspec.Struct, frozen=True, gc=False):
    """What matters most in a meter value, over all phases: Wh, W, percent; None where it was not measured."""

    energy_wh: float | None
    power_w: float | None
    soc_percent: float | None


def reading_of(value: MeterValue) -> Reading:
    """One pass for the usual case of unphased numbers; the careful way for all others."""
    energy = power = soc = None
    for sample in value.sampled_values:
        measurand = sample.measurand
        if sample.signed is not None or (sample.phase and measurand in _SUMMED):
            return Reading(value.find(ENERGY_REGISTER), power_of(value), value.find(SOC))
        if measurand == ENERGY_REGISTER:
            energy = sample.value if energy is None else energy
        elif measurand == POWER:
            power = sample.value if power is None else power
        elif measurand == SOC:
            soc = sample.value if soc is None else soc
    return Reading(energy, power_of(value) if power is None else power, soc)


def power_of(value: MeterValue) -> float | None:
    """Active power in W: as measured, else from current and voltage per phase, else None."""
    measured = value.find(POWER)
    if measured is not None:
        return measured
    amperes: dict[str, float] = {}
    volts: dict[str, float] = {}
    for sample in value.sampled_values:
        phase = sample.phase.removesuffix("-N")
        if sample.measurand == CURRENT:
            amperes[phase] = sample.value
        elif sample.measurand == VOLTAGE:
            volts[phase] = sample.value
    if not amperes or not volts:
        return None
    mean = sum(volts.values()) / len(volts)
    return sum(current * volts.get(phase, mean) for phase, current in amperes.items() if phase != "N")
