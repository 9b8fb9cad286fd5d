"""Statistics."""

from __future__ import annotations

from control.server import Servicer
from control.servicers.statistics import StatisticsServicer
from csms.app.parts import Parts
from csms.ports.feed import Subject
from csms.services.reckoning import Reckoner
from csms.services.statistics import Statistics
from csms.storage.statistics import PostgresStatistics
from csms.storage.usage import PostgresUsage


def build(parts: Parts) -> list[Servicer]:
    """Its use cases and its task, wired."""
    settings = parts.settings
    reckoner = Reckoner(
        PostgresUsage(parts.database),
        lambda: parts.places.tree,
        meter_value_days=settings.meter_value_days,
        now=parts.now,
        told=lambda: parts.feed.publish(Subject.FIGURES),
    )
    parts.work.start_soon(reckoner.run)
    keep_days = {
        "meter_values": settings.meter_value_days,
        "messages": settings.message_log_days,
        "events": settings.station_event_days,
        "audit": settings.audit_days,
    }
    statistics = Statistics(
        PostgresStatistics(parts.database),
        parts.scopes,
        lambda: parts.places.tree,
        parts.feed,
        keep_days=keep_days,
        now=parts.now,
    )
    return [StatisticsServicer(statistics)]
