"""What a state wants to know of the database before it takes in a fact (`StationState.lookup`)."""

from __future__ import annotations

from csms.domain.station import FindEnd, FindStart, Lookup
from csms.domain.transaction import Transaction
from csms.ports.stores import TransactionStore


async def recall(
    store: TransactionStore, station_id: int, wanted: Lookup
) -> tuple[Transaction | None, Transaction | None]:
    """(the transaction itself, an end that waits for its start). Raises Unavailable."""
    if isinstance(wanted, FindStart):
        key = wanted.key
        found = await store.find_start(key)
        if found is not None:
            return found, None
        return None, await store.find_orphan_end(station_id, key.id_token, key.started_at, key.meter_start_wh)
    if isinstance(wanted, FindEnd):
        found = await store.find_end(station_id, wanted.transaction_id, wanted.stopped_at, wanted.meter_wh)
        return found, None
    return await store.find_transaction(station_id, wanted.transaction_id), None
