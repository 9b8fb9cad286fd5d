"""Work that is done once: begun with the lease, cancelled with it, begun again with the next one."""

from __future__ import annotations

import trio

from csms.app.work import LeaseOfWork, Work
from csms.domain.errors import Unavailable


class Lease:
    """In the test's hand."""

    def __init__(self) -> None:
        self.mine = True
        self.away = False
        self.seconds_left = 4.0
        self.released = False

    async def holds(self) -> bool:
        await trio.lowlevel.checkpoint()
        if self.away:
            raise Unavailable("the bus is away")
        return self.mine

    async def release(self) -> None:
        self.released = True


class Task:
    """Counts how often it was begun, and whether it runs."""

    def __init__(self) -> None:
        self.begun = 0
        self.running = False

    async def run(self) -> None:
        self.begun += 1
        self.running = True
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
    work = Work(lease)
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


async def test_while_the_bus_is_away_it_goes_on_no_longer_than_the_lease_counts(autojump_clock: object) -> None:
    task, lease = Task(), Lease()
    work = Work(lease)
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
