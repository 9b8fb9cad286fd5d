"""Distributed energy resources."""

from __future__ import annotations

from control.server import Servicer
from control.servicers.der import DerServicer
from csms.app.parts import Parts
from csms.domain.der import DerControlsReported
from csms.services.der import DerControls


def build(parts: Parts) -> list[Servicer]:
    """Its use cases, wired."""
    der = DerControls(parts.remote, parts.inventory, parts.stores.stations, now=parts.now)
    parts.reacting.on(DerControlsReported, der.report_ended)
    return [DerServicer(der)]
