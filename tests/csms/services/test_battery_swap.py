"""Battery swaps that we order."""

from __future__ import annotations

import pytest

from csms.domain.battery_swap import RequestBatterySwap
from csms.domain.commands import Answer, Outcome
from csms.domain.errors import DeadlineExceeded, FailedPrecondition, InvalidArgument, NotFound, PermissionDenied
from csms.domain.records import JobKind, JobState
from csms.ports.directory import Settled
from csms.services.remote import Target
from tests.kit.service_world import STRANGER, SUPPORT, ServiceWorld

pytestmark = pytest.mark.feature("F-OCPP-5")


async def test_an_accepted_swap_is_a_job() -> None:
    world = ServiceWorld()
    station = await world.add_station("CP-1")
    ordered = await world.battery_swaps.request(SUPPORT, Target(station), "04a2b3c4")
    assert (ordered.job.kind, ordered.job.state) == (JobKind.BATTERY_SWAP, JobState.RUNNING)
    assert world.directory.sent[-1][1] == RequestBatterySwap(ordered.job.id, "04A2B3C4")


async def test_a_swap_that_cannot_be_is_a_job_that_failed() -> None:
    world = ServiceWorld()
    station = await world.add_station("CP-1")
    rejected = Answer("Rejected", accepted=False, reason_code="NoBattery")
    world.directory.settled += [
        Settled(Outcome.ANSWERED, rejected, 0.1),
        Settled(Outcome.OFFLINE),
        Settled(Outcome.UNKNOWN),
    ]
    ordered = await world.battery_swaps.request(SUPPORT, Target(station), "A")
    assert (ordered.job.state, ordered.job.status, ordered.job.detail) == (JobState.FAILED, "Rejected", "NoBattery")
    with pytest.raises(FailedPrecondition):
        await world.battery_swaps.request(SUPPORT, Target(station), "A")
    with pytest.raises(DeadlineExceeded):
        await world.battery_swaps.request(SUPPORT, Target(station), "A")
    jobs = await world.inventory_store.page_jobs(station, size=2)
    assert [job.state for job in jobs] == [JobState.REQUESTED, JobState.FAILED]


async def test_nonsense_is_not_sent() -> None:
    world = ServiceWorld()
    station = await world.add_station("CP-1")
    with pytest.raises(InvalidArgument):
        await world.battery_swaps.request(SUPPORT, Target(station), "")
    with pytest.raises(NotFound):
        await world.battery_swaps.request(SUPPORT, Target(99), "A")
    with pytest.raises(PermissionDenied):
        await world.battery_swaps.request(STRANGER, Target(station), "A")
    assert world.directory.sent == []
