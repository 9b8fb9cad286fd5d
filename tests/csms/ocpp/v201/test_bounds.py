"""Numbers that the schemas leave open."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from csms.domain.device_model import Component
from csms.domain.values import Evse
from csms.ocpp.faults import ErrorCode, Fault
from csms.ocpp.v201.bounds import component_told, severity_told, small


def test_what_fits_passes() -> None:
    component_told(Component("EVSE"))
    component_told(Component("Connector", evse=Evse(2**31 - 1, 0)))
    assert [severity_told(0), severity_told(9), small("seqNo", 0)] == [0, 9, 0]


@pytest.mark.parametrize(
    "told",
    [
        lambda: component_told(Component("EVSE", evse=Evse(-1))),
        lambda: component_told(Component("EVSE", evse=Evse(2**31))),
        lambda: component_told(Component("Connector", evse=Evse(1, -1))),
        lambda: severity_told(10),
        lambda: severity_told(-1),
        lambda: small("seqNo", -1),
    ],
)
def test_what_cannot_be_kept_is_a_constraint_violation(told: Callable[[], object]) -> None:
    with pytest.raises(Fault) as raised:
        told()
    assert raised.value.code is ErrorCode.PROPERTY_CONSTRAINT_VIOLATION
