"""The installation."""

from __future__ import annotations

from control.convert.system import POLICIES, public_info, read_system_settings, system_info, system_settings
from csms.domain.system import SystemSettings
from csms.services.stations import UnknownStationPolicy
from csms.services.system import ServerAddress, SystemFacts, SystemInfo
from tests.kit.service_world import NOW

SETTINGS = SystemSettings(*"abcdefghi", 1, NOW)


def test_every_policy_has_its_number() -> None:
    assert set(POLICIES) == set(UnknownStationPolicy)


def test_all_of_it_is_told() -> None:
    facts = SystemFacts(
        "1",
        ("ws://192.0.2.1/ocpp/",),
        UnknownStationPolicy.ACCEPT,
        True,
        ("ocpp1.6",),
        NOW,
        True,
        mail_sender="post@example.org",
        min_security_profile=1,
        identity_provider="https://id.example.org",
    )
    addresses = (ServerAddress("ocpp-j", "ws://192.0.2.1/ocpp/"),)
    message = system_info(SystemInfo(facts, SETTINGS, addresses, True, True, 5))
    assert all(value for _, value in message.ListFields())
    assert len(message.ListFields()) == len(message.DESCRIPTOR.fields)


def test_settings_come_and_go_whole() -> None:
    message = system_settings(SETTINGS)
    assert len(message.ListFields()) == len(message.DESCRIPTOR.fields)
    assert read_system_settings(message) == SystemSettings(*"abcdefghi")
    public = public_info(SETTINGS)
    assert len(public.ListFields()) == len(public.DESCRIPTOR.fields)
