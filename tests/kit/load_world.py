"""Stations that keep charging profiles as the specification says, on lines that lose things, and what is reckoned
with."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import trio

from csms.domain.charging_profile import ChargingProfile, ChargingProfilePurpose
from csms.domain.commands import Answer, Command, Outcome
from csms.domain.load_balancing import OutletKey
from csms.domain.load_group import LoadGroup, Policy
from csms.domain.smart_charging import ClearChargingProfile, SetChargingProfile
from csms.ports.directory import Settled
from csms.services.load_balancing import LoadBalancing
from csms.services.load_groups import LoadGroups
from csms.services.load_survey import LoadSurvey
from tests.kit.fake_directory import FakeDirectory
from tests.kit.fake_tables import FakeTables
from tests.kit.service_world import ServiceWorld

MOST = 320
"""What an outlet gives that nobody holds back, in tenths of amperes."""


@dataclass
class Kept:
    """The profiles of one station, by EVSE; and how it answers: accepts, refuses, deaf (hears nothing), mute (does it,
    but its answer is lost)."""

    profiles: dict[tuple[int, int], ChargingProfile] = field(default_factory=dict)
    manner: str = "accepts"

    def current(self, evse_id: int, now: datetime) -> int:
        """What the EVSE may draw (K01: the highest stack level that is valid leads)."""
        found = [
            (profile.stack_level, evse, profile) for (evse, _), profile in self.profiles.items() if evse in (0, evse_id)
        ]
        for _level, _evse, profile in sorted(found, key=lambda each: each[:2], reverse=True):
            schedule = profile.charging_schedule[0]
            assert profile.charging_profile_purpose is ChargingProfilePurpose.TX_DEFAULT_PROFILE
            assert schedule.start_schedule is not None
            ends = schedule.duration and schedule.start_schedule + timedelta(seconds=schedule.duration)
            if schedule.start_schedule <= now and (not ends or now < ends):
                return round((schedule.charging_schedule_period[0].limit or 0.0) * 10)
        return MOST

    def take(self, command: Command) -> None:
        if isinstance(command, SetChargingProfile):
            profile = command.charging_profile
            for key, other in list(self.profiles.items()):
                if key[0] == command.evse_id and other.stack_level == profile.stack_level:
                    del self.profiles[key]
            self.profiles[command.evse_id, profile.id] = profile
        elif isinstance(command, ClearChargingProfile):
            for key in [key for key in self.profiles if key[1] == command.charging_profile_id]:
                del self.profiles[key]


class Garage(FakeDirectory):
    """Reaches those stations."""

    def __init__(self, tables: FakeTables) -> None:
        super().__init__(tables)
        self.kept: dict[int, Kept] = {}
        self.slow: dict[int, float] = {}
        self.heard: list[tuple[int, Command]] = []

    async def send(
        self, station_id: int, command: Command, *, timeout: float, wait_for_station: bool = False
    ) -> Settled:
        await trio.sleep(self.slow.get(station_id, 0.01))
        self.sent.append((station_id, command, timeout, wait_for_station))
        kept = self.kept.setdefault(station_id, Kept())
        if not self.tables.stations[station_id].online:
            return Settled(Outcome.OFFLINE)
        if kept.manner in ("accepts", "mute"):
            kept.take(command)
            self.heard.append((station_id, command))
        if kept.manner in ("deaf", "mute"):
            await trio.sleep(timeout)
            return Settled(Outcome.UNKNOWN)
        accepted = kept.manner == "accepts"
        return Settled(Outcome.ANSWERED, Answer("Accepted" if accepted else "Rejected", accepted=accepted), 0.1)


class LoadWorld(ServiceWorld):
    """The use cases and the work of load balancing on that."""

    def __init__(self) -> None:
        super().__init__()
        self.garage = Garage(self.tables)
        self.remote._directory = self.garage
        self.numbers = iter(range(1, 10_000))
        self.start()

    def start(self) -> None:
        """As after a restart of the server: what is in memory is lost."""
        self.survey = LoadSurvey(self.load_store, self.station_queries, self.scopes)
        self.balancing = LoadBalancing(
            self.load_store,
            self.survey,
            self.remote,
            self.inventory_store,
            self.station_queries,
            self.feed,
            now=lambda: self.time,
        )
        self.load_groups = LoadGroups(
            self.load_store, self.survey, self.scopes, wake=self.balancing.wake, now=lambda: self.time
        )

    async def group(self, place_id: int = 1, name: str = "Garage", **policy: object) -> LoadGroup:
        """A new one; 32 A unless said."""
        made = Policy(**({"limit": 32.0} | policy))  # type: ignore[arg-type]
        return await self.load_store.create(LoadGroup(0, place_id, name, made))

    async def settle(self, seconds: float = 0.0, rounds: int = 4) -> None:
        """After so long, as many rounds as it takes."""
        self.time += timedelta(seconds=seconds)
        for _ in range(rounds):
            await self.balancing.round()

    def plug(self, station_id: int, *, power_w: float = 0.0) -> int:
        """A session at EVSE 2; its number."""
        number = next(self.numbers)
        self.add_session(number, station_id).power_w = power_w
        return number

    def unplug(self, number: int) -> None:
        self.tables.sessions[number].end(self.time, 9_000.0, "Local", self.time)

    def current(self, station_id: int, evse_id: int = 2) -> int:
        """What the outlet may draw in truth."""
        return self.garage.kept.setdefault(station_id, Kept()).current(evse_id, self.time)

    def sum(self) -> int:
        """Of all outlets, in truth."""
        keys = {OutletKey(station, evse) for station, evse, _connector in self.tables.connectors if evse}
        return sum(self.current(*key) for key in keys)
