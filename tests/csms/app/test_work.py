"""Work that is done once: begun with the lease, cancelled with it, begun again with the next one."""

from __future__ import annotations

import trio

from csms.app.work import ADMISSION_TRIES, PATIENCE_LOOKS, STAND_BACK_SECONDS, LeaseOfWork, Work
from csms.domain.errors import Unavailable
from csms.storage.fencing import WorkElsewhere, WorkToken, held


class Lease:
    """In the test's hand."""

    def __init__(self) -> None:
        self.mine = True
        self.away = False
        self.token: tuple[int, int] | None = (1, 7)
        self.seconds_left = 4.0
        self.released = False

    async def holds(self) -> bool:
        await trio.lowlevel.checkpoint()
        if self.away:
            raise Unavailable("the bus is away")
        return self.mine

    async def release(self) -> None:
        self.released = True


class Epochs:
    """What the database knows."""

    def __init__(self) -> None:
        self.newest = WorkToken("work", 1, 1)
        self.away = False

    def token(self, made_us: int, revision: int) -> WorkToken:
        return WorkToken("work", made_us, revision)

    async def advance(self, token: WorkToken) -> None:
        await self.confirm(max(token, self.newest), note=token)

    async def confirm(self, token: WorkToken, *, note: WorkToken | None = None) -> None:
        await trio.lowlevel.checkpoint()
        if self.away:
            raise Unavailable("the database is away")
        if note is not None and note == token:
            self.newest = token
        if (note or token) != self.newest:
            raise WorkElsewhere("elsewhere")


class Task:
    """Counts how often it was begun, and whether it runs."""

    def __init__(self) -> None:
        self.begun = 0
        self.running = False
        self.held: WorkToken | None = None

    async def run(self) -> None:
        self.begun += 1
        self.running = True
        self.held = held()
        try:
            await trio.sleep_forever()
        finally:
            self.running = False


async def test_alone_all_of_it_runs_here(autojump_clock: object) -> None:
    task, work = Task(), Work()
    work.start_soon(task.run)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(work.run)
        await trio.sleep(1)
        assert task.running
        assert await LeaseOfWork(work).holds()
        nursery.cancel_scope.cancel()


async def test_a_node_does_none_of_it(autojump_clock: object) -> None:
    task, work = Task(), Work(here=False)
    work.start_soon(task.run)
    await work.run()
    assert task.begun == 0
    assert not await LeaseOfWork(work).holds()


async def test_it_ends_with_the_lease_and_begins_again_with_the_next_one(autojump_clock: object) -> None:
    task, lease = Task(), Lease()
    work = Work(lease, Epochs())
    work.start_soon(task.run)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(work.run)
        await trio.sleep(2)
        assert task.running
        lease.mine, lease.seconds_left = False, 0.0
        await trio.sleep(2)
        assert not task.running
        assert not await LeaseOfWork(work).holds()
        lease.mine, lease.seconds_left = True, 4.0
        await trio.sleep(2)
        assert (task.running, task.begun) == (True, 2)
        nursery.cancel_scope.cancel()
    assert lease.released


async def test_it_ends_when_the_lease_does_though_nobody_has_looked_yet(autojump_clock: object) -> None:
    task, lease = Task(), Lease()
    lease.seconds_left = 0.4
    work = Work(lease, Epochs())
    work.start_soon(task.run)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(work.run)
        await trio.sleep(0.3)
        assert task.running
        await trio.sleep(0.3)
        assert (task.running, task.begun) == (False, 1)
        nursery.cancel_scope.cancel()


async def test_while_the_bus_is_away_it_goes_on_no_longer_than_the_lease_counts(autojump_clock: object) -> None:
    task, lease = Task(), Lease()
    work = Work(lease, Epochs())
    work.start_soon(task.run)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(work.run)
        await trio.sleep(1.5)
        lease.away, lease.seconds_left = True, 2.0
        await trio.sleep(1.5)
        assert task.running
        lease.seconds_left = 0.0
        await trio.sleep(3)
        assert not task.running
        nursery.cancel_scope.cancel()


async def test_a_holder_that_the_database_knows_to_be_an_older_one_does_nothing(autojump_clock: object) -> None:
    task, lease, epochs = Task(), Lease(), Epochs()
    epochs.newest = WorkToken("work", 1, 8)
    work = Work(lease, epochs)
    work.start_soon(task.run)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(work.run)
        await trio.sleep(5)
        assert task.begun == 0
        lease.token = (2, 1)  # the bus lost its data and counts anew
        await trio.sleep(2)
        assert task.held == WorkToken("work", 2, 1)
        epochs.newest = WorkToken("work", 2, 5)  # another one took over while this one was paused
        assert not await LeaseOfWork(work).holds()
        await trio.sleep(2)
        assert not task.running
        nursery.cancel_scope.cancel()
    assert held() is None


async def test_who_does_not_reach_the_database_lets_another_one_try(autojump_clock: object) -> None:
    task, lease, epochs = Task(), Lease(), Epochs()
    work = Work(lease, epochs)
    work.start_soon(task.run)
    async with trio.open_nursery() as nursery:
        epochs.away = True
        nursery.start_soon(work.run)
        await trio.sleep(2 * ADMISSION_TRIES)
        assert (lease.released, task.begun) == (True, 0)
        epochs.away, lease.released = False, False
        await trio.sleep(2 * STAND_BACK_SECONDS)
        assert task.running
        epochs.away = True
        await trio.sleep(PATIENCE_LOOKS / 2)  # a restart of the database is no reason
        assert task.running
        await trio.sleep(PATIENCE_LOOKS)
        assert (lease.released, task.running) == (True, False)
        nursery.cancel_scope.cancel()
