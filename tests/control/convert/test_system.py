"""The installation."""

from __future__ import annotations

from control.convert.system import POLICIES, system_info
from csms.services.stations import UnknownStationPolicy
from csms.services.system import SystemFacts, SystemInfo


def test_every_policy_has_its_number() -> None:
    assert set(POLICIES) == set(UnknownStationPolicy)


def test_all_of_it_is_told() -> None:
    facts = SystemFacts("1", ("ws://192.0.2.1/ocpp/",), UnknownStationPolicy.ACCEPT, True, ("ocpp1.6",))
    message = system_info(SystemInfo(facts, database_available=True, draining=True))
    assert all(value for _, value in message.ListFields())
    assert len(message.ListFields()) == len(message.DESCRIPTOR.fields)
