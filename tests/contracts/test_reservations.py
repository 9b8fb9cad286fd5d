"""What the book of reservations promises."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from csms.domain.errors import AlreadyExists, NotFound
from csms.domain.facts import ConnectorStatus
from csms.domain.records import LinkRecord, Record
from csms.domain.reservation import OPEN, Reservation, ReservationState, Waiting, WaitState
from csms.ports.reservations import ReservationDraft, ReservationFilter
from tests.kit.records import T0, a_session_record, a_status_record, a_transaction
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
    ids = [(await storage.reservations.create(a_draft(s), T0)).id for s in (one, other)]
    ids += [(await storage.reservations.create(a_draft(one, evse_id=n), T0)).id for n in (2, 3)]
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
        await storage.reservations.create(a_draft(station, f"T{n}", hours, evse_id=n), T0)
        for n, hours in enumerate((1, 1, 3, 1), 1)
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
        await storage.reservations.create(a_draft(station, tag, hours, evse_id=evse_id), T0)
        for station, tag, hours, evse_id in ((one, "A", 1, 1), (one, "B", 2, 2), (other, "A", 3, 1))
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


@pytest.mark.feature("F-RES-1")
async def test_two_who_want_the_same_outlet_at_the_same_time_do_not_both_get_it(storage: Storage) -> None:
    station = await storage.station()
    first = await storage.reservations.create(a_draft(station, "A", evse_id=1), T0)
    overlapping = ReservationDraft(station, "B", T0 + HOUR / 2, T0 + 2 * HOUR, 1, state=S.BOOKED)
    with pytest.raises(AlreadyExists) as caught:
        await storage.reservations.create(overlapping, T0)
    assert caught.value.reason == "ALREADY_RESERVED"
    after_it = ReservationDraft(station, "B", T0 + HOUR, T0 + 2 * HOUR, 1, state=S.BOOKED)
    assert (await storage.reservations.create(after_it, T0)).state is S.BOOKED
    assert (await storage.reservations.create(a_draft(station, "C", evse_id=2), T0)).evse_id == 2
    await move(storage, first, S.CANCELED)
    assert (await storage.reservations.create(a_draft(station, "D", evse_id=1), T0)).evse_id == 1


async def test_any_outlet_is_reserved_as_often_as_there_are_outlets(storage: Storage) -> None:
    station = await storage.station()
    for evse_id in (1, 2):
        await storage.journal.put([free(station, evse_id)]).durable()
    for tag in ("A", "B"):
        await storage.reservations.create(a_draft(station, tag), T0)
    for wanted in (None, 1):
        with pytest.raises(AlreadyExists):
            await storage.reservations.create(a_draft(station, "C", evse_id=wanted), T0)


async def test_a_booked_one_is_due_when_its_time_has_come_and_again_a_minute_later(storage: Storage) -> None:
    station = await storage.station()
    later = ReservationDraft(station, "A", T0 + HOUR, T0 + 2 * HOUR, 1, state=S.BOOKED)
    made = await storage.reservations.create(later, T0)
    begin = T0 + HOUR

    async def due(at: datetime) -> list[int]:
        return [each.id for each in await storage.reservations.due(at, at - timedelta(minutes=1))]

    assert await due(T0) == []
    assert await due(begin) == [made.id]
    await storage.reservations.tried(made.id, begin, "Occupied", "")
    assert await due(begin) == []
    assert await due(begin + timedelta(minutes=2)) == [made.id]
    found = await storage.reservations.find(made.id)
    assert found is not None
    assert (found.state, found.status) == (S.BOOKED, "Occupied")
    assert [each.state for each in await storage.reservations.expire(T0 + 2 * HOUR)] == [S.EXPIRED]


async def test_reservations_are_switched_on_and_off_by_station(storage: Storage) -> None:
    station = await storage.station()
    assert await storage.reservations.reservable(station)
    await storage.reservations.set_reservable(station, False)
    assert not await storage.reservations.reservable(station)
    for missing in (99, NOWHERE):
        with pytest.raises(NotFound):
            await storage.reservations.reservable(missing)
        with pytest.raises(NotFound):
            await storage.reservations.set_reservable(missing, True)


def free(station_id: int, evse_id: int) -> Record:
    return a_status_record(station_id, ConnectorStatus.AVAILABLE, evse_id=evse_id)


def a_wait(station_id: int, tag: str, **fields: object) -> Waiting:
    return Waiting(0, station_id, tag, WaitState.WAITING, T0, T0, T0 + HOUR, **fields)  # type: ignore[arg-type]


@pytest.mark.feature("F-RES-1")
async def test_who_waits_longest_is_offered_the_outlet_that_becomes_free(storage: Storage) -> None:
    station = await storage.station()
    first = await storage.reservations.wait(a_wait(station, "A"))
    second = await storage.reservations.wait(a_wait(station, "B", evse_id=2))
    assert (first.place, second.place) == (1, 2)
    with pytest.raises(AlreadyExists):
        await storage.reservations.wait(a_wait(station, "A"))
    with pytest.raises(NotFound):
        await storage.reservations.wait(a_wait(NOWHERE, "A"))
    assert await storage.reservations.vacancies(T0) == []
    await storage.journal.put([LinkRecord(station, True, T0, 1), free(station, 1)]).durable()
    (vacancy,) = await storage.reservations.vacancies(T0)
    assert (vacancy.waiting.id, vacancy.evse_id) == (first.id, 1)
    held = await storage.reservations.create(a_draft(station, "A", evse_id=1), T0)
    offered = await storage.reservations.move_waiting(
        first.id, WaitState.OFFERED, T0, only_from={WaitState.WAITING}, reservation_id=held.id
    )
    assert offered is not None
    assert (offered.state, offered.reservation_id) == (WaitState.OFFERED, held.id)
    assert await storage.reservations.vacancies(T0) == []
    await move(storage, held, S.EXPIRED)
    assert [each.state for each in await storage.reservations.settle_waiting(T0)] == [WaitState.MISSED]
    still, total = await storage.reservations.page_waiting(station, None, size=5, after=None)
    assert ([each.place for each in still], total) == ([1], 1)
    assert [each.state for each in await storage.reservations.settle_waiting(T0 + HOUR)] == [WaitState.LEFT]
    assert await storage.reservations.page_waiting(None, None, size=5, after=None) == ([], 0)
