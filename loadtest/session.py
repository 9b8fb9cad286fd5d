"""A connector and the session at it: plug, tag, start, meter values, suspended, stop, unplug."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import trio

from loadtest.client import Json
from loadtest.ledger import SessionRecord
from loadtest.meter import Meter
from loadtest.outbox import Message, Outbox
from loadtest.scenario import SessionPlan

# OCPP 1.6, 4.9: what a connector may become. Faulted is left out: these stations are in good health.
MOVES: dict[str, frozenset[str]] = {
    "Available": frozenset({"Preparing", "Unavailable"}),
    "Preparing": frozenset({"Charging", "Available", "Finishing"}),
    "Charging": frozenset({"SuspendedEV", "Finishing"}),
    "SuspendedEV": frozenset({"Charging", "Finishing"}),
    "Finishing": frozenset({"Available", "Unavailable"}),
    "Unavailable": frozenset({"Available"}),
}


@dataclass(frozen=True, slots=True)
class RunClock:
    """Ties the run's own seconds to the date: `trio.current_time()` was `began` when it was `date` (UTC)."""

    began: float
    date: datetime

    def now(self) -> datetime:
        """The date, to the millisecond: what a station says is what it writes into its books."""
        at = self.date + timedelta(seconds=trio.current_time() - self.began)
        return at.replace(microsecond=at.microsecond // 1000 * 1000)

    def at(self, offset: float) -> float:
        """The `trio.current_time()` that lies this many seconds after the begin of the run."""
        return self.began + offset


def stamp(at: datetime) -> str:
    """`2025-01-31T12:00:00.123Z`, as OCPP 1.6 likes it."""
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"


class Connector:
    """One connector of a station: its status, its meter, and who charges there."""

    def __init__(self, number: int, meter: Meter, announce: Callable[[int, str], None]) -> None:
        self.number = number
        self.meter = meter
        self._announce = announce
        self.status = "Available"
        self.operative = True
        self.session: ChargingSession | None = None

    @property
    def free(self) -> bool:
        """True when a car could come."""
        return self.operative and self.session is None and self.status == "Available"

    def become(self, status: str) -> None:
        """Change the status and tell the server. Raises ValueError when OCPP knows no such way."""
        if status == self.status:
            return
        if status not in MOVES[self.status]:
            raise ValueError(f"connector {self.number} cannot go from {self.status} to {status}")
        self.status = status
        self._announce(self.number, status)

    def rest(self) -> None:
        """Back to Available, or to Unavailable when the server wanted that meanwhile."""
        if self.operative or self.status == "Preparing":  # OCPP knows no way from Preparing to Unavailable
            self.become("Available")
        if not self.operative:
            self.become("Unavailable")


class ChargingSession:
    """One session, from plug to unplug. `run` lives it; `stop` ends it before its time."""

    def __init__(
        self,
        plan: SessionPlan,
        connector: Connector,
        *,
        station: str,
        outbox: Outbox,
        clock: RunClock,
        ledger: list[SessionRecord],
        meter_interval: Callable[[], float],
        time_scale: float,
        remote: bool = False,
    ) -> None:
        self.plan = plan
        self.record: SessionRecord | None = None
        self.authorised_refused = False
        self._connector = connector
        self._station = station
        self._outbox = outbox
        self._clock = clock
        self._ledger = ledger
        self._meter_interval = meter_interval
        self._time_scale = time_scale
        self._remote = remote
        self._stop_wanted = trio.Event()
        self._reason = "Local"
        self._metered_at = 0.0

    @property
    def transaction_id(self) -> int | None:
        """The server's number, once known and while the transaction goes on."""
        record = self.record
        return None if record is None or record.stop_time is not None else record.transaction_id

    def stop(self, reason: str) -> None:
        """End the transaction now; `reason` is one of OCPP 1.6, 7.36."""
        if not self._stop_wanted.is_set():
            self._reason = reason
            self._stop_wanted.set()

    async def run(self) -> None:
        """Live the session; returns when the cable is out."""
        connector, plan = self._connector, self.plan
        connector.session = self
        try:
            connector.meter.plug_in(plan.car)
            connector.become("Preparing")
            if await self._may_start():
                self._begin()
                await self._charge()
                self._end()
                connector.become("Finishing")
                if self._reason == "Local":
                    await trio.sleep_until(self._clock.at(plan.end))
            connector.meter.unplug()
        finally:
            connector.session = None
        connector.rest()

    async def _may_start(self) -> bool:
        """The tag is shown and asked for; without a connection the station trusts its cache (OCPP 1.6, 3.5)."""
        if self._remote:
            return True
        intended = self._clock.at(self.plan.tag_shown)
        if await self._stopped_before(intended):
            return False
        tag: Json = {"idTag": self.plan.id_tag}
        message = self._outbox.put(Message("Authorize", lambda: tag, intended))
        await message.settled.wait()
        self.authorised_refused = message.refused or _refuses(message.answer)
        return not self.authorised_refused and not self._stop_wanted.is_set()

    def _begin(self) -> None:
        self._metered_at = trio.current_time()
        record = self.record = SessionRecord(
            station=self._station,
            connector=self._connector.number,
            id_tag=self.plan.id_tag,
            start_time=self._clock.now(),
            meter_start_wh=self._connector.meter.energy_wh,
            remote=self._remote,
        )
        self._ledger.append(record)
        payload: Json = {
            "connectorId": record.connector,
            "idTag": record.id_tag,
            "meterStart": record.meter_start_wh,
            "timestamp": stamp(record.start_time),
        }

        def answered(answer: Json) -> None:
            number = answer.get("transactionId")
            record.transaction_id = number if isinstance(number, int) else None
            if _refuses(answer):
                self.stop("DeAuthorized")

        self._tell("StartTransaction", lambda: payload, answered)
        self._connector.become("Charging")

    async def _charge(self) -> None:
        """Meter values at fixed times from the start, whether or not the last one has been answered."""
        suspended, stopped = self._clock.at(self.plan.suspended), self._clock.at(self.plan.stopped)
        tick = self._metered_at + self._meter_interval()
        while True:
            drawing = self._connector.status == "Charging"
            due = min(tick, suspended if drawing else tick, stopped)
            if await self._stopped_before(due):
                return
            self._pass_time(due)
            if drawing and (due >= suspended or self._connector.meter.full):
                self._connector.become("SuspendedEV")
            if due >= stopped:
                return
            if due >= tick:
                self._sample(due)
                tick += self._meter_interval()

    async def _stopped_before(self, deadline: float) -> bool:
        """Sleep to the deadline; True when somebody ends the session earlier."""
        with trio.move_on_at(deadline):
            await self._stop_wanted.wait()
        return self._stop_wanted.is_set()

    def _pass_time(self, now: float) -> None:
        charging = self._connector.status == "Charging"
        self._connector.meter.advance((now - self._metered_at) * self._time_scale, charging=charging)
        self._metered_at = now

    def _sample(self, intended: float) -> None:
        record = self.record
        if record is None:
            return
        at, reading = self._clock.now(), self._connector.meter.read()
        record.samples_sent[at] = reading.energy_wh
        meter_value: Json = {"timestamp": stamp(at), "sampledValue": reading.sampled_values()}

        def payload() -> Json:
            return {
                "connectorId": record.connector,
                "transactionId": -1 if record.transaction_id is None else record.transaction_id,
                "meterValue": [meter_value],
            }

        def answered(_: Json) -> None:
            record.samples_acknowledged[at] = reading.energy_wh

        self._tell("MeterValues", payload, answered, intended)

    def _end(self) -> None:
        record = self.record
        if record is None:
            return
        self._pass_time(max(trio.current_time(), self._metered_at))
        record.stop_time = self._clock.now()
        record.meter_stop_wh = meter_stop = self._connector.meter.energy_wh
        record.reason = self._reason
        stopped_at = stamp(record.stop_time)

        def payload() -> Json:
            return {
                "transactionId": -1 if record.transaction_id is None else record.transaction_id,
                "idTag": record.id_tag,
                "meterStop": meter_stop,
                "timestamp": stopped_at,
                "reason": record.reason,
            }

        def answered(_: Json) -> None:
            record.stop_acknowledged = True

        self._tell("StopTransaction", payload, answered)

    def _tell(
        self,
        action: str,
        payload: Callable[[], Json],
        on_answer: Callable[[Json], None],
        intended: float | None = None,
    ) -> None:
        """Queue a message of the transaction; it stays there until the server has answered."""
        record = self.record

        def abandoned() -> None:
            if record is not None:
                record.abandoned = True

        when = trio.current_time() if intended is None else intended
        self._outbox.put(Message(action, payload, when, True, on_answer, abandoned))


def _refuses(answer: Json | None) -> bool:
    """True when an answer carries an idTagInfo whose status is anything but Accepted."""
    match answer:
        case {"idTagInfo": {"status": str(status)}}:
            return status != "Accepted"
        case _:
            return False
