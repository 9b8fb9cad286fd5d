"""The task that keeps statistics up to date."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest
import trio
import trio.testing

from csms.domain.errors import Unavailable
from csms.domain.topology import Place, PlaceKind, Tree
from csms.ports.statistics import Whereabouts
from csms.services.reckoning import BATCH, Reckoner, whereabouts

pytestmark = pytest.mark.feature("F-SES-7")

NOW = datetime(2026, 5, 4, tzinfo=UTC)
TREE = Tree(
    [
        Place(1, None, PlaceKind.SYSTEM, "System"),
        Place(2, 1, PlaceKind.SITE, "One", time_zone="Europe/Stockholm"),
        Place(3, 2, PlaceKind.FLOOR, "Floor"),
    ]
)


class FakeUsage:
    """Has so many changes left; `away`: so often the database is."""

    def __init__(self, left: int, away: int = 0) -> None:
        self.left = left
        self.away = away
        self.kept_since: datetime | None = None

    async def reckon(
        self, places: Mapping[int, Whereabouts], now: datetime, *, kept_since: datetime | None = None, limit: int = 200
    ) -> int | None:
        await trio.lowlevel.checkpoint()
        self.kept_since = kept_since
        if self.away:
            self.away -= 1
            raise Unavailable("The database cannot be reached. Try again in a moment.")
        done = min(limit, self.left)
        self.left -= done
        return done or None


async def test_an_outage_is_waited_for_and_everything_is_reckoned(autojump_clock: trio.testing.MockClock) -> None:
    usage = FakeUsage(1_200, away=3)
    with trio.move_on_after(30):
        await Reckoner(usage, lambda: TREE, now=lambda: NOW).run()
    assert usage.left == 0


async def test_what_is_older_than_meter_values_keeps_its_shape() -> None:
    usage = FakeUsage(1)
    await Reckoner(usage, lambda: TREE, meter_value_days=90, now=lambda: NOW).step()
    assert usage.kept_since == NOW - timedelta(days=88)
    await Reckoner(usage, lambda: TREE, now=lambda: NOW).step()
    assert usage.kept_since is None


def test_a_floor_has_the_site_and_the_zone_above_it() -> None:
    assert whereabouts(TREE) == {
        1: Whereabouts(1, "UTC"),
        2: Whereabouts(2, "Europe/Stockholm"),
        3: Whereabouts(2, "Europe/Stockholm"),
    }


async def test_it_rests_as_long_as_it_worked(autojump_clock: trio.testing.MockClock) -> None:
    class Slow(FakeUsage):
        async def reckon(self, *arguments: object, **more: object) -> int | None:
            if self.left:
                await trio.sleep(1.0)
            return await super().reckon(*arguments, **more)  # type: ignore[arg-type]

    usage = Slow(3 * BATCH)
    with trio.move_on_after(5.5):
        await Reckoner(usage, lambda: TREE, now=lambda: NOW).run()
    assert usage.left == 0
    usage.left = 3 * BATCH
    with trio.move_on_after(4.5):
        await Reckoner(usage, lambda: TREE, now=lambda: NOW).run()
    assert usage.left == BATCH


async def test_who_shows_figures_hears_when_the_sums_have_changed(autojump_clock: trio.testing.MockClock) -> None:
    usage, told = FakeUsage(3 * BATCH, away=1), []
    with trio.move_on_after(60):
        await Reckoner(usage, lambda: TREE, now=lambda: NOW, told=lambda: told.append(usage.left)).run()
    assert told == [0]
