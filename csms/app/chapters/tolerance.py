"""Rules for stations that deviate."""

from __future__ import annotations

from functools import partial

from control.server import Servicer
from control.servicers.tolerance import ToleranceServicer
from csms.app.parts import Parts
from csms.services.tolerance import Tolerances


def build(parts: Parts) -> list[Servicer]:
    """Its use cases, wired."""
    parts.changes.on(["ToleranceService"], partial(parts.tolerance.load, parts.stores.tolerance))
    return [ToleranceServicer(Tolerances(parts.stores.tolerance, parts.tolerance))]
