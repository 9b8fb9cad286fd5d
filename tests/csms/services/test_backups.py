"""When backups are made, and when they are stale."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta

import pytest
import trio
from trio.testing import MockClock

from csms.domain.errors import FailedPrecondition, NotFound, PermissionDenied
from csms.ports.backups import Backup
from csms.services.backups import Backups
from tests.kit.service_world import ADMIN, DRIVER, SUPPORT

pytestmark = pytest.mark.feature("F-SYS-3")

T0 = datetime(2026, 3, 1, 12, tzinfo=UTC)


def now() -> datetime:
    return T0 + timedelta(seconds=trio.current_time())


class FakeBackups:
    """Makes good ones in a minute, unless `error` (the dump is bad) or `down` (there is none)."""

    def __init__(self) -> None:
        self.made: list[Backup] = []
        self.error = ""
        self.down = False

    def all(self) -> Sequence[Backup]:
        return self.made[::-1]

    def get(self, name: str) -> Backup:
        raise NotFound(f"There is no backup {name}.")

    async def make(self) -> Backup:
        at = now()
        await trio.sleep(60)
        if self.down:
            raise FailedPrecondition("pg_dump failed: disk full", reason="BACKUP_FAILED")
        made = Backup(f"b-{len(self.made)}", at, 1, "", {"station": (1, "1")}, now(), self.error)
        self.made.append(made)
        return made

    async def verify(self, name: str) -> Backup:
        await trio.lowlevel.checkpoint()
        return self.get(name)


async def after(hours: float) -> None:
    await trio.sleep_until(hours * 3600)


async def test_one_a_day_at_its_time(autojump_clock: MockClock, nursery: trio.Nursery) -> None:
    store = FakeBackups()
    backups = Backups(store, daily_at=time(2), now=now)
    nursery.start_soon(backups.run)
    await after(13.9)
    assert store.made == []
    await after(14.5)
    assert [made.made_at for made in store.made] == [datetime(2026, 3, 2, 2, tzinfo=UTC)]
    await after(14.5 + 48)
    assert len(store.made) == 3
    seen = await backups.overview(SUPPORT)
    assert (seen.due_at, seen.stale, seen.running) == (datetime(2026, 3, 5, 2, tzinfo=UTC), False, False)
    nursery.cancel_scope.cancel()


async def test_by_hand_beside_the_daily_ones_and_never_two_at_once(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    store = FakeBackups()
    backups = Backups(store, daily_at=None, now=now)
    nursery.start_soon(backups.run)
    await after(1)
    await backups.start(ADMIN)
    await trio.sleep(1)
    assert (await backups.overview(SUPPORT)).running
    with pytest.raises(FailedPrecondition):
        await backups.start(ADMIN)
    await after(60)
    assert len(store.made) == 1
    seen = await backups.overview(SUPPORT)
    assert (seen.due_at, seen.stale) == (None, False)
    nursery.cancel_scope.cancel()


async def test_what_failed_is_tried_again_and_told_as_stale(autojump_clock: MockClock, nursery: trio.Nursery) -> None:
    store = FakeBackups()
    store.down = True
    backups = Backups(store, daily_at=time(2), now=now)
    nursery.start_soon(backups.run)
    await after(15)
    seen = await backups.overview(SUPPORT)
    assert (seen.last_error, seen.stale) == ("pg_dump failed: disk full", False)
    await after(37)
    assert backups.stale
    store.down = False
    await after(37.9)
    assert (len(store.made), backups.stale) == (1, False)
    nursery.cancel_scope.cancel()


async def test_a_bad_one_does_not_count_as_fresh(autojump_clock: MockClock, nursery: trio.Nursery) -> None:
    store = FakeBackups()
    store.error = "Restored, these tables differ: station."
    backups = Backups(store, daily_at=time(2), now=now)
    nursery.start_soon(backups.run)
    await after(50)
    assert store.made
    assert backups.stale
    nursery.cancel_scope.cancel()


async def test_who_may_not() -> None:
    backups = Backups(FakeBackups(), daily_at=None, now=now)
    with pytest.raises(PermissionDenied):
        await backups.start(SUPPORT)
    with pytest.raises(PermissionDenied):
        await backups.overview(DRIVER)
    with pytest.raises(NotFound):
        await backups.verify(ADMIN, "x")
