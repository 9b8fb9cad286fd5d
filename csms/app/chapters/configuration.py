"""What stations are to be set to."""

from __future__ import annotations

from control.server import Servicer
from control.servicers.configuration import ConfigurationServicer
from csms.app.parts import Parts
from csms.domain.commands import GetVariables
from csms.domain.device_model import ReportReceived
from csms.services.configuration import Configuration
from csms.services.configuration_templates import ConfigurationTemplates
from csms.services.configuration_work import ConfigurationWork
from csms.services.device_model import DeviceModel
from csms.services.reports import Reports
from csms.services.station_settings import StationSettings
from csms.storage.configuration import PostgresConfiguration


def build(parts: Parts) -> list[Servicer]:
    """Its use cases, wired. After the device model, which keeps what stations answer before it is compared here."""
    store, now = PostgresConfiguration(parts.database), parts.now
    reports = Reports(parts.remote, parts.inventory, now=now)
    model = DeviceModel(parts.remote, reports, parts.inventory, parts.stores.station_queries, now=now)
    settings = StationSettings(store, parts.inventory, parts.remote, model, now=now)
    work = ConfigurationWork(
        store,
        settings,
        lambda: templates,
        parts.lease("configuration"),
        delay_s=parts.settings.configuration_delay,
        now=now,
    )
    templates = ConfigurationTemplates(store, settings, parts.scopes, wake=work.wake, now=now)
    configuration = Configuration(store, settings, parts.scopes, wake=work.wake, now=now)
    parts.remote.after(GetVariables, work.after_get_variables)
    parts.reacting.on(ReportReceived, work.on_report, when=lambda fact: fact.last)
    parts.work.start_soon(work.run)
    return [ConfigurationServicer(configuration, templates)]
