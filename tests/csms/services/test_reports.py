"""Reports in parts: in any order, doubled, with gaps."""

from __future__ import annotations

from datetime import timedelta

import pytest
import trio
import trio.testing
from hypothesis import given
from hypothesis import strategies as st

from csms.domain.applying import Context
from csms.domain.authorization import AuthorizationStatus
from csms.domain.commands import Answer, Outcome
from csms.domain.device_model import (
    HANDLERS,
    Component,
    GetBaseReport,
    ReportBase,
    ReportData,
    ReportReceived,
    VariableAttribute,
    VariableName,
)
from csms.domain.errors import DomainError, FailedPrecondition
from csms.domain.facts import ACK, IdTokenInfo
from csms.domain.ids import StationId
from csms.domain.records import JobKind, JobState
from csms.ports.directory import Settled
from csms.ports.inventory import Job, VariableFilter
from csms.services.remote import Target
from csms.services.reports import INCOMPLETE, SILENCE, Ordered, overdue
from tests.kit.service_world import NOW, SUPPORT, ServiceWorld

pytestmark = pytest.mark.feature("F-OCPP-4", "F-OCPP-5")


def a_world() -> ServiceWorld:
    world = ServiceWorld()
    world.time = NOW
    return world


async def order(world: ServiceWorld, number: int, *, parts_follow: bool = True) -> Ordered:
    return await world.reports.order(
        SUPPORT,
        Target(number),
        JobKind.DEVICE_REPORT,
        {"reportBase": "FullInventory"},
        lambda job: GetBaseReport(job, ReportBase.FULL),
        parts_follow=parts_follow,
    )


async def tell(world: ServiceWorld, station_id: int, job_id: int, seq_no: int, last: int) -> None:
    """One part with one variable, as the actor takes it in, and what is done after it."""
    data = ReportData(Component("Part"), VariableName(f"V{seq_no}"), (VariableAttribute(value=str(seq_no)),))
    fact = ReportReceived(job_id, world.time, seq_no, seq_no == last, (data,))
    context = Context(world.time, lambda _tag, _session: IdTokenInfo(AuthorizationStatus.ACCEPTED), lambda: 1)
    applied = HANDLERS[ReportReceived](fact, StationId(station_id), context)
    world.inventory_store.apply(applied.records)
    await world.device_model.on_report(station_id, fact, ACK)


async def found(world: ServiceWorld, job: Job) -> Job:
    now = await world.inventory_store.find_job(job.id)
    assert now is not None
    return now


async def test_the_station_s_answer_moves_the_job() -> None:
    world = a_world()
    number = await world.add_station("CP-1")
    cases = [
        (Answer("Accepted", True), JobState.RUNNING, "Accepted", ""),
        (Answer("EmptyResultSet", False), JobState.SUCCEEDED, "EmptyResultSet", ""),
        (Answer("Rejected", False, additional_info="Busy."), JobState.FAILED, "Rejected", "Busy."),
        (Answer("NotSupported", False, reason_code="No"), JobState.FAILED, "NotSupported", "No"),
        (
            Answer("", False, error_code="InternalError", error_description="x"),
            JobState.FAILED,
            "InternalError",
            "x",
        ),
    ]
    for answer, state, status, detail in cases:
        world.directory.settled.append(Settled(Outcome.ANSWERED, answer, 0.1))
        ordered = await order(world, number)
        assert (ordered.job.state, ordered.job.status, ordered.job.detail) == (state, status, detail)
        assert world.directory.sent[-1][1] == GetBaseReport(ordered.job.id, ReportBase.FULL)
    assert (await order(world, number, parts_follow=False)).job.state is JobState.SUCCEEDED


async def test_an_order_that_got_no_answer_may_still_be_carried_out() -> None:
    world = a_world()
    number = await world.add_station("CP-1")
    for outcome, state in ((Outcome.UNKNOWN, JobState.REQUESTED), (Outcome.EXPIRED, JobState.FAILED)):
        world.directory.settled.append(Settled(outcome))
        with pytest.raises(DomainError):
            await order(world, number)
        (job,) = await world.inventory_store.page_jobs(number, size=1)
        assert job.state is state


async def test_an_order_to_a_station_that_is_offline_is_a_failed_job() -> None:
    world = a_world()
    number = await world.add_station("CP-1", online=False)
    with pytest.raises(FailedPrecondition):
        await order(world, number)
    (job,) = await world.inventory_store.page_jobs(number, size=1)
    assert (job.state, job.status) == (JobState.FAILED, "STATION_OFFLINE")


