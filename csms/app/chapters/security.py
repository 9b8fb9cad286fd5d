"""Passwords and security profiles of stations."""

from __future__ import annotations

from datetime import datetime

from control.server import Servicer
from control.servicers.station_security import StationSecurityServicer
from csms.app.parts import Parts
from csms.domain.certificates import SigningUse
from csms.ports.certificates import Delivery, IssuedCertificates, IssuedFilter
from csms.services.station_security import Listeners, StationSecurity
from csms.transport.security import generate_password, hash_password

LOOK_AT = 20
"""Of the certificates that were issued to a station, so many of the newest."""


def build(parts: Parts, listeners: Listeners) -> list[Servicer]:
    """Its use cases, wired. Not among the other chapters: what stations can connect to is known last."""

    async def certified(station_id: int) -> bool:
        if parts.settings.ocpp_tls_client_ca:  # others issue them too, and need not tell us
            return True
        return await has_certificate(parts.stores.certificates, station_id, parts.now())

    security = StationSecurity(
        parts.stores.stations,
        parts.stores.station_queries,
        parts.remote,
        parts.inventory,
        parts.feed,
        listeners=listeners,
        hash_password=hash_password,
        generate_password=generate_password,
        has_certificate=certified,
    )
    return [StationSecurityServicer(security)]


async def has_certificate(issued: IssuedCertificates, station_id: int, now: datetime) -> bool:
    """Whether the station took one of ours that it can sign in with now. Raises Unavailable."""
    found, _ = await issued.page(IssuedFilter(station_id, revoked=False), size=LOOK_AT)
    return any(
        each.use is SigningUse.CHARGING_STATION
        and each.delivery is Delivery.ACCEPTED
        and each.signed.not_before <= now < each.signed.not_after
        for each in found
    )
