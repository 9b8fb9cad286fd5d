"""AlarmService."""

from __future__ import annotations

from control.convert import alarms as convert
from control.convert.names import read_name
from control.guard import Call
from control.paging import (
    fitting,
    make_token,
    masked_fields,
    moment_value,
    page_size,
    read_etag,
    read_moment,
    read_token,
)
from control.v1 import alarms_pb2 as pb
from csms.services.alarm_settings import AlarmSettingsDesk
from csms.services.alarms import Alarms


class AlarmServicer:
    """A method is: convert, call one use case, convert."""

    service = pb.DESCRIPTOR.services_by_name["AlarmService"]

    def __init__(self, alarms: Alarms, settings: AlarmSettingsDesk) -> None:
        self._alarms = alarms
        self._settings = settings

    async def list_alarms(self, call: Call, request: pb.ListAlarmsRequest) -> pb.ListAlarmsResponse:
        """ListAlarms."""
        size, order = page_size(request.page_size), convert.read_order(request.order)
        query = f"ListAlarms{order}".encode() + request.filter.SerializeToString(deterministic=True)
        place = read_token(request.page_token, query, (int, str, int))
        found, total = await self._alarms.page(
            call.caller,
            convert.read_filter(request.filter),
            order,
            place_id=convert.optional_name(request.filter.place, "places"),
            group_id=convert.optional_name(request.filter.group, "groups"),
            size=size + 1,
            after=None if place is None else (int(place[0]), read_moment(place[1]), int(place[2])),
        )
        shown = fitting(convert.alarm(view, self._alarms.place_name) for view in found[:size])
        token = ""
        if len(found) > len(shown):
            last = found[len(shown) - 1].alarm
            token = make_token([int(last.severity), moment_value(last.last_raised_at), last.id], query)
        return pb.ListAlarmsResponse(alarms=shown, next_page_token=token, total_count=total)

    async def get_alarm(self, call: Call, request: pb.GetAlarmRequest) -> pb.GetAlarmResponse:
        """GetAlarm."""
        found = await self._alarms.get(call.caller, read_name(request.name, "alarms"))
        return pb.GetAlarmResponse(alarm=convert.alarm(found, self._alarms.place_name))

    async def acknowledge_alarms(
        self, call: Call, request: pb.AcknowledgeAlarmsRequest
    ) -> pb.AcknowledgeAlarmsResponse:
        """AcknowledgeAlarms."""
        ids = [read_name(name, "alarms") for name in request.names]
        done = await self._alarms.acknowledge(call.caller, ids, request.note)
        return pb.AcknowledgeAlarmsResponse(alarms=[convert.alarm(view, self._alarms.place_name) for view in done])

    async def clear_alarms(self, call: Call, request: pb.ClearAlarmsRequest) -> pb.ClearAlarmsResponse:
        """ClearAlarms."""
        ids = [read_name(name, "alarms") for name in request.names]
        done = await self._alarms.clear(call.caller, ids, request.note)
        return pb.ClearAlarmsResponse(alarms=[convert.alarm(view, self._alarms.place_name) for view in done])

    async def summarize_alarms(self, call: Call, request: pb.SummarizeAlarmsRequest) -> pb.SummarizeAlarmsResponse:
        """SummarizeAlarms."""
        found = await self._alarms.summarize(
            call.caller,
            place_id=convert.optional_name(request.place, "places"),
            group_id=convert.optional_name(request.group, "groups"),
        )
        return pb.SummarizeAlarmsResponse(
            numbers=[convert.number_of(number) for number in found],
            active_count=sum(number.active for number in found),
            unacknowledged_count=sum(number.unacknowledged for number in found),
        )

    async def list_events(self, call: Call, request: pb.ListEventsRequest) -> pb.ListEventsResponse:
        """ListEvents."""
        size = page_size(request.page_size)
        query = b"ListEvents" + request.filter.SerializeToString(deterministic=True)
        place = read_token(request.page_token, query, (str, int, int))
        found = await self._alarms.page_log(
            call.caller,
            convert.read_log_filter(request.filter),
            place_id=convert.optional_name(request.filter.place, "places"),
            group_id=convert.optional_name(request.filter.group, "groups"),
            size=size + 1,
            before=None if place is None else (read_moment(place[0]), bool(place[1]), int(place[2])),
        )
        shown = fitting(convert.log_event(event) for event in found[:size])
        token = ""
        if len(found) > len(shown):
            last = found[len(shown) - 1]
            token = make_token([moment_value(last.at), int(last.told), last.id], query)
        return pb.ListEventsResponse(events=shown, next_page_token=token)

    # -- rules and settings --------------------------------------------------------------------------------------------

    async def list_alarm_rules(self, call: Call, _request: pb.ListAlarmRulesRequest) -> pb.ListAlarmRulesResponse:
        """ListAlarmRules."""
        return pb.ListAlarmRulesResponse(rules=[convert.rule(rule) for rule in await self._settings.rules(call.caller)])

    async def create_alarm_rule(self, call: Call, request: pb.CreateAlarmRuleRequest) -> pb.CreateAlarmRuleResponse:
        """CreateAlarmRule."""
        made = await self._settings.create_rule(call.caller, convert.read_rule(request.rule))
        return pb.CreateAlarmRuleResponse(rule=convert.rule(made))

    async def update_alarm_rule(self, call: Call, request: pb.UpdateAlarmRuleRequest) -> pb.UpdateAlarmRuleResponse:
        """UpdateAlarmRule."""
        made = await self._settings.update_rule(
            call.caller,
            convert.read_rule_name(request.rule.name),
            convert.read_rule(request.rule),
            masked_fields(request.update_mask.paths, convert.RULE_FIELDS),
            version=read_etag(request.rule.etag),
        )
        return pb.UpdateAlarmRuleResponse(rule=convert.rule(made))

    async def delete_alarm_rule(self, call: Call, request: pb.DeleteAlarmRuleRequest) -> pb.DeleteAlarmRuleResponse:
        """DeleteAlarmRule."""
        await self._settings.delete_rule(call.caller, convert.read_rule_name(request.name))
        return pb.DeleteAlarmRuleResponse()

    async def get_alarm_settings(self, call: Call, _request: pb.GetAlarmSettingsRequest) -> pb.GetAlarmSettingsResponse:
        """GetAlarmSettings."""
        return pb.GetAlarmSettingsResponse(settings=convert.settings(await self._settings.settings(call.caller)))

    async def update_alarm_settings(
        self, call: Call, request: pb.UpdateAlarmSettingsRequest
    ) -> pb.UpdateAlarmSettingsResponse:
        """UpdateAlarmSettings."""
        made = await self._settings.update_settings(
            call.caller,
            convert.read_settings(request.settings),
            masked_fields(request.update_mask.paths, convert.SETTING_FIELDS),
            version=read_etag(request.settings.etag),
        )
        return pb.UpdateAlarmSettingsResponse(settings=convert.settings(made))

    async def get_alarm_mail(self, call: Call, _request: pb.GetAlarmMailRequest) -> pb.GetAlarmMailResponse:
        """GetAlarmMail."""
        return pb.GetAlarmMailResponse(mail=self._mail(await self._settings.mail(call.caller)))

    async def update_alarm_mail(self, call: Call, request: pb.UpdateAlarmMailRequest) -> pb.UpdateAlarmMailResponse:
        """UpdateAlarmMail."""
        chosen = await self._settings.choose_mail(call.caller, wanted=request.mail.wanted, hour=request.mail.hour)
        return pb.UpdateAlarmMailResponse(mail=self._mail(chosen))

    def _mail(self, chosen: tuple[bool, int]) -> pb.AlarmMail:
        return pb.AlarmMail(wanted=chosen[0], hour=chosen[1], can_send=self._settings.can_send)
