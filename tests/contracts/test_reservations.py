"""What the book of reservations promises."""

from __future__ import annotations

from datetime import timedelta

import pytest

from csms.domain.errors import NotFound
from csms.domain.reservation import OPEN, Reservation, ReservationState
from csms.ports.reservations import ReservationDraft, ReservationFilter
from tests.kit.records import T0, a_session_record, a_transaction
from tests.kit.storage_world import Storage, storage, storage_url

__all__ = ["storage", "storage_url"]

NOWHERE = 10**30
HOUR = timedelta(hours=1)
S = ReservationState


def a_draft(station_id: int, tag: str = "TAG", hours: float = 1, **fields: object) -> ReservationDraft:
    return ReservationDraft(station_id, tag, T0, T0 + HOUR * hours, **fields)  # type: ignore[arg-type]


async def move(storage: Storage, row: Reservation, state: S, **fields: object) -> Reservation | None:
    return await storage.reservations.change(row.id, state, T0, only_from=OPEN, **fields)  # type: ignore[arg-type]


async def test_a_reservation_is_written_down_before_the_station_is_asked(storage: Storage) -> None:
    station = await storage.station()
    draft = a_draft(station, evse_id=2, connector_type="cCCS2", group_id_token="GROUP", created_by="users/1")
    made = await storage.reservations.create(draft, T0)
    assert made == Reservation(
        made.id, station, S.REQUESTED, "TAG", T0, T0 + HOUR, T0, T0, 2, "cCCS2", "GROUP", created_by="users/1"
    )
    assert 0 < made.id < 2**31
    assert await storage.reservations.find(made.id) == made


async def test_numbers_are_never_given_twice(storage: Storage) -> None:
    one, other = await storage.station("CP-1"), await storage.station("CP-2")
    ids = [(await storage.reservations.create(a_draft(s), T0)).id for s in (one, other, one, one)]
    assert ids == sorted(set(ids))


async def test_strangers_are_not_found(storage: Storage) -> None:
    for stranger in (99, NOWHERE):
        with pytest.raises(NotFound) as caught:
            await storage.reservations.create(a_draft(stranger), T0)
        assert caught.value.reason == "STATION_NOT_FOUND"
        assert await storage.reservations.find(stranger) is None
        assert await storage.reservations.change(stranger, S.ACTIVE, T0, only_from=OPEN) is None
    assert await storage.reservations.page(ReservationFilter(station_id=NOWHERE), size=5) == ([], 0)


async def test_what_has_ended_does_not_move_any_more(storage: Storage) -> None:
    made = await storage.reservations.create(a_draft(await storage.station()), T0)
    active = await move(storage, made, S.ACTIVE, status="Accepted")
    assert active is not None
    assert (active.state, active.status, active.ended_at) == (S.ACTIVE, "Accepted", None)
    canceled = await move(storage, made, S.CANCELED, note="Changed their mind\0.")
    assert canceled is not None
    assert (canceled.status, canceled.note.startswith("Changed"), canceled.ended_at) == ("Accepted", True, T0)
    assert await move(storage, made, S.USED) is None
    assert await storage.reservations.find(made.id) == canceled


async def test_another_stations_word_counts_for_nothing(storage: Storage) -> None:
    one, other = await storage.station("CP-1"), await storage.station("CP-2")
    made = await storage.reservations.create(a_draft(one), T0)
    assert await move(storage, made, S.REMOVED, station_id=other) is None
    assert await move(storage, made, S.REMOVED, station_id=one) is not None


async def test_what_is_over_expires_and_what_was_used_was_used(storage: Storage) -> None:
    station = await storage.station()
    unused, used, later, refused = [
        await storage.reservations.create(a_draft(station, f"T{n}", hours), T0) for n, hours in enumerate((1, 1, 3, 1))
    ]
    await move(storage, refused, S.REFUSED, status="Occupied")
    transaction = a_transaction(await storage.session_id(), station)
    transaction.reservation_id, transaction.logged_at = used.id, T0
    await storage.journal.put([a_session_record(transaction)]).durable()
    ended = await storage.reservations.expire(T0 + HOUR)
    assert {row.id: row.state for row in ended} == {unused.id: S.EXPIRED, used.id: S.USED}
    assert all(row.ended_at == T0 + HOUR for row in ended)
    assert await storage.reservations.expire(T0 + HOUR) == []
    still = await storage.reservations.find(later.id)
    assert still is not None
    assert still.state is S.REQUESTED


async def test_lists_are_newest_first_and_filtered(storage: Storage) -> None:
    one, other = await storage.station("CP-1"), await storage.station("CP-2")
    rows = [
        await storage.reservations.create(a_draft(station, tag, hours), T0)
        for station, tag, hours in ((one, "A", 1), (one, "B", 2), (other, "A", 3))
    ]
    await move(storage, rows[0], S.ACTIVE)

    async def listed(wanted: ReservationFilter, **fields: int) -> tuple[list[int], int]:
        found, total = await storage.reservations.page(wanted, size=2, **fields)
        return [rows.index(next(r for r in rows if r.id == f.id)) for f in found], total

    assert await listed(ReservationFilter()) == ([2, 1], 3)
    assert await listed(ReservationFilter(), before=rows[1].id) == ([0], 3)
    assert await listed(ReservationFilter(station_id=one)) == ([1, 0], 2)
    assert await listed(ReservationFilter(states=(S.ACTIVE, S.USED))) == ([0], 1)
    assert await listed(ReservationFilter(id_token="A")) == ([2, 0], 2)
    assert await listed(ReservationFilter(since=T0 + 1.5 * HOUR)) == ([2, 1], 2)
    assert await listed(ReservationFilter(until=T0)) == ([], 0)


async def test_a_deleted_station_takes_its_reservations_along(storage: Storage) -> None:
    station = await storage.station()
    made = await storage.reservations.create(a_draft(station), T0)
    await storage.stations.delete(station)
    assert await storage.reservations.find(made.id) is None
    assert await storage.reservations.expire(T0 + HOUR) == []
