"""Tags, outlets, limits: who may charge where."""

from __future__ import annotations

from functools import partial

from control.server import Servicer
from control.servicers.id_tokens import IdTokenServicer
from control.servicers.outlets import OutletServicer
from csms.app.cluster import PLACE_KINDS, SESSION_ENDED, TAG_KINDS
from csms.app.parts import Parts
from csms.domain.facts import Reply, TransactionEventSeen, TransactionEventType
from csms.domain.topology import SYSTEM_ID
from csms.services.limits import Limits
from csms.services.outlets import Outlets
from csms.services.tokens import MemoryTokenIndex, Tokens
from csms.storage.limits import PostgresLimits
from csms.storage.outlets import PostgresOutlets
from csms.storage.people import PostgresPeople


async def build(parts: Parts, index: MemoryTokenIndex) -> list[Servicer]:
    """Its use cases, wired; `index` knows what it must before the first station is let in. Raises Unavailable."""
    places, database = parts.places, parts.database
    outlets = Outlets(PostgresOutlets(database), index, parts.scopes, parts.feed)
    limits = Limits(
        PostgresLimits(database), index, time_zone=lambda: places.tree.time_zone_of(SYSTEM_ID), now=parts.now
    )

    async def charged(_station_id: int, _fact: TransactionEventSeen, _reply: Reply) -> None:
        limits.session_ended()
        parts.changes.tell(SESSION_ENDED)

    async def charged_elsewhere() -> None:
        limits.session_ended()

    parts.reacting.on(TransactionEventSeen, charged, when=_has_ended)
    await outlets.refresh()
    await limits.sweep()
    parts.ground.start_soon(outlets.refresh_for_ever)
    parts.ground.start_soon(limits.sweep_for_ever)
    parts.changes.on(TAG_KINDS, partial(index.catch_up, parts.stores.tokens))
    parts.changes.on([*TAG_KINDS, *PLACE_KINDS], outlets.refresh)
    parts.changes.on(TAG_KINDS, limits.sweep)
    parts.changes.on([SESSION_ENDED], charged_elsewhere)
    tokens = Tokens(
        parts.stores.tokens,
        index,
        scopes=parts.scopes,
        people=PostgresPeople(database),
        reread=outlets.refresh,
        now=parts.now,
    )
    return [IdTokenServicer(tokens), OutletServicer(outlets, limits)]


def _has_ended(fact: TransactionEventSeen) -> bool:
    return fact.event_type is TransactionEventType.ENDED
