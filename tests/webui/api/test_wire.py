"""Messages and values, by name and type."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum

import msgspec
import pytest

from control.v1 import installations_pb2, remote_pb2, stations_pb2, system_pb2
from webui.api.wire import fill, prefix_of, read

T0 = datetime(2026, 11, 21, 8, tzinfo=UTC)


class Status(StrEnum):
    UNSPECIFIED = "UNSPECIFIED"
    CHARGING = "CHARGING"


class Connector(msgspec.Struct, frozen=True):
    connector_id: int
    status: Status
    status_time: datetime | None


class Evse(msgspec.Struct, frozen=True):
    name: str
    connectors: tuple[Connector, ...]
    power_w: float


class Boot(msgspec.Struct, frozen=True):
    model: str


class Station(msgspec.Struct, frozen=True):
    identity: str
    registration_state: str
    evses: tuple[Evse, ...]
    boot_info: Boot | None
    connect_time: datetime | None


VALUE = Station(
    "CP-1", "ACCEPTED", (Evse("stations/1/evses/1", (Connector(1, Status.CHARGING, T0),), 11_000.0),), Boot("M"), None
)


def test_a_value_goes_and_comes_back() -> None:
    message = stations_pb2.Station()
    fill(message, {name: getattr(VALUE, name) for name in Station.__struct_fields__})
    assert message.registration_state == stations_pb2.REGISTRATION_STATE_ACCEPTED
    assert message.evses[0].connectors[0].status == stations_pb2.CONNECTOR_STATUS_CHARGING
    assert read(message, Station) == VALUE


def test_what_is_missing_is_none_and_a_new_word_is_unspecified() -> None:
    message = stations_pb2.Station(evses=[stations_pb2.Evse(connectors=[stations_pb2.Connector(status=9)])])
    found = read(message, Station)
    assert (found.boot_info, found.connect_time, found.registration_state) == (None, None, "UNSPECIFIED")
    assert found.evses[0].connectors[0].status is Status.UNSPECIFIED


def test_masks_durations_and_fields_that_may_be_left_out() -> None:
    request = system_pb2.UpdateSystemSettingsRequest()
    fill(request, {"settings": {"title": "North"}, "update_mask": ("title",), "request_id": None})
    assert (request.settings.title, list(request.update_mask.paths)) == ("North", ["title"])
    target = remote_pb2.CommandTarget()
    fill(target, {"timeout": timedelta(seconds=1.5)})
    assert target.timeout.ToTimedelta() == timedelta(seconds=1.5)
    secrets = installations_pb2.SetStationSecretsRequest()
    fill(secrets, {"master_password": "", "access_code": None})
    assert (secrets.HasField("master_password"), secrets.HasField("access_code")) == (True, False)


class Amount(msgspec.Struct, frozen=True):
    title: Decimal | None


def test_texts_that_are_numbers() -> None:
    assert read(system_pb2.SystemSettings(title="1.10"), Amount) == Amount(Decimal("1.10"))
    assert read(system_pb2.SystemSettings(), Amount) == Amount(None)


class Wrong(msgspec.Struct, frozen=True):
    nobody_has_this: str


class WrongType(msgspec.Struct, frozen=True):
    identity: list[str]


def test_our_own_mistakes_are_told() -> None:
    with pytest.raises(LookupError, match="nobody_has_this"):
        read(stations_pb2.Station(), Wrong)
    with pytest.raises(TypeError, match="identity"):
        read(stations_pb2.Station(), WrongType)
    with pytest.raises(LookupError, match="nothing"):
        fill(stations_pb2.Station(), {"nothing": 1})
    with pytest.raises(LookupError, match="no word"):
        fill(stations_pb2.Station(), {"registration_state": "MAYBE"})


def test_prefixes_are_those_of_the_style_guide() -> None:
    assert prefix_of(stations_pb2.ConnectorStatus.DESCRIPTOR) == "CONNECTOR_STATUS_"