@given(data=st.data(), last=st.integers(0, 6))
def test_parts_in_any_order_and_doubled_make_a_whole_report(data: st.DataObject, last: int) -> None:
    doubled = data.draw(st.lists(st.integers(0, last), max_size=4))
    parts = data.draw(st.permutations([*range(last + 1), *doubled]))

    async def story() -> None:
        world = a_world()
        number = await world.add_station("CP-1")
        job = (await order(world, number)).job
        seen: set[int] = set()
        for seq_no in parts:
            world.time += timedelta(seconds=1)
            await tell(world, number, job.id, seq_no, last)
            seen.add(seq_no)
            whole = seen == set(range(last + 1))
            assert ((await found(world, job)).state is JobState.SUCCEEDED) == whole
        page, total = await world.inventory_store.page_variables(number, VariableFilter(), size=50)
        assert total == last + 1
        assert {view.value for view in page} == {str(part) for part in range(last + 1)}

    trio.run(story)


@given(data=st.data(), last=st.integers(1, 8))
def test_a_report_with_gaps_fails_and_says_which(data: st.DataObject, last: int) -> None:
    missing = data.draw(st.sets(st.integers(0, last), min_size=1, max_size=last + 1))
    parts = data.draw(st.permutations([part for part in range(last + 1) if part not in missing]))

    async def story() -> None:
        world = a_world()
        number = await world.add_station("CP-1")
        job = (await order(world, number)).job
        for seq_no in parts:
            await tell(world, number, job.id, seq_no, last)
        world.time = NOW + SILENCE - timedelta(seconds=1)
        assert await world.reports.give_up_overdue() == 0
        world.time = NOW + SILENCE
        assert await world.reports.give_up_overdue() == 1
        assert await world.reports.give_up_overdue() == 0
        given_up = await found(world, job)
        assert (given_up.state, given_up.status) == (JobState.FAILED, INCOMPLETE)
        if not parts:
            assert given_up.detail.startswith("No part of it came")
        for part in missing if last not in missing and parts else ():
            assert f" {part}" in given_up.detail
        assert given_up.detail.endswith("Ask for it again.")
        again = (await order(world, number)).job
        for seq_no in range(last + 1):
            await tell(world, number, again.id, seq_no, last)
        assert (await found(world, again)).state is JobState.SUCCEEDED

    trio.run(story)


@pytest.mark.parametrize(
    ("parts", "last", "told"),
    [
        ((0, 2, 4), 4, "Parts 1, 3 did not come;"),
        ((0, 2), 2, "Part 1 did not come;"),
        ((0, 2), None, "Part 1 did not come, nor did the last;"),
        ((0, 1), None, "After part 1 nothing came, though more were to come;"),
        ((40,), 40, "Parts 0, 1, 2,"),
        ((), None, "No part of it came within 10 minutes."),
    ],
)
def test_what_is_missing_is_a_sentence(parts: tuple[int, ...], last: int | None, told: str) -> None:
    assert overdue(parts, last).startswith(told)


async def test_only_the_report_itself_counts_as_whole() -> None:
    world = a_world()
    number, other = await world.add_station("CP-1"), await world.add_station("CP-2")
    job = (await order(world, number)).job
    assert await world.reports.complete(number, job.id, JobKind.DEVICE_REPORT) is None
    await tell(world, number, job.id, 0, 0)
    assert await world.reports.complete(number, job.id, JobKind.DEVICE_REPORT) is not None
    assert await world.reports.complete(number, job.id, JobKind.MONITORING_REPORT) is None
    assert await world.reports.complete(other, job.id, JobKind.DEVICE_REPORT) is None
    assert await world.reports.complete(number, 99, JobKind.DEVICE_REPORT) is None


async def test_the_keeper_looks_now_and_then_and_outlives_an_outage(
    autojump_clock: trio.testing.MockClock, nursery: trio.Nursery
) -> None:
    del autojump_clock
    world = a_world()
    number = await world.add_station("CP-1")
    job = (await order(world, number)).job
    world.time = NOW + SILENCE
    world.tables.away = True
    await nursery.start(world.reports.run)
    await trio.sleep(200)
    world.tables.away = False
    assert (await found(world, job)).state is JobState.RUNNING
    await trio.sleep(100)
    assert (await found(world, job)).state is JobState.FAILED
    nursery.cancel_scope.cancel()
