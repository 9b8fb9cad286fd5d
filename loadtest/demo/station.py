"""A station of the demonstration: it connects, says who it is, tells what happened, and obeys."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from random import Random
from typing import Final

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
    LinkLost,
    OcppClient,
    connect,
)
from loadtest.demo.curves import Charge, charge
from loadtest.demo.history import Visit
from loadtest.demo.orders import Orders
from loadtest.demo.speech import Speech, Step
from loadtest.demo.world import StationPlan, direct_current_w
from loadtest.meter import Car
from loadtest.tally import Tally

TRIES: Final = 4
SAMPLE_SECONDS: Final = 30.0
_LIVE_NUMBERS: Final = 1_000_000  # visits that are told live are numbered from here


class DemoStation:
    """One station. `run` never returns: cancel it. `ready` is set when it was accepted and has told its statuses."""

    def __init__(
        self,
        plan: StationPlan,
        speech: Speech,
        dial: Dial,
        address: Address,
        *,
        tally: Tally,
        registers: dict[int, int],
        seed: str,
    ) -> None:
        self.plan = plan
        self.speech = speech
        self.firmware = plan.model.firmware
        self.next_firmware = ""
        """What it runs after an update."""
        self.ready = trio.Event()
        self.refused: list[str] = []
        """What the server answered with a CALLERROR: nothing, if all is well."""
        self.charging: dict[int, trio.Event] = {}
        """EVSEs at which somebody charges now; set the event to end it."""
        self.transactions: dict[int, object] = {}
        """By number of the visit: what the server calls it."""
        self.faulted: set[int] = set()
        self._live: dict[int, Visit] = {}
        self._registers = registers
        self._dial = dial
        self._address = address
        self._tally = tally
        self._random = Random(seed)  # noqa: S311 - repeatable on purpose, guards nothing
        self._message_ids = (f"{plan.identity}.{number}" for number in count(1))
        self._numbers = count(_LIVE_NUMBERS)
        self._client: OcppClient | None = None
        self._online = trio.Event()
        self._orders = Orders(self)
        self._nursery: trio.Nursery | None = None

    # -- its connection ----------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Stay connected for ever."""
        pause = 1.0
        async with trio.open_nursery() as self._nursery:
            while True:
                try:
                    await self._one_connection()
                    pause = 1.0
                except LinkFailure as failure:
                    if isinstance(failure, ConnectFailed):
                        self._tally.error(failure.kind, trio.current_time())
                    pause = min(30.0, pause * 2)
                await trio.sleep(pause * self._random.uniform(0.5, 1.0))

    async def _one_connection(self) -> None:
        async with connect(
            self._dial,
            self._address,
            on_call=self._on_call,
            tally=self._tally,
            message_ids=self._message_ids,
            call_timeout=60.0,
            subprotocol=self.plan.model.subprotocol,
        ) as client:
            await self._begin(client)
            self._client = client
            self._online.set()
            self.ready.set()
            try:
                await self._beat(client)
            finally:
                self._client, self._online = None, trio.Event()

    async def _begin(self, client: OcppClient) -> None:
        while True:
            reply = await client.call(*self.speech.boot(self.plan, self.firmware))
            if reply.get("status") == "Accepted":
                break
            await trio.sleep(2.0)
        for evse in range(1, self.plan.model.outlets + 1):
            await client.call(*self.speech.status(evse, self.state_of(evse), datetime.now(UTC)))

    async def _beat(self, client: OcppClient) -> None:
        while not client.closed.is_set():
            with trio.move_on_after(240.0):
                await client.closed.wait()
                return
            await client.call("Heartbeat", {})

    def state_of(self, evse: int) -> str:
        """In 1.6's words."""
        return "Faulted" if evse in self.faulted else "Charging" if evse in self.charging else "Available"

    # -- what it tells -----------------------------------------------------------------------------------------------

    async def tell(self, steps: Iterable[Step]) -> None:
        """One after the other, each until the server has it; what it refuses is noted."""
        for step in steps:
            await self.tell_one(step)

    async def tell_one(self, step: Step) -> None:
        """See `tell`."""
        transaction = self.transactions.get(-1 if step.visit is None else step.visit, -1)
        answer = await self.say(step.action, step.payload(transaction))
        if step.visit is not None and "transactionId" in answer:
            self.transactions[step.visit] = answer["transactionId"]

    async def say(self, action: str, payload: Json) -> Json:
        """A message and its answer; empty when it was refused or could not be brought over."""
        for _ in range(TRIES):
            await self._online.wait()
            client = self._client
            if client is None:
                continue
            try:
                return await client.call(action, payload)
            except CallRefused as refusal:
                self.refused.append(str(refusal))
                return {}
            except CallTimeout:
                client.abort()
            except LinkLost:
                await trio.sleep(0.1)
        self.refused.append(f"{action}: no answer")
        return {}

    # -- what it does now --------------------------------------------------------------------------------------------

    def plug_in(
        self,
        evse: int,
        id_token: str,
        car: Car,
        *,
        hours: float,
        ago: float = 0.0,
        soc: float = 0.3,
        remote_start_id: int | None = None,
    ) -> bool:
        """Somebody charges from now on (or since `ago` seconds) for `hours`, perhaps because they were told to
        (`remote_start_id`). False when the outlet is taken."""
        if self._nursery is None or evse in self.charging or evse in self.faulted:
            return False
        model = self.plan.model
        power = min(model.power_w, direct_current_w(car) if model.direct_current else car.max_power_w)
        ago = round(ago)  # all is measured at whole seconds, as `cut` ends sessions at them
        seconds = ago + hours * 3600
        curve = charge(self._random, car, soc=soc, power_w=power, seconds=seconds, every=SAMPLE_SECONDS)
        started = datetime.now(UTC).replace(microsecond=0) - timedelta(seconds=ago)
        stopped = started + timedelta(seconds=seconds)
        start_wh = self._registers.setdefault(evse, 10_000)
        number = next(self._numbers)
        visit = Visit(0, evse, id_token, car, started, stopped, start_wh, curve, "Local", number, remote_start_id)
        self.charging[evse], self._live[evse] = trio.Event(), visit
        self._nursery.start_soon(self._charge, visit)
        return True

    async def _charge(self, visit: Visit) -> None:
        """Tell a session while it goes on; ends it early when that is wanted."""
        wanted = self.charging[visit.evse]
        identity, model = self.plan.identity, self.plan.model
        for step in self.speech.session(visit, model, identity, live=True):
            with trio.move_on_after(max(0.0, (step.at - datetime.now(UTC)).total_seconds())):
                await wanted.wait()
            now = datetime.now(UTC)
            if wanted.is_set() and step.at > now:
                visit = cut(visit, now)
                await self.tell(ending(self.speech.session(visit, model, identity, live=True)))
                break
            await self.tell_one(step)
        self._registers[visit.evse] = visit.meter_stop_wh
        self.charging.pop(visit.evse, None)
        self._live.pop(visit.evse, None)
        await self.say(*self.speech.status(visit.evse, "Available", datetime.now(UTC)))

    def at_evse(self, transaction: object) -> int | None:
        """Where this transaction goes on."""
        return next((evse for evse, visit in self._live.items() if self._name_of(visit) == transaction), None)

    def _name_of(self, visit: Visit) -> object:
        known = self.transactions.get(visit.number)
        return self.speech.transaction_id(visit, self.plan.identity) if known is None else known

    def later(self, seconds: float, what: Callable[[], tuple[str, Json]]) -> None:
        """Say something after a while."""

        async def wait() -> None:
            await trio.sleep(seconds)
            await self.say(*what())

        if self._nursery is not None:
            self._nursery.start_soon(wait)

    def reboot(self) -> None:
        """Drop the connection and come back."""
        if self._client is not None:
            self._client.abort()

    def _on_call(self, action: str, payload: Json) -> Answer:
        return self._orders.answer(action, payload)


def ending(steps: Sequence[Step]) -> Sequence[Step]:
    """The last message of the transaction, and what is said after it."""
    return steps[max(number for number, step in enumerate(steps) if step.visit is not None) :]


def cut(visit: Visit, at: datetime) -> Visit:
    """The same, ended early by an order."""
    at = at.replace(microsecond=0)
    points = tuple(point for point in visit.charge.points if visit.started + timedelta(seconds=point.second) <= at)
    energy = points[-1].energy_wh if points else 0
    return Visit(
        visit.station, visit.evse, visit.id_token, visit.car, visit.started, at, visit.meter_start_wh,
        Charge(points, energy, None), "Remote", visit.number,
    )  # fmt: skip
