"""The demonstration from its beginning to its end."""

from __future__ import annotations

import secrets
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from random import Random
from typing import Final, TypeVar

import trio
from rich.console import Console

from loadtest.client import Dial
from loadtest.demo.afterwards import NEW_FIRMWARE, Afterwards
from loadtest.demo.desk import DemoError, Desk
from loadtest.demo.history import History, make_history
from loadtest.demo.office import Office
from loadtest.demo.speech import Step, speech_of
from loadtest.demo.station import DemoStation
from loadtest.demo.world import World, make_world
from loadtest.tally import Tally
from loadtest.target import Target

Given = TypeVar("Given")
READY_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class Settings:
    """The command line, understood. `live`: how many stations stay; `keep_charging`: seconds, 0 until interrupted."""

    control: str
    target: Target
    api_key: str
    seed: int = 1
    stations: int = 60
    days: int = 90
    live: int = 0
    keep_charging: float = 0.0
    force: bool = False


class _Progress:
    """Says what is going on, and how long each part took."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._began = trio.current_time()

    def done(self, text: str) -> None:
        """A part is done."""
        self._console.print(f"[dim]{trio.current_time() - self._began:6.1f} s[/dim]  {text}", highlight=False)

    async def during(self, text: str, do: Callable[[], Given]) -> Given:
        """A part that asks control.v1, in a thread."""
        with self._console.status(f"{text} …"):
            return await trio.to_thread.run_sync(do, abandon_on_cancel=True)


async def run(settings: Settings, desk: Desk, console: Console) -> bool:
    """All of it; True when the server has taken everything. Raises DemoError."""
    now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    world = make_world(settings.seed, settings.stations)
    history = make_history(world, settings.days, now)
    office, progress = Office(desk, world, now), _Progress(console)
    password = _password()
    station_passwords = {plan.identity: secrets.token_urlsafe(18) for plan in world.stations}
    if not settings.force:
        await progress.during("Looking", office.refuse_when_full)

    def prepare() -> None:
        office.make_places()
        office.make_stations(station_passwords)
        office.make_people(password)
        office.make_tags()
        office.make_tariffs()
        office.make_notices()
        office.make_rules(password)
        office.share_stations(password)

    await progress.during("Making places, stations, people, tags and tariffs", prepare)
    progress.done(
        f"{len(office.names.sites)} sites, {len(world.stations)} stations, {len(world.people)} people, "
        f"{len(world.tags)} tags, {len(office.names.tariffs)} tariffs"
    )
    stations = _stations(settings, world, history, station_passwords, now)
    async with trio.open_nursery() as nursery:
        for station in stations:
            nursery.start_soon(station.run)
        await _all_ready(stations)
        progress.done(f"{len(stations)} stations have connected")
        afterwards = Afterwards(desk, world, office.names, now)
        await progress.during("Naming outlets", afterwards.name_outlets)
        await _replay(stations, world, history, now, console)
        progress.done(f"{len(history.visits):,} sessions of {settings.days} days are told")
        await _after(afterwards, office, history, progress, console)
        refused = [text for station in stations for text in station.refused]
        _sum_up(console, office, password, refused)
        if settings.live:
            await _live(stations[: settings.live], world, settings, console)
        nursery.cancel_scope.cancel()
    return not refused


def _password() -> str:
    """For people: letters and digits, new each time."""
    return f"{secrets.token_hex(4)}-{secrets.randbelow(9000) + 1000}-demo"


def _stations(
    settings: Settings, world: World, history: History, passwords: dict[str, str], now: datetime
) -> list[DemoStation]:
    tally = Tally(trio.current_time())
    tls = ssl.create_default_context() if settings.target.tls else None
    made: list[DemoStation] = []
    for number, plan in enumerate(world.stations):
        station = DemoStation(
            plan,
            speech_of(plan.model, now),
            _dial(settings.target, tls),
            settings.target.address(plan.identity, passwords[plan.identity]),
            tally=tally,
            registers={evse: wh for (of, evse), wh in history.registers.items() if of == number},
            seed=f"{world.seed}/{plan.identity}/life",
        )
        station.faulted = {fault.evse for fault in history.faults if fault.station == number and fault.cleared is None}
        station.next_firmware = NEW_FIRMWARE
        made.append(station)
    return made


def _dial(target: Target, tls: ssl.SSLContext | None) -> Dial:
    async def dial() -> trio.abc.Stream:
        stream = await trio.open_tcp_stream(target.host, target.port)
        if tls is None:
            return stream
        return trio.SSLStream(stream, tls, server_hostname=target.host, https_compatible=True)

    return dial


async def _all_ready(stations: Sequence[DemoStation]) -> None:
    with trio.move_on_after(READY_SECONDS):
        for station in stations:
            await station.ready.wait()
    away = [station.plan.identity for station in stations if not station.ready.is_set()]
    if away:
        raise DemoError(f"{len(away)} stations could not connect, {away[0]} among them: is --ocpp right?")


def steps_of(world: World, history: History, speeches: Sequence[DemoStation]) -> list[list[Step]]:
    """What each station has to tell, in the order of time."""
    out: list[list[Step]] = [[] for _ in world.stations]
    for visit in history.visits:
        station = speeches[visit.station]
        out[visit.station] += station.speech.session(visit, station.plan.model, station.plan.identity)
    for fault in history.faults:
        out[fault.station] += speeches[fault.station].speech.fault(fault)
    for attempt in history.attempts:
        out[attempt.station].append(speeches[attempt.station].speech.attempt(attempt))
    for steps in out:
        steps.sort(key=lambda step: step.at)
    return out


async def _replay(
    stations: Sequence[DemoStation], world: World, history: History, now: datetime, console: Console
) -> None:
    told = steps_of(world, history, stations)
    total = sum(len(steps) for steps in told)
    left = total

    async def tell(station: DemoStation, steps: list[Step]) -> None:
        nonlocal left
        for step in steps:
            await station.tell_one(step)
            left -= 1

    with console.status("Telling …") as status:
        async with trio.open_nursery() as nursery:
            for station, steps in zip(stations, told, strict=True):
                nursery.start_soon(tell, station, steps)
            while left:
                status.update(f"{total - left:,} of {total:,} messages told")
                await trio.sleep(0.2)


async def _after(
    afterwards: Afterwards, office: Office, history: History, progress: _Progress, console: Console
) -> None:
    def settle() -> list[tuple[str, str]]:
        office.settle_tags()
        image = afterwards.make_firmware()
        ended = afterwards.operate(image)
        afterwards.make_reservations()
        return ended

    for title, state in await progress.during("Operating stations", settle):
        progress.done(f"{title}: {state.removeprefix('OPERATION_STATE_').lower()}")
    with console.status("Pricing …") as status:
        priced = await trio.to_thread.run_sync(
            lambda: afterwards.price_sessions(history, status.update), abandon_on_cancel=True
        )
    progress.done(f"{priced:,} sessions have a price")
    reports = await progress.during("Making reports", afterwards.make_reports)
    progress.done(f"{reports} monthly reports")


def _sum_up(console: Console, office: Office, password: str, refused: Sequence[str]) -> None:
    if office.names.sign_ins:
        console.print(f"\nThese may sign in, all with the password {password} (it is shown only here):")
        for role, email in office.names.sign_ins:
            console.print(f"  {email}  ({role})", highlight=False)
    if refused:
        console.print(f"\n{len(refused):,} messages were refused, for example: {refused[0]}", style="red", markup=False)


async def _live(stations: Sequence[DemoStation], world: World, settings: Settings, console: Console) -> None:
    """Two of three outlets are taken; who is done makes room for the next."""
    random = Random(f"{settings.seed}/live")  # noqa: S311 - repeatable on purpose, guards nothing
    ends = f"for {settings.keep_charging:g} s" if settings.keep_charging else "until you press Ctrl-C"
    console.print(f"\n{len(stations)} stations stay connected, {ends}.")
    free = [tag for tag in world.tags if not tag.blocked]
    random.shuffle(free)
    with trio.move_on_after(settings.keep_charging or float("inf")):
        for round_ in count():
            for station in stations:
                for evse in range(1, station.plan.model.outlets + 1):
                    if station.state_of(evse) != "Available" or random.random() > (0.65 if not round_ else 0.03):
                        continue
                    tag = free[0]
                    free.append(free.pop(0))
                    ago = random.uniform(60, 2400) if not round_ else 0.0
                    hours = random.uniform(0.3, 0.9) if station.plan.model.direct_current else random.uniform(0.7, 5)
                    soc = random.uniform(0.1, 0.5)
                    station.plug_in(evse, tag.id_token, tag.car, hours=hours, ago=ago, soc=soc)
            await trio.sleep(20.0)
    for station in stations:
        for wanted in station.charging.values():
            wanted.set()
    with trio.move_on_after(10.0):
        while any(station.charging for station in stations):
            await trio.sleep(0.1)
