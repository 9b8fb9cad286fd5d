"""Messages on displays: put there, asked for, taken off."""

from __future__ import annotations

from datetime import timedelta

import pytest

from csms.domain.commands import Answer, Outcome
from csms.domain.display import (
    ClearDisplayMessage,
    DisplayMessagesTold,
    GetDisplayMessages,
    MessageContent,
    MessageFormat,
    MessageInfo,
    MessagePriority,
    MessageState,
    SetDisplayMessage,
)
from csms.domain.errors import DeadlineExceeded, FailedPrecondition, InvalidArgument, PermissionDenied
from csms.domain.facts import ACK
from csms.domain.records import ItemRecord, JobRecord, JobState
from csms.ports.directory import Settled
from csms.services.display import Displays
from csms.services.remote import Target
from tests.kit.service_world import NOW, STRANGER, SUPPORT, ServiceWorld

pytestmark = pytest.mark.feature("F-OCPP-4", "F-OPS-5")
TEXT = MessageContent(MessageFormat.UTF8, "Hello")


def a_message(number: int = 0, text: MessageContent = TEXT, **more: object) -> MessageInfo:
    return MessageInfo(number, MessagePriority.IN_FRONT, text, **more)  # type: ignore[arg-type]


def answered(status: str = "Accepted", *, accepted: bool = True, **more: object) -> Settled:
    return Settled(Outcome.ANSWERED, Answer(status, accepted, **more), 0.1)  # type: ignore[arg-type]


async def held(world: ServiceWorld, station: int) -> list[str]:
    return [item.key for item in await world.inventory_store.items(station, "display_message")]


async def test_a_message_gets_a_free_number_and_is_kept_when_it_is_shown() -> None:
    world = ServiceWorld()
    station = await world.add_station("CP-1")
    for wanted, given in ((0, 1), (2, 2), (0, 3)):
        _, shown = await world.displays.set_message(SUPPORT, Target(station), a_message(wanted))
        assert shown.id == given
        assert world.directory.sent[-1][1] == SetDisplayMessage(shown)
    world.directory.settled.append(answered("NotSupportedPriority", accepted=False))
    outcome, _ = await world.displays.set_message(SUPPORT, Target(station), a_message())
    assert outcome.answer.status == "NotSupportedPriority"
    assert await held(world, station) == ["1", "2", "3"]


@pytest.mark.parametrize(
    ("settled", "left"),
    [
        (answered(), []),
        (answered("Unknown", accepted=False), []),
        (answered("Rejected", accepted=False), ["1"]),
        (answered("", accepted=False, error_code="InternalError"), ["1"]),
    ],
)
async def test_a_message_is_gone_when_the_station_has_it_no_more(settled: Settled, left: list[str]) -> None:
    world = ServiceWorld()
    station = await world.add_station("CP-1")
    await world.displays.set_message(SUPPORT, Target(station), a_message())
    world.directory.settled.append(settled)
    await world.displays.clear_message(SUPPORT, Target(station), 1)
    assert world.directory.sent[-1][1] == ClearDisplayMessage(1)
    assert await held(world, station) == left


async def test_a_report_of_all_forgets_what_is_not_in_it() -> None:
    world = ServiceWorld()
    station = await world.add_station("CP-1")
    await world.displays.set_message(SUPPORT, Target(station), a_message(1))
    await world.displays.set_message(SUPPORT, Target(station), a_message(2))
    later = Displays(world.remote, world.inventory_store, now=lambda: NOW + timedelta(minutes=1))
    report = await later.get_messages(SUPPORT, Target(station))
    assert world.directory.sent[-1][1] == GetDisplayMessages(report.job.id)
    assert report.job.state is JobState.RUNNING
    told = NOW + timedelta(minutes=2)
    step = JobRecord(station, report.job.kind, told, report.job.id, state=JobState.SUCCEEDED)
    world.inventory_store.apply([ItemRecord(station, "display_message", "2", told, b"{}"), step])
    await later.saw_messages(station, DisplayMessagesTold(report.job.id, (a_message(2),), more=True), ACK)
    assert await held(world, station) == ["1", "2"]
    await later.saw_messages(station + 1, DisplayMessagesTold(report.job.id), ACK)
    await later.saw_messages(station, DisplayMessagesTold(report.job.id + 1), ACK)
    assert await held(world, station) == ["1", "2"]
    await later.saw_messages(station, DisplayMessagesTold(report.job.id, (a_message(2),)), ACK)
    assert await held(world, station) == ["2"]


