"""A simulated station: it boots, beats, charges by its plan, breaks now and then, and obeys the server.

What it says and hears is in the words of its version of OCPP: see `loadtest.speech`.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from itertools import count
from random import Random

import trio

from loadtest.backlog import fill_backlog
from loadtest.client import (
    Address,
    Answer,
    CallRefused,
    CallTimeout,
    ConnectFailed,
    Dial,
    Json,
    Link,
    LinkFailure,
    connect,
)
from loadtest.faults import Faults
from loadtest.ledger import SessionRecord, TransactionId
from loadtest.limits import ChargingProfiles
from loadtest.local_list import LocalList
from loadtest.maintenance import Maintenance
from loadtest.meter import Meter
from loadtest.outbox import ATTEMPTS, Message, Outbox
from loadtest.scenario import SessionPlan, StationPlan, random_car
from loadtest.session import ChargingSession, Circumstances, Connector, RunClock, Skew, begins_with_plug
from loadtest.speech.soap_link import soap_connect
from loadtest.speech.speech import (
    Breakdown,
    Card,
    Configuration,
    FirmwareOrder,
    LogOrder,
    Said,
    Spot,
    Tag,
    first_configuration,
)
from loadtest.speech.versions import speech_for
from loadtest.tally import Tally
from loadtest.troubled_wire import TroubledWire
from loadtest.troubles import Troubles

FIRST_BACK_OFF = 1.0
LONGEST_BACK_OFF = 30.0
REBOOT_SECONDS = 1.0
FIRMWARE = "1.0.0"


@dataclass(frozen=True, slots=True)
class Habits:
    """How the stations of a run behave; all times in seconds of the run."""

    meter_interval: float = 5.0
    time_scale: float = 60.0
    connect_timeout: float = 30.0
    call_timeout: float = 30.0
    retry_interval: float = 5.0
    remote_session_length: float = 20.0
    heartbeat_interval: float = 0.0
    """0: what the server says."""
    fault_share: float = 0.0
    """Of sessions that end because the connector breaks."""
    repair_seconds: float = 5.0
    install_seconds: float = 2.0
    attempts: int = ATTEMPTS
    """At a message about a transaction that the server refuses (OCPP 1.6: TransactionMessageAttempts)."""
    back_off: float = FIRST_BACK_OFF
    longest_back_off: float = LONGEST_BACK_OFF
    """The pause before a station connects again: it doubles from the one to the other (OCPP 2.x: RetryBackOff…)."""
    backlog_meter_interval: float = 300.0
    plugged_share: float = 0.5
    """Of stations of OCPP 2.x whose transactions begin with the plug, before a tag is shown."""


class Station:
    """One station. `run` never returns: cancel it once `finished` says that its plan is done."""

    __slots__ = (
        "_accepted", "_address", "_beat_due", "_beat_pause", "_cause", "_circumstances", "_client", "_clock",
        "_configuration", "_connectors", "_dial", "_faults", "_habits", "_maintenance", "_message_ids",
        "_nursery", "_plans_left", "_power", "_random", "_reboot_wanted", "_tally", "_wire", "firmware",
        "ledger", "local_list", "outbox", "plan", "profiles", "refused_sessions", "skipped_sessions", "speech",
    )  # fmt: skip

    def __init__(
        self, plan: StationPlan, dial: Dial, address: Address, *, tally: Tally, clock: RunClock, habits: Habits
    ) -> None:
        self.plan = plan
        self.speech = speech_for(plan.version)
        self.ledger: list[SessionRecord] = []
        self.refused_sessions = 0
        self.skipped_sessions = 0
        self.outbox = Outbox(tally, retry_interval=habits.retry_interval, attempts=habits.attempts)
        self.profiles = ChargingProfiles()
        self.local_list = LocalList()
        self.firmware = FIRMWARE
        self._wire = TroubledWire(dial) if plan.troubles else None
        self._dial = dial if self._wire is None else self._wire.dial
        self._address = address
        self._tally = tally
        self._clock = replace(clock, skew=Skew()) if plan.troubles else clock
        self._habits = habits
        self._random = Random(plan.seed + "/life")  # noqa: S311 - repeatable on purpose, guards nothing
        self._configuration = first_configuration(len(plan.connectors), habits.meter_interval)
        self._connectors = [
            Connector(number, Meter(self._random, self._random.randrange(5_000_000)), self._announce)
            for number in range(1, len(plan.connectors) + 1)
        ]
        self._circumstances = Circumstances(
            station=plan.identity,
            speech=self.speech,
            outbox=self.outbox,
            clock=self._clock,
            ledger=self.ledger,
            profiles=self.profiles,
            local_list=self.local_list,
            meter_interval=lambda: self._configuration.seconds("MeterValueSampleInterval") or float("inf"),
            time_scale=habits.time_scale,
            broken=self._broken,
            from_plug=begins_with_plug(self.speech, plan.identity, habits.plugged_share),
        )
        self._maintenance = Maintenance(self, install_seconds=habits.install_seconds)
        self._message_ids = (f"{plan.identity[-26:]}.{number}" for number in count(1))
        self._faults = Faults(
            self, self._random, self._clock, share=habits.fault_share, repair_seconds=habits.repair_seconds
        )
        self._plans_left = len(plan.connectors)
        self._nursery: trio.Nursery | None = None
        self._client: Link | None = None
        self._power = trio.Event()
        self._power.set()
        self._accepted = False
        self._cause = "power-up"
        self._reboot_wanted = False
        self._beat_due = float("inf")
        self._beat_pause = trio.CancelScope()

    # What others may see.

    @property
    def connectors(self) -> Sequence[Connector]:
        """Its connectors, in the order of their numbers."""
        return self._connectors

    @property
    def configuration(self) -> Configuration:
        """Its configuration keys."""
        return self._configuration

    @property
    def accepted(self) -> bool:
        """True from the first BootNotification that was accepted until it reboots."""
        return self._accepted

    @property
    def start_point(self) -> str:
        """When its transactions begin, in the words of 2.x."""
        return "EVConnected" if self._circumstances.from_plug else "PowerPathClosed"

    @property
    def finished(self) -> bool:
        """True when the plan is done, nobody charges and the server has answered every transaction message."""
        busy = any(connector.session is not None for connector in self._connectors)
        return self._plans_left == 0 and not busy and self.outbox.durable_waiting == 0

    @property
    def clock(self) -> RunClock:
        """Its own clock."""
        return self._clock

    @property
    def link(self) -> Link | None:
        """The connection that stands, if one does."""
        return self._client

    def now(self) -> datetime:
        """What its clock says."""
        return self._clock.now()

    def wind_down(self) -> None:
        """The run is over: end whatever still charges."""
        for connector in self._connectors:
            if connector.session is not None:
                connector.session.stop("Local")

    # Its life.

    async def run(self) -> None:
        """Sleep until the plan begins, then live until cancelled."""
        await trio.sleep_until(self._clock.at(self.plan.start))
        if self.plan.backlog:
            interval = self._habits.backlog_meter_interval
            fill_backlog(self.plan.backlog, self._connectors, self._circumstances, interval)
        async with trio.open_nursery() as self._nursery:
            self._nursery.start_soon(self.outbox.run)
            self._nursery.start_soon(self._keep_connected)
            self._beat_anew()
            if self._wire is not None:
                self._nursery.start_soon(self._troubles(self._wire).run)
            for connector, visits in zip(self._connectors, self.plan.connectors, strict=True):
                self._nursery.start_soon(self._follow, connector, visits)

    def _troubles(self, wire: TroubledWire) -> Troubles:
        return Troubles(
            self,
            self.plan.troubles,
            wire,
            self._address,
            tally=self._tally,
            random=Random(self.plan.seed + "/troubles"),  # noqa: S311
        )

    async def _keep_connected(self) -> None:
        """Connect, stay, come back: the pause doubles with each failure and has jitter, as OCPP-J wants it."""
        failures = 0
        while True:
            if not self._power.is_set():
                failures = 0
                await self._power.wait()
            try:
                await self._one_connection()
                failures = 0
            except ConnectFailed as failure:
                failures += 1
                self._tally.error(failure.kind, trio.current_time())
            except LinkFailure:  # counted where it happened
                failures += 1
            pause = min(self._habits.longest_back_off, self._habits.back_off * 2 ** min(failures, 8))
            await trio.sleep(pause * self._random.uniform(0.5, 1.0))

    async def _one_connection(self) -> None:
        async with self._connect() as client:
            self._client = client
            self._tally.online += 1
            try:
                if not self._accepted:
                    await self._boot(client)
                self.outbox.go_online(client)
                for number in range(len(self._connectors) + 1):
                    self.send_status(number)
                await self._beat(client)
            finally:
                self._client = None
                self._tally.online -= 1
                self.outbox.go_offline()

    def _connect(self) -> AbstractAsyncContextManager[Link]:
        """The way to the server that the version asks for; see `loadtest.client.connect`."""
        way = soap_connect if self.speech.version == "1.5" else partial(connect, subprotocol=self.speech.subprotocol)
        return way(
            self._dial,
            self._address,
            on_call=self._on_call,
            tally=self._tally,
            message_ids=self._message_ids,
            connect_timeout=self._habits.connect_timeout,
            call_timeout=self._habits.call_timeout,
        )

    async def _boot(self, client: Link) -> None:
        """BootNotification until accepted; Pending and Rejected say when to ask again (OCPP 1.6, 4.2)."""
        while True:
            try:
                reply = await client.call(*self.speech.boot(self._card(self._cause)))
            except (CallRefused, CallTimeout):
                reply = {}
            status, interval = self.speech.booted(reply)
            if status == "Accepted":
                self._accepted = True
                interval = self._habits.heartbeat_interval or interval
                if interval:
                    self._configuration.values["HeartbeatInterval"] = f"{interval:g}"
                    self.configured("HeartbeatInterval")
                return
            with trio.move_on_after(interval or 10.0):
                await client.closed.wait()
            if client.closed.is_set():
                return

    async def _beat(self, client: Link) -> None:
        """Heartbeats at fixed times until the connection ends; those that were due without one are left out."""
        action, payload = self.speech.heartbeat()
        now = trio.current_time()
        if self._beat_due <= now:
            interval = self._beat_interval
            self._beat_due = now + interval - (now - self._beat_due) % interval
        while not client.closed.is_set():
            with trio.CancelScope(deadline=self._beat_due) as self._beat_pause:
                await client.closed.wait()
                return
            while self._beat_due <= trio.current_time():
                self.outbox.put(Message(action, lambda: payload, self._beat_due))
                self._beat_due += self._beat_interval

    @property
    def _beat_interval(self) -> float:
        return self._configuration.seconds("HeartbeatInterval") or 300.0

    def _beat_anew(self) -> None:
        """The first one at a random place, so that a fleet does not beat as one."""
        self._beat_due = trio.current_time() + self._beat_interval * self._random.random()
        self._beat_pause.deadline = self._beat_due

    async def _follow(self, connector: Connector, visits: Sequence[SessionPlan]) -> None:
        """The drivers come as planned; one who finds the connector taken or out of service drives on."""
        for visit in visits:
            await trio.sleep_until(self._clock.at(visit.start))
            if self._power.is_set() and connector.free_for(visit.id_tag, self.now()):
                await self._live(connector, visit, breaks=self._faults.fate(visit))
            else:
                self.skipped_sessions += 1
        self._plans_left -= 1

    async def _live(
        self,
        connector: Connector,
        visit: SessionPlan,
        *,
        breaks: tuple[float, Breakdown] | None = None,
        tag: Tag | None = None,
        remote: bool = False,
        remote_start_id: int | None = None,
    ) -> None:
        session = ChargingSession(
            visit,
            connector,
            self._circumstances,
            tag=tag,
            remote=remote,
            remote_start_id=remote_start_id,
            breaks=breaks,
        )
        await session.run()
        self.refused_sessions += session.authorised_refused
        if self._reboot_wanted and not any(each.session is not None for each in self._connectors):
            self._reboot_wanted = False
            self.reboot("SoftReset")

    def _broken(self, connector: Connector, breakdown: Breakdown) -> None:
        """A connector broke while somebody charged."""
        self._faults.break_down(connector, breakdown, self._nursery)

    # What the server may want; see `Commanded`.

    def _on_call(self, action: str, payload: Json) -> Answer:
        return self.speech.answer(self, action, payload)

    def waiting(self, transaction_id: TransactionId | None) -> bool:
        """Messages about this transaction (None: about any) are in the queue."""
        return self.outbox.waiting_about(transaction_id)

    def begin_remote_session(self, connector: Spot, tag: Tag, remote_start_id: int | None = None) -> None:
        """A remote start was accepted: a session begins, unless somebody was quicker."""
        here = self._connectors[connector.number - 1]
        if self._nursery is None or not here.free_for(tag.text, self.now()):
            return
        now = trio.current_time() - self._clock.began
        visit = SessionPlan(now, self._habits.remote_session_length, tag.text, random_car(self._random))
        live = partial(self._live, here, visit, tag=tag, remote=True, remote_start_id=remote_start_id)
        self._nursery.start_soon(live)

    def reboot(self, reason: str) -> None:
        """End the sessions for this reason, drop the connection, come back with a BootNotification."""
        if self._nursery is not None:
            self._nursery.start_soon(self.rebooted, reason)

    def reboot_when_idle(self) -> None:
        """As soon as nobody charges."""
        self._reboot_wanted = True

    async def rebooted(self, reason: str, cause: str = "remote") -> None:
        """Reboot, and return when the connection is gone; `cause` as in `Card`."""
        for connector in self._connectors:
            if connector.session is not None:
                connector.session.stop(reason)
        if reason != "HardReset":  # gracefully: the stops go out first; after a hard one they wait in the queue
            with trio.move_on_after(self._habits.call_timeout):
                await trio.sleep(0.1)
                await self.outbox.wait_empty()
        await trio.sleep(REBOOT_SECONDS)
        self._accepted, self._cause = False, cause
        self.outbox.go_offline()
        if self._client is not None:
            self._client.abort()

    def lose_power(self) -> None:
        """Sessions end, and nothing is said until the power is back."""
        self._power = trio.Event()
        self._accepted, self._cause = False, "power-up"
        for connector in self._connectors:
            if connector.session is not None:
                connector.session.stop("PowerLoss")

    def regain_power(self) -> None:
        """Boot."""
        self._power.set()

    def configured(self, key: str) -> None:
        """A configuration key has a new value."""
        if key == "HeartbeatInterval":
            self._beat_anew()

    def profiles_changed(self) -> None:
        """Smart charging: whoever charges may draw more, or less."""
        for connector in self._connectors:
            if connector.session is not None:
                connector.session.limits_changed()

    def update_firmware(self, order: FirmwareOrder) -> None:
        """Fetch it, install it, boot with it."""
        if self._nursery is not None:
            self._nursery.start_soon(self._maintenance.update, order)

    def upload_log(self, order: LogOrder) -> None:
        """Send a log file there."""
        if self._nursery is not None:
            self._nursery.start_soon(self._maintenance.upload, order)

    # What it says by itself or on demand.

    def send_boot(self) -> None:
        """Say who we are."""
        self.say(self.speech.boot(self._card("triggered")))

    def send_heartbeat(self) -> None:
        """Say that we live."""
        self.say(self.speech.heartbeat())

    def send_status(self, connector: int) -> None:
        """Say how connector 1 … n is, or with 0 the station as a whole."""
        if connector == 0:
            self._announce(0, "Available", "NoError")
        else:
            here = self._connectors[connector - 1]
            self._announce(connector, here.status, here.error)

    def send_meter_values(self, connector: int) -> None:
        """Say what the meter shows, outside of any sampling."""
        reading = self._connectors[connector - 1].meter.read()
        self.say(self.speech.meter_values(connector, self.now(), reading))

    def send_firmware_status(self) -> None:
        """Say how far the update is."""
        self.say(self._maintenance.firmware_said(self.speech))

    def send_log_status(self) -> None:
        """Say how far the upload is."""
        self.say(self._maintenance.log_said(self.speech))

    def _announce(self, connector: int, status: str, error: str) -> None:
        self.say(self.speech.status(connector, status, self.now(), error))

    def say(self, said: Said | None, *, durable: bool = False) -> None:
        """Queue a message that is about no transaction; `durable`: it outlives a lost connection."""
        if said is not None:
            action, payload = said
            self.outbox.put(Message(action, lambda: payload, trio.current_time(), durable))

    def _card(self, cause: str) -> Card:
        return Card(self.plan.identity, self.firmware, cause)
