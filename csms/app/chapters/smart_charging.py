"""Charging profiles and limits."""

from __future__ import annotations

from control.server import Servicer
from control.servicers.smart_charging import SmartChargingServicer
from csms.app.parts import Parts
from csms.domain.composite_schedule import Supply
from csms.domain.facts import TransactionEventSeen, TransactionEventType
from csms.domain.smart_charging import (
    ChargingLimitCleared,
    ChargingNeedsTold,
    ChargingProfilesReported,
    ScheduleUpdatePulled,
)
from csms.services.smart_charging import SmartCharging


def build(parts: Parts) -> list[Servicer]:
    """Its use cases, wired."""
    settings = parts.settings
    smart_charging = SmartCharging(
        parts.remote,
        parts.inventory,
        parts.stores.station_queries,
        parts.stores.session_queries,
        now=parts.now,
        supply=Supply(settings.supply_voltage, settings.supply_phases),
    )
    parts.consulting.ask(ScheduleUpdatePulled, smart_charging.answer_pull)
    parts.reacting.on(ChargingProfilesReported, smart_charging.report_ended)
    parts.reacting.on(ChargingLimitCleared, smart_charging.limit_cleared)
    parts.reacting.on(
        TransactionEventSeen,
        smart_charging.transaction_ended,
        when=lambda fact: fact.event_type is TransactionEventType.ENDED,
    )
    if settings.vehicle_schedules == "propose":
        parts.consulting.ask(ChargingNeedsTold, smart_charging.answer_needs)
        parts.reacting.on(ChargingNeedsTold, smart_charging.propose_schedules)
    return [SmartChargingServicer(smart_charging)]
