"""Charging profiles and limits; sites that stay under theirs."""

from __future__ import annotations

from control.server import Servicer
from control.servicers.load_balancing import LoadBalancingServicer
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
from csms.services.load_balancing import LoadBalancing
from csms.services.load_groups import LoadGroups
from csms.services.load_survey import LoadSurvey
from csms.services.smart_charging import SmartCharging
from csms.storage.load_groups import PostgresLoadGroups


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
    return [SmartChargingServicer(smart_charging), _load_balancing(parts)]


def _load_balancing(parts: Parts) -> Servicer:
    """Sites that stay under their limits: looked after by one process of all, shown by each."""
    store, stations = PostgresLoadGroups(parts.database), parts.stores.station_queries
    survey = LoadSurvey(store, stations, parts.scopes)
    work = LoadBalancing(store, survey, parts.remote, parts.inventory, stations, parts.feed, now=parts.now)
    parts.work.start_soon(work.run)
    parts.changes.on(["LoadBalancingService"], work.look_again)
    return LoadBalancingServicer(LoadGroups(store, survey, parts.scopes, wake=work.wake, now=parts.now))
