"""Vendors' own messages, and the plug-ins that answer them (docs/vendor-extensions.md)."""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points
from typing import Final

import structlog

from control.server import Servicer
from csms.app.parts import Parts
from csms.domain.facts import DataTransferred
from csms.services.vendor_messages import VendorMessages, VendorPlugin

GROUP: Final = "chargehouse.data_transfer"
"""The group of entry points; their names are vendor ids."""

_log = structlog.get_logger("csms.data_transfer")


def build(parts: Parts) -> list[Servicer]:
    """Its use cases, wired."""
    parts.consulting.ask(DataTransferred, VendorMessages(load_plugins()).answer)
    return []


def load_plugins() -> dict[str, VendorPlugin]:
    """The installed plug-ins by vendor id. One that cannot be loaded is told in the log and left out: its stations
    are answered as before it was installed, and all others are served."""
    found: dict[str, VendorPlugin] = {}
    for entry in sorted(entry_points(group=GROUP), key=lambda each: (each.name, each.value)):
        if entry.name in found:
            _log.error("two plug-ins answer for one vendor; the second is left out", **_where(entry))
            continue
        try:
            plugin = entry.load()
        except Exception as error:  # noqa: BLE001 - code of others, at import: whatever it raises must not stop the node
            _log.error("a vendor's plug-in cannot be loaded", exc_info=error, **_where(entry))
            continue
        if not callable(plugin):
            _log.error("a vendor's plug-in is not callable", **_where(entry))
            continue
        found[entry.name] = plugin
        _log.info("a plug-in answers a vendor's messages", **_where(entry))
    return found


def _where(entry: EntryPoint) -> dict[str, object]:
    return {"vendor_id": entry.name, "plugin": entry.value, "package": entry.dist.name if entry.dist else ""}
