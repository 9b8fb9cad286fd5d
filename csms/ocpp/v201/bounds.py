"""Numbers that the schemas leave open and our storage does not."""

from __future__ import annotations

from typing import Final

from csms.domain.device_model import Component
from csms.domain.monitoring import MOST_HARMLESS
from csms.ocpp.faults import ErrorCode, Fault
from csms.ocpp.fitting import evse_told, tidied

__all__ = ["component_told", "severity_told", "small", "tidied"]

_MAX: Final = 2**31 - 1


def small(name: str, number: int) -> int:
    """A number of 0 to 2³¹-1. Raises Fault."""
    if 0 <= number <= _MAX:
        return number
    raise Fault(ErrorCode.PROPERTY_CONSTRAINT_VIOLATION, f"{name} must be a number from 0 to {_MAX}.")


def severity_told(number: int) -> int:
    """0 (danger) to 9 (debug). Raises Fault."""
    if 0 <= number <= MOST_HARMLESS:
        return number
    raise Fault(ErrorCode.PROPERTY_CONSTRAINT_VIOLATION, "A severity is a number from 0 (danger) to 9 (debug).")


def component_told(component: Component) -> None:
    """Raises Fault for an EVSE or connector that can be none."""
    if component.evse is not None:
        evse_told(component.evse.id)
        small("connectorId", component.evse.connector_id or 0)