async def test_a_report_of_some_forgets_nothing() -> None:
    world = ServiceWorld()
    station = await world.add_station("CP-1")
    await world.displays.set_message(SUPPORT, Target(station), a_message(1))
    later = Displays(world.remote, world.inventory_store, now=lambda: NOW + timedelta(minutes=1))
    report = await later.get_messages(SUPPORT, Target(station), ids=(4,), state=MessageState.IDLE)
    assert world.directory.sent[-1][1] == GetDisplayMessages(report.job.id, (4,), None, MessageState.IDLE)
    await later.saw_messages(station, DisplayMessagesTold(report.job.id), ACK)
    assert await held(world, station) == ["1"]


async def test_a_station_without_messages_says_unknown() -> None:
    world = ServiceWorld()
    station = await world.add_station("CP-1")
    await world.displays.set_message(SUPPORT, Target(station), a_message(1))
    later = Displays(world.remote, world.inventory_store, now=lambda: NOW + timedelta(minutes=1))
    world.directory.settled += [answered("Unknown", accepted=False)] * 2
    some = await later.get_messages(SUPPORT, Target(station), priority=MessagePriority.IN_FRONT)
    assert (some.job.state, await held(world, station)) == (JobState.SUCCEEDED, ["1"])
    done = await later.get_messages(SUPPORT, Target(station))
    assert (done.job.state, done.job.status, await held(world, station)) == (JobState.SUCCEEDED, "Unknown", [])


async def test_a_report_that_cannot_be_is_a_job_that_failed() -> None:
    world = ServiceWorld()
    station = await world.add_station("CP-1")
    error = answered("", accepted=False, error_code="NotImplemented", error_description="no display")
    world.directory.settled += [error, Settled(Outcome.OFFLINE), Settled(Outcome.UNKNOWN)]
    done = await world.displays.get_messages(SUPPORT, Target(station))
    assert (done.job.state, done.job.status, done.job.detail) == (JobState.FAILED, "NotImplemented", "no display")
    with pytest.raises(FailedPrecondition):
        await world.displays.get_messages(SUPPORT, Target(station))
    with pytest.raises(DeadlineExceeded):
        await world.displays.get_messages(SUPPORT, Target(station))
    jobs = await world.inventory_store.page_jobs(station, size=5)
    assert [(job.state, job.status) for job in jobs[:2]] == [
        (JobState.REQUESTED, ""),
        (JobState.FAILED, "STATION_OFFLINE"),
    ]


async def test_nonsense_is_not_sent() -> None:
    world = ServiceWorld()
    target = Target(await world.add_station("CP-1"))
    for wrong, reason in (
        (a_message(-1), "INVALID_MESSAGE_ID"),
        (a_message(text=MessageContent(MessageFormat.UTF8, "")), "INVALID_TEXT"),
        (a_message(text=MessageContent(MessageFormat.UTF8, "x" * 1025)), "INVALID_TEXT"),
        (a_message(message_extra=(TEXT,) * 5), "TOO_MANY_TEXTS"),
        (a_message(start_date_time=NOW, end_date_time=NOW), "INVALID_TIME"),
    ):
        with pytest.raises(InvalidArgument) as caught:
            await world.displays.set_message(SUPPORT, target, wrong)
        assert caught.value.reason == reason
    with pytest.raises(InvalidArgument):
        await world.displays.clear_message(SUPPORT, target, 2**31)
    with pytest.raises(PermissionDenied):
        await world.displays.set_message(STRANGER, target, a_message())
    assert world.directory.sent == []
