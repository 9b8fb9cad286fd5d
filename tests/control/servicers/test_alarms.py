"""AlarmService over the wire."""

from __future__ import annotations

from datetime import timedelta

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask

from control.v1 import alarms_pb2 as pb
from csms.domain.access import Role
from csms.domain.alarms import Alarm, AlarmKind, AlarmSource, Severity, Subject
from csms.ports.alarms import Batch, EventSource, LoggedEvent
from tests.kit.control_world import ControlWorld, Refused


async def an_alarm(world: ControlWorld, station: int, *, minutes: int = 0, severity: Severity = Severity.MAJOR) -> str:
    (number,) = await world.alarm_store.new_ids(1)
    at = world.time + timedelta(minutes=minutes)
    alarm = Alarm(
        number,
        Subject(station),
        f"k{number}",
        AlarmKind.TEMPERATURE,
        severity,
        AlarmSource.STATUS,
        "Hot",
        "Hot.",
        at,
        at,
        1,
    )
    await world.alarm_store.save(Batch(world.time, [alarm]))
    return f"alarms/{number}"


@pytest.mark.feature("F-ALM-1")
async def test_alarms_are_listed_page_by_page_and_summed_up(world: ControlWorld) -> None:
    call, station = world.client.call, await world.add_station("CP-1")
    names = [await an_alarm(world, station, minutes=n, severity=Severity(1 + n % 3)) for n in range(3)]
    request = pb.ListAlarmsRequest(page_size=2, order=pb.ALARM_ORDER_OLDEST)
    first = await call("alarms.ListAlarms", request)
    request.page_token = first.next_page_token
    second = await call("alarms.ListAlarms", request)
    assert [alarm.name for page in (first, second) for alarm in page.alarms] == names
    assert (first.total_count, second.next_page_token) == (3, "")
    one = first.alarms[0]
    assert (one.station_display_name, one.place, one.state) == ("CP-1", "places/1", pb.ALARM_STATE_ACTIVE)
    wanted = pb.AlarmFilter(
        kinds=[pb.ALARM_KIND_TEMPERATURE], severities=[pb.ALARM_SEVERITY_CRITICAL], acknowledged=False
    )
    found = await call("alarms.ListAlarms", pb.ListAlarmsRequest(filter=wanted, order=pb.ALARM_ORDER_SEVERITY))
    assert [alarm.name for alarm in found.alarms] == names[:1]
    numbers = await call("alarms.SummarizeAlarms", pb.SummarizeAlarmsRequest())
    assert (numbers.active_count, numbers.unacknowledged_count, len(numbers.numbers)) == (3, 3, 3)
    with pytest.raises(Refused) as refused:
        await call("alarms.ListAlarms", pb.ListAlarmsRequest(filter=pb.AlarmFilter(kinds=[77])))  # type: ignore[list-item]
    assert refused.value.reason == "INVALID_FILTER"


@pytest.mark.feature("F-ALM-3")
async def test_alarms_are_acknowledged_and_cleared(world: ControlWorld) -> None:
    call, station = world.client.call, await world.add_station("CP-1")
    name = await an_alarm(world, station)
    noticed = await call("alarms.AcknowledgeAlarms", pb.AcknowledgeAlarmsRequest(names=[name], note="Coming"))
    assert (noticed.alarms[0].note, noticed.alarms[0].acknowledged_by[:6]) == ("Coming", "users/")
    over = await call("alarms.ClearAlarms", pb.ClearAlarmsRequest(names=[name]))
    assert over.alarms[0].state == pb.ALARM_STATE_CLEARED
    assert (await call("alarms.GetAlarm", pb.GetAlarmRequest(name=name))).alarm == over.alarms[0]
    with pytest.raises(Refused) as refused:
        await call("alarms.ClearAlarms", pb.ClearAlarmsRequest(names=[name, "alarms/99"]))
    assert refused.value.reason == "ALARM_NOT_FOUND"
    events = (await call("alarms.ListEvents", pb.ListEventsRequest(page_size=1))).events
    assert events[0].kind in ("AlarmCleared", "AlarmAcknowledged")
    with pytest.raises(Refused) as refused:
        await call("alarms.ClearAlarms", pb.ClearAlarmsRequest())
    assert refused.value.code is grpc.StatusCode.INVALID_ARGUMENT


