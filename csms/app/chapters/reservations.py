"""Reservations and local lists."""

from __future__ import annotations

from functools import partial

from control.server import Servicer
from control.servicers.local_lists import LocalListServicer
from control.servicers.reservations import ReservationServicer
from csms.app.parts import Parts
from csms.domain.facts import TransactionEventSeen
from csms.domain.reservation import ReservationStatusUpdated
from csms.ports.feed import Subject
from csms.services.local_lists import LocalLists
from csms.services.reservations import Reservations, Telling
from csms.storage.local_lists import PostgresLocalLists
from csms.storage.waiting import PostgresReservationBook


def build(parts: Parts) -> list[Servicer]:
    """Its use cases, wired."""
    reservations = Reservations(
        PostgresReservationBook(parts.database),
        parts.remote,
        now=parts.now,
        telling=Telling(parts.notifier, parts.stores.stations),
        lease=parts.lease("reservations"),
        running=parts.index.reserve,
        told=partial(parts.feed.publish, Subject.RESERVATION),
    )
    parts.reacting.on(
        TransactionEventSeen, reservations.saw_transaction, when=lambda fact: fact.reservation_id is not None
    )
    parts.reacting.on(ReservationStatusUpdated, reservations.saw_update)
    parts.ground.start_soon(reservations.run)
    parts.changes.on(["ReservationService"], reservations.look_again)
    local_lists = LocalLists(
        PostgresLocalLists(parts.database),
        parts.stores.tokens,
        parts.remote,
        parts.inventory,
        parts.stores.stations,
        parts.stores.station_queries,
        now=parts.now,
    )
    return [ReservationServicer(reservations), LocalListServicer(local_lists)]
