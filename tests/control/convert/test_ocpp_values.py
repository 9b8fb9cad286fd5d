"""Every value comes back as it went: no field of OCPP is forgotten in the messages."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from google.protobuf.message import Message
from hypothesis import given
from hypothesis import strategies as st

from control.convert.ocpp_values import print_value, read_value
from control.v1 import charging_profiles_pb2, der_pb2, smart_charging_pb2
from csms.domain.charging_profile import ChargingProfile, ChargingScheduleUpdate, CompositeSchedule
from csms.domain.der import DerControl
from tests.kit.effort import examples
from tests.kit.value_strategy import values

BOTH_WAYS: list[tuple[type[msgspec.Struct], type[Message]]] = [
    (ChargingProfile, charging_profiles_pb2.ChargingProfile),
    (ChargingScheduleUpdate, smart_charging_pb2.ChargingScheduleUpdate),
    (DerControl, der_pb2.DerControl),
]
KINDS = [*BOTH_WAYS, (CompositeSchedule, smart_charging_pb2.CompositeSchedule)]


@pytest.mark.parametrize(("kind", "message"), BOTH_WAYS, ids=lambda kind: kind.__name__)
@examples(12)
@given(data=st.data())
def test_values_come_back_as_they_went(kind: type[msgspec.Struct], message: type[Message], data: st.DataObject) -> None:
    value = data.draw(values(kind).map(kept))
    assert read_value(print_value(value, message()), kind, "value") == value


def kept(value: Any) -> Any:
    """With whole numbers of 64 bits."""
    if isinstance(value, msgspec.Struct):
        return type(value)(**{name: kept(getattr(value, name)) for name in value.__struct_fields__})
    if isinstance(value, tuple):
        return tuple(map(kept, value))
    if type(value) is int:
        return max(-(2**63), min(2**63 - 1, value))
    return value


@pytest.mark.parametrize(("kind", "message"), KINDS, ids=lambda kind: kind.__name__)
def test_messages_have_no_field_that_nobody_reads(kind: type[msgspec.Struct], message: type[Message]) -> None:
    assert set(kind.__struct_fields__) == set(message.DESCRIPTOR.fields_by_name)