async def test_whoever_may_not_see_a_station_does_not_see_its_alarms(world: ControlWorld) -> None:
    name = await an_alarm(world, await world.add_station("CP-1"))
    world.client.token = world.bearer[Role.EV_USER]
    assert not (await world.client.call("alarms.ListAlarms", pb.ListAlarmsRequest())).alarms
    for method, request in (
        ("alarms.GetAlarm", pb.GetAlarmRequest(name=name)),
        ("alarms.AcknowledgeAlarms", pb.AcknowledgeAlarmsRequest(names=[name])),
    ):
        with pytest.raises(Refused) as refused:
            await world.client.call(method, request)
        assert refused.value.reason == "ALARM_NOT_FOUND"


@pytest.mark.feature("F-ALM-1")
async def test_the_event_log_is_paged(world: ControlWorld) -> None:
    call = world.client.call
    await world.alarm_store.note(
        [LoggedEvent(0, world.time + timedelta(minutes=n), EventSource.SYSTEM, f"K{n}", "x") for n in range(3)]
    )
    request = pb.ListEventsRequest(page_size=2, filter=pb.EventFilter(sources=[pb.EVENT_SOURCE_SYSTEM]))
    first = await call("alarms.ListEvents", request)
    request.page_token = first.next_page_token
    second = await call("alarms.ListEvents", request)
    assert [event.kind for page in (first, second) for event in page.events] == ["K2", "K1", "K0"]


@pytest.mark.feature("F-ALM-2")
async def test_rules_are_made_changed_and_removed(world: ControlWorld) -> None:
    call = world.client.call
    wanted = pb.AlarmRule(
        vendor="Acme", code="E-*", kind=pb.ALARM_KIND_FUSE_TRIPPED, severity=pb.ALARM_SEVERITY_CRITICAL
    )
    made = (await call("alarms.CreateAlarmRule", pb.CreateAlarmRuleRequest(rule=wanted))).rule
    made.text = "Fuse {code}"
    update = pb.UpdateAlarmRuleRequest(rule=made, update_mask=FieldMask(paths=["text"]))
    changed = (await call("alarms.UpdateAlarmRule", update)).rule
    assert (changed.text, changed.vendor) == ("Fuse {code}", "Acme")
    rules = (await call("alarms.ListAlarmRules", pb.ListAlarmRulesRequest())).rules
    assert rules[0] == changed
    assert all(rule.built_in for rule in rules[1:])
    await call("alarms.DeleteAlarmRule", pb.DeleteAlarmRuleRequest(name=made.name))
    with pytest.raises(Refused) as refused:
        await call("alarms.DeleteAlarmRule", pb.DeleteAlarmRuleRequest(name=rules[1].name))
    assert refused.value.reason == "BUILT_IN"


async def test_settings_and_the_daily_mail_are_chosen(world: ControlWorld) -> None:
    call = world.client.call
    settings = (await call("alarms.GetAlarmSettings", pb.GetAlarmSettingsRequest())).settings
    settings.silent_after.CopyFrom(Duration(seconds=300))
    request = pb.UpdateAlarmSettingsRequest(settings=settings, update_mask=FieldMask(paths=["silent_after"]))
    changed = (await call("alarms.UpdateAlarmSettings", request)).settings
    assert (changed.silent_after.seconds, changed.network_percent) == (300, 80)
    with pytest.raises(Refused) as refused:
        await call("alarms.UpdateAlarmSettings", request)
    assert refused.value.reason == "STALE_VERSION"
    mail = (await call("alarms.GetAlarmMail", pb.GetAlarmMailRequest())).mail
    assert (mail.wanted, mail.hour, mail.can_send) == (False, 7, True)
    mail.wanted = True
    assert (await call("alarms.UpdateAlarmMail", pb.UpdateAlarmMailRequest(mail=mail))).mail.wanted
    mail.hour = 24
    with pytest.raises(Refused) as refused:
        await call("alarms.UpdateAlarmMail", pb.UpdateAlarmMailRequest(mail=mail))
    assert refused.value.reason == "INVALID_HOUR"
