"""A simulated OCPP 1.6J station: it boots, beats, charges by its plan and obeys the server."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from random import Random

import trio

from loadtest.client import (
    Address,
    Answer,
    CallRefused,
    CallTimeout,
    ConnectFailed,
    Dial,
    Json,
    LinkFailure,
    OcppClient,
    connect,
)
from loadtest.commands import VENDOR, Configuration, answer, first_configuration
from loadtest.ledger import SessionRecord
from loadtest.meter import Meter
from loadtest.outbox import Message, Outbox
from loadtest.scenario import SessionPlan, StationPlan, random_car
from loadtest.session import ChargingSession, Connector, RunClock, stamp
from loadtest.tally import Tally

FIRST_BACK_OFF = 1.0
LONGEST_BACK_OFF = 30.0
REBOOT_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Habits:
    """How the stations of a run behave; all times in seconds of the run."""

    meter_interval: float = 5.0
    time_scale: float = 60.0
    connect_timeout: float = 30.0
    call_timeout: float = 30.0
    retry_interval: float = 5.0
    remote_session_length: float = 20.0


class Station:
    """One station. `run` never returns: cancel it once `finished` says that its plan is done."""

    def __init__(
        self, plan: StationPlan, dial: Dial, address: Address, *, tally: Tally, clock: RunClock, habits: Habits
    ) -> None:
        self.plan = plan
        self.ledger: list[SessionRecord] = []
        self.refused_sessions = 0
        self.skipped_sessions = 0
        self.outbox = Outbox(tally, retry_interval=habits.retry_interval)
        self._dial = dial
        self._address = address
        self._tally = tally
        self._clock = clock
        self._habits = habits
        self._random = Random(plan.seed + "/life")  # noqa: S311 - repeatable on purpose, guards nothing
        self._configuration = first_configuration(len(plan.connectors), habits.meter_interval)
        self._connectors = [
            Connector(number, Meter(self._random, self._random.randrange(5_000_000)), self._announce)
            for number in range(1, len(plan.connectors) + 1)
        ]
        self._message_ids = (f"{plan.identity}.{number}" for number in count(1))
        self._plans_left = len(plan.connectors)
        self._nursery: trio.Nursery | None = None
        self._client: OcppClient | None = None
        self._accepted = False
        self._heartbeat_changed = trio.Event()

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
    def finished(self) -> bool:
        """True when the plan is done, nobody charges and the server has answered every transaction message."""
        busy = any(connector.session is not None for connector in self._connectors)
        return self._plans_left == 0 and not busy and self.outbox.durable_waiting == 0

    def wind_down(self) -> None:
        """The run is over: end whatever still charges."""
        for connector in self._connectors:
            if connector.session is not None:
                connector.session.stop("Local")

    # Its life.

    async def run(self) -> None:
        """Sleep until the plan begins, then live until cancelled."""
        await trio.sleep_until(self._clock.at(self.plan.start))
        async with trio.open_nursery() as self._nursery:
            self._nursery.start_soon(self.outbox.run)
            self._nursery.start_soon(self._keep_connected)
            self._nursery.start_soon(self._beat)
            for connector, visits in zip(self._connectors, self.plan.connectors, strict=True):
                self._nursery.start_soon(self._follow, connector, visits)

    async def _keep_connected(self) -> None:
        """Connect, stay, come back: the pause doubles from one second to thirty, with jitter, until accepted."""
        failures = 0
        while True:
            try:
                await self._one_connection()
                failures = 0
            except ConnectFailed as failure:
                failures += 1
                self._tally.error(failure.kind, trio.current_time())
            except LinkFailure:  # counted where it happened
                failures += 1
            pause = min(LONGEST_BACK_OFF, FIRST_BACK_OFF * 2 ** min(failures, 8))
            await trio.sleep(pause * self._random.uniform(0.5, 1.0))

    async def _one_connection(self) -> None:
        async with connect(
            self._dial,
            self._address,
            on_call=self._on_call,
            tally=self._tally,
            message_ids=self._message_ids,
            connect_timeout=self._habits.connect_timeout,
            call_timeout=self._habits.call_timeout,
        ) as client:
            self._client = client
            self._tally.online += 1
            try:
                if not self._accepted:
                    await self._boot(client)
                self.outbox.go_online(client)
                for number in range(len(self._connectors) + 1):
                    self.send_status(number)
                await client.closed.wait()
            finally:
                self._client = None
                self._tally.online -= 1
                self.outbox.go_offline()

    async def _boot(self, client: OcppClient) -> None:
        """BootNotification until accepted; Pending and Rejected say when to ask again (OCPP 1.6, 4.2)."""
        while True:
            try:
                reply = await client.call("BootNotification", self._boot_payload())
            except (CallRefused, CallTimeout):
                reply = {}
            interval = _seconds(reply.get("interval"))
            if reply.get("status") == "Accepted":
                self._accepted = True
                if interval:
                    self._configuration.values["HeartbeatInterval"] = f"{interval:g}"
                    self.configured("HeartbeatInterval")
                return
            with trio.move_on_after(interval or 10.0):
                await client.closed.wait()

    async def _beat(self) -> None:
        """Heartbeats at fixed times; the first one at a random place, so that a fleet does not beat as one."""
        share = self._random.random()
        while True:
            interval = self._configuration.seconds("HeartbeatInterval") or 300.0
            due = trio.current_time() + interval * share
            self._heartbeat_changed = trio.Event()
            while not self._heartbeat_changed.is_set():
                with trio.move_on_at(due):
                    await self._heartbeat_changed.wait()
                    break
                self.outbox.put(Message("Heartbeat", _nothing, due))
                due += interval

    async def _follow(self, connector: Connector, visits: Sequence[SessionPlan]) -> None:
        """The drivers come as planned; one who finds the connector taken or out of service drives on."""
        for visit in visits:
            await trio.sleep_until(self._clock.at(visit.start))
            if connector.free:
                await self._live(connector, visit, remote=False)
            else:
                self.skipped_sessions += 1
        self._plans_left -= 1

    async def _live(self, connector: Connector, visit: SessionPlan, *, remote: bool) -> None:
        session = ChargingSession(
            visit,
            connector,
            station=self.plan.identity,
            outbox=self.outbox,
            clock=self._clock,
            ledger=self.ledger,
            meter_interval=lambda: self._configuration.seconds("MeterValueSampleInterval") or float("inf"),
            time_scale=self._habits.time_scale,
            remote=remote,
        )
        await session.run()
        self.refused_sessions += session.authorised_refused

    # What the server may want; see loadtest.commands.

    def _on_call(self, action: str, payload: Json) -> Answer:
        return answer(self, action, payload)

    def begin_remote_session(self, connector: Connector, id_tag: str) -> None:
        """RemoteStartTransaction was accepted: a session begins, unless somebody was quicker."""
        if self._nursery is None or not connector.free:
            return
        now = trio.current_time() - self._clock.began
        visit = SessionPlan(now, self._habits.remote_session_length, id_tag, random_car(self._random))

        async def live() -> None:
            await self._live(connector, visit, remote=True)

        self._nursery.start_soon(live)

    def reboot(self, reason: str) -> None:
        """End the sessions, drop the connection, come back with a BootNotification."""
        if self._nursery is not None:
            self._nursery.start_soon(self._reboot, reason)

    async def _reboot(self, reason: str) -> None:
        for connector in self._connectors:
            if connector.session is not None:
                connector.session.stop(reason)
        if reason == "SoftReset":  # gracefully: the stops go out first; after a hard one they wait in the queue
            with trio.move_on_after(self._habits.call_timeout):
                await trio.sleep(0.1)
                await self.outbox.wait_empty()
        await trio.sleep(REBOOT_SECONDS)
        self._accepted = False
        if self._client is not None:
            self._client.abort()

    def configured(self, key: str) -> None:
        """A configuration key has a new value."""
        if key == "HeartbeatInterval":
            self._heartbeat_changed.set()

    def send_boot(self) -> None:
        """Say who we are."""
        self._say("BootNotification", self._boot_payload())

    def send_heartbeat(self) -> None:
        """Say that we live."""
        self._say("Heartbeat", {})

    def send_status(self, connector: int) -> None:
        """Say how connector 1 … n is, or with 0 the station as a whole."""
        if connector == 0:
            self._announce(0, "Available")
        else:
            self._announce(connector, self._connectors[connector - 1].status)

    def send_meter_values(self, connector: int) -> None:
        """Say what the meter shows, outside of any sampling."""
        values = self._connectors[connector - 1].meter.read().sampled_values()
        for value in values:
            value["context"] = "Trigger"
        meter_value = {"timestamp": stamp(self._clock.now()), "sampledValue": values}
        self._say("MeterValues", {"connectorId": connector, "meterValue": [meter_value]})

    def _announce(self, connector: int, status: str) -> None:
        self._say(
            "StatusNotification",
            {
                "connectorId": connector,
                "errorCode": "NoError",
                "status": status,
                "timestamp": stamp(self._clock.now()),
            },
        )

    def _say(self, action: str, payload: Json) -> None:
        self.outbox.put(Message(action, lambda: payload, trio.current_time()))

    def _boot_payload(self) -> Json:
        return {
            "chargePointVendor": "Chargehouse",
            "chargePointModel": "Load tester",
            "chargePointSerialNumber": self.plan.identity[-25:],
            "firmwareVersion": "1.0.0",
            "meterType": VENDOR[:25],
        }


def _nothing() -> Json:
    return {}


def _seconds(value: object) -> float:
    return float(value) if isinstance(value, int | float) and value > 0 else 0.0
