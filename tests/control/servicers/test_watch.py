"""WatchService over the wire."""

from __future__ import annotations

from collections.abc import Callable

import grpc
import pytest
import trio

from control.v1 import alarms_pb2
from control.v1 import watch_pb2 as pb
from csms.domain.access import Role
from csms.ports.feed import Subject
from tests.control.servicers.test_alarms import an_alarm
from tests.kit.control_world import ControlWorld, Refused


async def until(condition: Callable[[], bool]) -> None:
    with trio.fail_after(60):
        while not condition():
            await trio.sleep(0.005)


@pytest.mark.feature("F-SYS-4")
async def test_a_watcher_that_resumes_misses_nothing(world: ControlWorld) -> None:
    number = await world.add_station("CP-1")
    world.add_session(7, number)
    listed = world.feed.revision
    world.feed.publish(Subject.STATION, number)
    world.feed.publish(Subject.SESSION, number, 7)
    world.feed.publish(Subject.STATION_DELETED, 9)
    hello, *changes = await world.client.collect("watch.Watch", pb.WatchRequest(start_revision=listed), 4)
    assert (hello.WhichOneof("change"), hello.revision) == (None, listed)
    assert [change.WhichOneof("change") for change in changes] == ["station", "session", "deleted_station"]
    assert changes[2].deleted_station == "stations/9"
    again = await world.client.collect("watch.Watch", pb.WatchRequest(start_revision=changes[0].revision), 3)
    assert [change.revision for change in again[1:]] == [listed + 2, listed + 3]


async def test_ticks_come_when_nothing_happens(world: ControlWorld) -> None:
    ticks = await world.client.collect("watch.Watch", pb.WatchRequest(), 3)
    assert [(tick.WhichOneof("change"), tick.revision) for tick in ticks] == [(None, world.feed.revision)] * 3


@pytest.mark.feature("F-SYS-4")
@pytest.mark.parametrize("revision", [1, 2**60])
async def test_a_revision_that_is_not_kept_means_list_again(world: ControlWorld, revision: int) -> None:
    with pytest.raises(Refused) as refused:
        await world.client.collect("watch.Watch", pb.WatchRequest(start_revision=revision))
    assert (refused.value.code, refused.value.reason) == (grpc.StatusCode.OUT_OF_RANGE, "REVISION_TOO_OLD")


async def test_a_stranger_name_is_refused(world: ControlWorld) -> None:
    with pytest.raises(Refused) as refused:
        await world.client.collect("watch.Watch", pb.WatchRequest(stations=["CP-1"]))
    assert refused.value.reason == "INVALID_NAME"


async def test_a_watcher_that_goes_away_leaves_nothing_behind(world: ControlWorld) -> None:
    await world.client.collect("watch.Watch", pb.WatchRequest(), 2)  # then it cancels
    await until(lambda: world.feed.watchers == 0)
    assert not world.door._guests


@pytest.mark.feature("F-ALM-1")
async def test_an_alarm_comes_as_it_is_now(world: ControlWorld) -> None:
    station = await world.add_station("CP-1")
    name = await an_alarm(world, station)
    listed = world.feed.revision
    await world.client.call("alarms.AcknowledgeAlarms", alarms_pb2.AcknowledgeAlarmsRequest(names=[name], note="Go"))
    _, change = await world.client.collect("watch.Watch", pb.WatchRequest(start_revision=listed), 2)
    alarm = (await world.client.call("alarms.GetAlarm", alarms_pb2.GetAlarmRequest(name=name))).alarm
    assert (change.WhichOneof("change"), change.alarm) == ("alarm", alarm)
    assert (alarm.note, alarm.place_display_name) == ("Go", "System")


@pytest.mark.feature("F-ALM-1", "F-USR-1")
@pytest.mark.parametrize("role", [Role.SITE_ADMINISTRATOR, Role.EV_USER])
async def test_whoever_may_not_see_a_station_hears_nothing_of_its_alarms(world: ControlWorld, role: Role) -> None:
    name = await an_alarm(world, await world.add_station("CP-1"))
    listed = world.feed.revision
    await world.client.call("alarms.AcknowledgeAlarms", alarms_pb2.AcknowledgeAlarmsRequest(names=[name]))
    world.client.token = world.bearer[role]
    heard = await world.client.collect("watch.Watch", pb.WatchRequest(start_revision=listed), 4)
    assert [change.WhichOneof("change") for change in heard] == [None] * 4
