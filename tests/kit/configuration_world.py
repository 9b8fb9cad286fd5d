"""Settings of stations: their use cases over stores in memory."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from csms.domain.commands import GetVariables
from csms.services.configuration import Configuration
from csms.services.configuration_templates import ConfigurationTemplates
from csms.services.configuration_work import ConfigurationWork
from csms.services.device_model import DeviceModel
from csms.services.remote import Remote
from csms.services.scopes import Scopes
from csms.services.station_settings import StationSettings
from tests.kit.fake_configuration import FakeConfiguration
from tests.kit.fake_inventory import FakeInventory
from tests.kit.fake_tables import FakeTables
from tests.kit.fake_webhooks import FakeLease


class ConfigurationWorld:
    """Wired as the application does it."""

    def __init__(
        self,
        tables: FakeTables,
        inventory: FakeInventory,
        remote: Remote,
        model: DeviceModel,
        scopes: Scopes,
        now: Callable[[], datetime],
    ) -> None:
        self.store = FakeConfiguration(tables, inventory)
        self.settings = StationSettings(self.store, inventory, remote, model, now=now)
        self.work = ConfigurationWork(
            self.store, self.settings, lambda: self.templates, FakeLease(), delay_s=5.0, now=now
        )
        self.templates = ConfigurationTemplates(self.store, self.settings, scopes, wake=self.work.wake, now=now)
        self.use_cases = Configuration(self.store, self.settings, scopes, wake=self.work.wake, now=now)
        remote.after(GetVariables, self.work.after_get_variables)
