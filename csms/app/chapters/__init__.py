"""The chapters of the application: each wires its use cases, its reactions to what stations tell, and its servicers."""

from __future__ import annotations

from typing import Final

from control.server import Servicer
from csms.app.chapters import (
    alarms,
    backups,
    battery_swap,
    certificates,
    configuration,
    data_transfer,
    der,
    device_model,
    display,
    files,
    installations,
    inventory,
    live,
    maintenance,
    operations,
    payment,
    places,
    reservations,
    sessions,
    sharing,
    smart_charging,
    statistics,
    tariffs,
    tolerance,
)
from csms.app.parts import Parts

_CHAPTERS: Final = (
    places,
    sharing,
    sessions,
    backups,
    alarms,
    live,
    installations,
    inventory,
    maintenance,
    files,
    certificates,
    device_model,
    configuration,
    smart_charging,
    der,
    reservations,
    display,
    payment,
    battery_swap,
    data_transfer,
    tariffs,
    tolerance,
    statistics,
    operations,
)


def build_chapters(parts: Parts) -> list[Servicer]:
    """All of them; the servicers in the order of the chapters."""
    return [servicer for chapter in _CHAPTERS for servicer in chapter.build(parts)]
