"""Monitors of variables and streams of values: set, cleared, listed, and known when stations speak of them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

import msgspec
import trio

from csms.domain.access import Action, Principal
from csms.domain.commands import Answer
from csms.domain.device_model import ComponentVariable, place_of, portions
from csms.domain.errors import DomainError, InvalidArgument
from csms.domain.facts import Reply
from csms.domain.monitoring import (
    MONITOR_ITEM,
    MONITORING_ITEM,
    MOST_HARMLESS,
    STREAM_ITEM,
    AdjustPeriodicEventStream,
    ClearMonitoringResult,
    ClearVariableMonitoring,
    EventsNotified,
    EventStream,
    EventStreams,
    GetMonitoringReport,
    GetPeriodicEventStream,
    Monitor,
    MonitoringBase,
    MonitoringCriterion,
    MonitoringReportReceived,
    MonitorsCleared,
    MonitorsKnown,
    MonitorsSet,
    SetMonitoringBase,
    SetMonitoringData,
    SetMonitoringLevel,
    SetMonitoringResult,
    SetVariableMonitoring,
    StreamClosed,
    StreamKnown,
    StreamOpened,
    StreamParams,
    StreamValuesReceived,
)
from csms.domain.records import JobKind
from csms.domain.variable_names import VariablePlace
from csms.ports.inventory import Inventory
from csms.services.device_model import OUR_SECONDS, StationPortions, checked_component_variables
from csms.services.remote import CommandOutcome, Remote, Target
from csms.services.reports import Ordered, Reports

MAX_MONITORS: Final = 500
EVENT_SECONDS: Final = 300.0
"""How often, at most, a stream of values gets an entry in the event log."""
MAX_STREAMS: Final = 20_000
_encode = msgspec.json.Encoder().encode


class MonitorView(msgspec.Struct, frozen=True):
    """A monitor, and when it was last told."""

    monitor: Monitor
    at: datetime


class StreamView(msgspec.Struct, frozen=True):
    """A stream, and when it was last told."""

    stream: EventStream
    at: datetime


class _Stream(msgspec.Struct):
    place: VariablePlace | None
    event_at: float


class Monitoring:
    """Commands return the station's own answer; what it accepted is kept."""

    def __init__(
        self,
        remote: Remote,
        reports: Reports,
        inventory: Inventory,
        station_portions: StationPortions,
        *,
        now: Callable[[], datetime],
    ) -> None:
        self._remote = remote
        self._scopes = remote.scopes
        self._reports = reports
        self._inventory = inventory
        self._portions = station_portions
        self._now = now
        self._streams: OrderedDict[tuple[int, int], _Stream] = OrderedDict()

    # -- monitors --------------------------------------------------------------------------------------------------

    async def set_variable_monitoring(
        self, caller: Principal, target: Target, monitors: Sequence[SetMonitoringData]
    ) -> CommandOutcome:
        """Have variables watched; `MonitorsSet` has a result for each, in order. A list that is too long for one
        message is sent in several; what was not sent then has no status and the reason."""
        await self._scopes.check_station(caller, Action.CONFIGURE_STATIONS, target.station_id)
        if not 0 < len(monitors) <= MAX_MONITORS:
            raise InvalidArgument(f"Give 1 to {MAX_MONITORS} monitors.", reason="INVALID_MONITORS")
        if not all(each.component.name and each.variable.name for each in monitors):
            raise InvalidArgument("A monitor needs a component and a variable.", reason="VARIABLE_MISSING")
        if not all(0 <= each.severity <= MOST_HARMLESS for each in monitors):
            raise _no_severity()
        limits = await self._portions.limits(target.station_id, "MonitoringCtrlr", "SetVariableMonitoring")
        sizes = [len(_encode(each)) for each in monitors]
        outcome, results = None, list[SetMonitoringResult]()
        ends_at = trio.current_time() + target.timeout_s
        for count in portions(sizes, limits):
            batch = tuple(monitors[len(results) : len(results) + count])
            part = Target(target.station_id, ends_at - trio.current_time(), target.wait_for_station)
            try:
                got = await self._remote.command(caller, part, SetVariableMonitoring(batch), Action.CONFIGURE_STATIONS)
            except DomainError as error:
                if outcome is None:
                    raise
                results += [_set_result(each, "", reason_code=error.reason) for each in batch]
                continue
            outcome = got if outcome is None or outcome.answer.accepted else outcome
            results += await self._monitors_set(target.station_id, batch, got.answer)
        if outcome is None:
            raise AssertionError("a list that is not empty has portions")
        return _with(outcome, MonitorsSet(tuple(results)))

    async def _monitors_set(
        self, station_id: int, wanted: Sequence[SetMonitoringData], answer: Answer
    ) -> list[SetMonitoringResult]:
        """The results in the order asked; accepted monitors are kept."""
        told = list(answer.result.results) if isinstance(answer.result, MonitorsSet) else []
        results: list[SetMonitoringResult] = []
        for each in wanted:
            result = next((one for one in told if _fits(one, each)), None)
            if result is None and len(told) == len(wanted) - len(results):
                result = told[0] if told else None
            if result is None:
                status = "" if answer.error_code else "Rejected"
                results.append(_set_result(each, status, reason_code=answer.error_code))
                continue
            told.remove(result)
            results.append(result)
            number = each.id if result.id is None else result.id
            if result.status == "Accepted" and number is not None:
                monitor = Monitor(
                    number,
                    each.component,
                    each.variable,
                    each.type.value,
                    each.value,
                    each.severity,
                    each.transaction,
                    "CustomMonitor",
                    each.periodic_event_stream,
                )
                await self._inventory.put_item(station_id, MONITOR_ITEM, str(number), _encode(monitor), self._now())
        return results

    async def clear_variable_monitoring(self, caller: Principal, target: Target, ids: Sequence[int]) -> CommandOutcome:
        """Remove monitors; `MonitorsCleared` has a result for each. Those that are not there are forgotten too."""
        await self._scopes.check_station(caller, Action.CONFIGURE_STATIONS, target.station_id)
        wanted = list(dict.fromkeys(ids))
        if not 0 < len(wanted) <= MAX_MONITORS or min(wanted) < 0:
            raise InvalidArgument(f"Give the ids of 1 to {MAX_MONITORS} monitors.", reason="INVALID_MONITORS")
        limits = await self._portions.limits(target.station_id, "MonitoringCtrlr", "ClearVariableMonitoring")
        outcome, results = None, list[ClearMonitoringResult]()
        ends_at = trio.current_time() + target.timeout_s
        for count in portions((len(str(number)) for number in wanted), limits):
            batch, wanted = wanted[:count], wanted[count:]
            part = Target(target.station_id, ends_at - trio.current_time(), target.wait_for_station)
            try:
                command = ClearVariableMonitoring(tuple(batch))
                got = await self._remote.command(caller, part, command, Action.CONFIGURE_STATIONS)
            except DomainError as error:
                if outcome is None:
                    raise
                results += [ClearMonitoringResult(number, "", error.reason) for number in batch]
                continue
            outcome = got if outcome is None or outcome.answer.accepted else outcome
            told = got.answer.result.results if isinstance(got.answer.result, MonitorsCleared) else ()
            for result in told:
                if result.status in ("Accepted", "NotFound"):
                    await self._inventory.put_item(target.station_id, MONITOR_ITEM, str(result.id), None, self._now())
            results += told
        if outcome is None:
            raise AssertionError("a list that is not empty has portions")
        return _with(outcome, MonitorsCleared(tuple(results)))

    async def set_monitoring_base(self, caller: Principal, target: Target, base: MonitoringBase) -> CommandOutcome:
        """Choose which monitors are active. Since that removes and restores monitors, the station is asked at once
        which it has now; whether it answers that is seen in the job."""
        await self._scopes.check_station(caller, Action.CONFIGURE_STATIONS, target.station_id)
        outcome = await self._remote.command(caller, target, SetMonitoringBase(base), Action.CONFIGURE_STATIONS)
        if outcome.answer.accepted:
            body = _encode({"monitoringBase": base.value})
            await self._inventory.put_item(target.station_id, MONITORING_ITEM, "base", body, self._now())
            await self._ask_again(target.station_id)
        return outcome

    async def _ask_again(self, station_id: int) -> None:
        try:
            await self._report(None, Target(station_id, OUR_SECONDS), (), ())
        except DomainError:
            return  # it stands in the job

    async def set_monitoring_level(self, caller: Principal, target: Target, severity: int) -> CommandOutcome:
        """Have events of this severity and graver reported: 0 (danger) to 9 (debug)."""
        await self._scopes.check_station(caller, Action.CONFIGURE_STATIONS, target.station_id)
        if not 0 <= severity <= MOST_HARMLESS:
            raise _no_severity()
        outcome = await self._remote.command(caller, target, SetMonitoringLevel(severity), Action.CONFIGURE_STATIONS)
        if outcome.answer.accepted:
            body = _encode({"severity": severity})
            await self._inventory.put_item(target.station_id, MONITORING_ITEM, "level", body, self._now())
        return outcome

    async def get_monitoring_report(
        self,
        caller: Principal,
        target: Target,
        component_variables: Sequence[ComponentVariable],
        criteria: Sequence[MonitoringCriterion],
    ) -> Ordered:
        """Have a station tell its monitors: all, or those of these kinds on these variables."""
        await self._scopes.check_station(caller, Action.CONFIGURE_STATIONS, target.station_id)
        wanted = checked_component_variables(component_variables)
        return await self._report(caller, target, wanted, tuple(dict.fromkeys(criteria)))

    async def _report(
        self,
        caller: Principal | None,
        target: Target,
        wanted: tuple[ComponentVariable, ...],
        criteria: tuple[MonitoringCriterion, ...],
    ) -> Ordered:
        request: dict[str, object] = {
            "action": "GetMonitoringReport",
            "componentVariable": wanted,
            "monitoringCriteria": [each.value for each in criteria],
        }
        return await self._reports.order(
            caller,
            target,
            JobKind.MONITORING_REPORT,
            request,
            lambda number: GetMonitoringReport(number, wanted, criteria),
        )

    async def list_monitors(self, caller: Principal, station_id: int) -> Sequence[MonitorView]:
        """Those that the station is known to have, by id."""
        await self._scopes.check_station(caller, Action.READ_MESSAGES, station_id)
        items = await self._inventory.items(station_id, MONITOR_ITEM)
        views = [MonitorView(msgspec.json.decode(item.body, type=Monitor), item.at) for item in items]
        return sorted(views, key=lambda view: view.monitor.id)

    # -- streams ---------------------------------------------------------------------------------------------------

    async def list_periodic_event_streams(self, caller: Principal, station_id: int) -> Sequence[StreamView]:
        """Those that the station is known to keep open, by id."""
        await self._scopes.check_station(caller, Action.READ_MESSAGES, station_id)
        items = await self._inventory.items(station_id, STREAM_ITEM)
        views = [StreamView(msgspec.json.decode(item.body, type=EventStream), item.at) for item in items]
        return sorted(views, key=lambda view: view.stream.id)

    async def get_periodic_event_stream(self, caller: Principal, target: Target) -> CommandOutcome:
        """Ask the station which streams are open; what it does not name is closed."""
        await self._scopes.check_station(caller, Action.CONFIGURE_STATIONS, target.station_id)
        asked_at = self._now()
        outcome = await self._remote.command(caller, target, GetPeriodicEventStream(), Action.CONFIGURE_STATIONS)
        if isinstance(outcome.answer.result, EventStreams):
            for stream in outcome.answer.result.streams:
                await self._keep_stream(target.station_id, stream)
            await self._inventory.drop_items(target.station_id, STREAM_ITEM, before=asked_at)
        return outcome

    async def adjust_periodic_event_stream(
        self, caller: Principal, target: Target, stream_id: int, params: StreamParams
    ) -> CommandOutcome:
        """Change the pace of a stream."""
        await self._scopes.check_station(caller, Action.CONFIGURE_STATIONS, target.station_id)
        if params.interval is None and params.values is None:
            raise InvalidArgument("Say the interval, the number of values, or both.", reason="NOTHING_TO_CHANGE")
        command = AdjustPeriodicEventStream(stream_id, params)
        outcome = await self._remote.command(caller, target, command, Action.CONFIGURE_STATIONS)
        if outcome.answer.accepted:
            for view in await self.list_periodic_event_streams(caller, target.station_id):
                if view.stream.id == stream_id:
                    changed = msgspec.structs.replace(view.stream, params=params)
                    await self._keep_stream(target.station_id, changed)
        return outcome

    async def _keep_stream(self, station_id: int, stream: EventStream) -> None:
        await self._inventory.put_item(station_id, STREAM_ITEM, str(stream.id), _encode(stream), self._now())
        self._streams.pop((station_id, stream.id), None)

    # -- what stations tell ----------------------------------------------------------------------------------------

    async def on_monitoring_report(self, station_id: int, fact: MonitoringReportReceived, reply: Reply) -> None:
        """After a report of all monitors, those that it did not tell are gone."""
        del reply
        job = await self._reports.complete(station_id, fact.request_id, JobKind.MONITORING_REPORT)
        if job is None:
            return
        request = msgspec.json.decode(job.request)
        if not request.get("componentVariable") and not request.get("monitoringCriteria"):
            await self._inventory.drop_items(station_id, MONITOR_ITEM, before=job.created_at)

    async def on_stream_changed(self, station_id: int, fact: StreamOpened | StreamClosed, reply: Reply) -> None:
        """A stream's number may now mean another variable."""
        del reply
        number = fact.stream.id if isinstance(fact, StreamOpened) else fact.stream_id
        self._streams.pop((station_id, number), None)

    async def monitors_of(self, station_id: int, fact: EventsNotified) -> MonitorsKnown | None:
        """How grave the monitors are that events name without saying it (2.0.1)."""
        named = {
            data.variable_monitoring_id
            for data in fact.events
            if data.severity is None and data.variable_monitoring_id is not None
        }
        if not named:
            return None
        known = [
            msgspec.json.decode(item.body, type=Monitor)
            for item in await self._inventory.items(station_id, MONITOR_ITEM)
            if item.key.isdecimal() and int(item.key) in named
        ]
        return MonitorsKnown(tuple((monitor.id, monitor.severity) for monitor in known))

    async def stream_of(self, station_id: int, fact: StreamValuesReceived) -> StreamKnown:
        """Whose values they are, and whether the event log gets an entry this time."""
        key, now = (station_id, fact.stream_id), trio.current_time()
        stream = self._streams.get(key)
        if stream is None:
            stream = self._streams[key] = _Stream(await self._place_of_stream(*key), -EVENT_SECONDS)
            while len(self._streams) > MAX_STREAMS:
                self._streams.popitem(last=False)
        due = now - stream.event_at >= EVENT_SECONDS
        if due:
            stream.event_at = now
            if stream.place is None:  # maybe a report told of its monitor meanwhile
                stream.place = await self._place_of_stream(*key)
        return StreamKnown(stream.place, due)

    async def _place_of_stream(self, station_id: int, stream_id: int) -> VariablePlace | None:
        streams = await self._inventory.items(station_id, STREAM_ITEM)
        found = next((item for item in streams if item.key == str(stream_id)), None)
        if found is None:
            return None
        monitor_id = msgspec.json.decode(found.body, type=EventStream).variable_monitoring_id
        for item in await self._inventory.items(station_id, MONITOR_ITEM):
            if item.key == str(monitor_id):
                monitor = msgspec.json.decode(item.body, type=Monitor)
                return place_of(monitor.component, monitor.variable)
        return None


def _with(outcome: CommandOutcome, result: MonitorsSet | MonitorsCleared) -> CommandOutcome:
    answer = msgspec.structs.replace(outcome.answer, result=result)
    return msgspec.structs.replace(outcome, answer=answer)


def _fits(result: SetMonitoringResult, wanted: SetMonitoringData) -> bool:
    return (
        place_of(result.component, result.variable).folded() == place_of(wanted.component, wanted.variable).folded()
        and (result.type, result.severity) == (wanted.type.value, wanted.severity)
        and (wanted.id is None or result.id in (None, wanted.id))
    )


def _set_result(wanted: SetMonitoringData, status: str, *, reason_code: str) -> SetMonitoringResult:
    return SetMonitoringResult(
        status, wanted.type.value, wanted.severity, wanted.component, wanted.variable, wanted.id, reason_code
    )


def _no_severity() -> InvalidArgument:
    return InvalidArgument("A severity is a number from 0 (danger) to 9 (debug).", reason="INVALID_SEVERITY")
