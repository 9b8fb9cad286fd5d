"""A site of one's own with a station that has charged, charges and has a fault: for pages with figures."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.kit.charging import Car, a_charge
from tests.kit.house import House
from tests.kit.online import Online, online
from tests.kit.patience import until

LONG_S = 60.0
"""Alarms are weighed and sums are reckoned when stations leave time for it."""


@dataclass
class Dock:
    """`site` and `station` are names, `key` and `station_key` their numbers."""

    house: House
    site: str
    station: str
    link: Online

    @property
    def key(self) -> str:
        return self.site.partition("/")[2]

    @property
    def station_key(self) -> str:
        return self.station.partition("/")[2]

    def fault(self, error: str, connector: int = 1) -> Any:
        """A connector breaks; the alarm that comes of it."""
        self.link.status("Faulted", connector, error)
        return until(lambda: [each for each in self.alarms() if each.code == error], LONG_S)[0]

    def alarms(self) -> list[Any]:
        """The active ones of the station."""
        wanted = {"state": "ALARM_STATE_ACTIVE", "station": self.station}
        return list(self.house.ask("alarms.ListAlarms", filter=wanted).alarms)


@contextmanager
def open_dock(house: House, name: str) -> Iterator[Dock]:
    """With two sessions that ended in the last days and one that is under way at 7.2 kW."""
    site = {"kind": "PLACE_KIND_SITE", "display_name": name, "time_zone": "Europe/Stockholm"}
    place = house.ask("places.CreatePlace", place=site).place.name
    identity = name.upper().replace(" ", "-")
    made = house.ask("stations.CreateStation", station={"identity": identity, "display_name": name, "place": place})
    tag = f"{identity}-TAG"[:20]
    house.ask("id_tokens.CreateIdToken", id_token={"id_token": tag})
    with online(house.product, identity) as link:
        now = datetime.now(tz=UTC)
        a_charge(link, tag, now - timedelta(days=2, hours=3))
        a_charge(link, tag, now - timedelta(hours=5), 22_000)
        car = Car(link, tag, now - timedelta(minutes=20))
        car.start()
        car.charge([7_200, 7_200, 7_200])
        dock = Dock(house, place, made.station.name, link)
        until(lambda: house.ask("statistics.GetDashboard", place=place, days=7).dashboard.power_w == 7_200, LONG_S)
        until(lambda: _reckoned(house, place) >= (3, 28), LONG_S)
        yield dock


def _reckoned(house: House, place: str) -> tuple[int, int]:
    """How many sessions, and how many kWh, are in the sums by now: they get there some seconds after they happened. The
    two that ended have 28; how much the third has depends on when it was looked at, which is each five minutes."""
    days = house.ask("statistics.GetDashboard", place=place).dashboard.days
    return sum(day.session_count for day in days), int(sum(day.energy_wh for day in days) / 1000)
