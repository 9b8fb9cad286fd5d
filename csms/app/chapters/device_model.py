"""Device model, monitors, reports."""

from __future__ import annotations

from control.server import Servicer
from control.servicers.device_model import DeviceModelServicer
from csms.app.parts import Parts
from csms.domain.commands import GetVariables, SetVariables
from csms.domain.device_model import ReportReceived
from csms.domain.monitoring import (
    EventsNotified,
    MonitoringReportReceived,
    StreamClosed,
    StreamOpened,
    StreamValuesReceived,
)
from csms.services.device_model import DeviceModel, StationPortions
from csms.services.monitoring import Monitoring
from csms.services.reports import Reports


def build(parts: Parts) -> list[Servicer]:
    """Its use cases, wired."""
    stations = parts.stores.station_queries
    reports = Reports(parts.remote, parts.inventory, now=parts.now)
    portions = StationPortions(parts.inventory, stations)
    model = DeviceModel(parts.remote, reports, parts.inventory, stations, now=parts.now)
    monitoring = Monitoring(parts.remote, reports, parts.inventory, portions, now=parts.now)
    parts.remote.portion_by(portions)
    parts.remote.after(GetVariables, model.after_get_variables)
    parts.remote.after(SetVariables, model.after_set_variables)
    parts.reacting.on(ReportReceived, model.on_report)
    parts.reacting.on(MonitoringReportReceived, monitoring.on_monitoring_report)
    parts.reacting.on(StreamOpened, monitoring.on_stream_changed)
    parts.reacting.on(StreamClosed, monitoring.on_stream_changed)
    parts.consulting.ask(EventsNotified, monitoring.monitors_of)
    parts.consulting.ask(StreamValuesReceived, monitoring.stream_of)
    parts.work.start_soon(reports.run)
    return [DeviceModelServicer(model, monitoring)]
