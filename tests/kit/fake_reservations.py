"""The book of reservations and the local lists in memory; they pass the same contracts as the real ones
(tests/contracts/test_reservations.py, tests/contracts/test_local_lists.py)."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

import msgspec

from csms.domain.access import Scope
from csms.domain.errors import AlreadyExists, NotFound
from csms.domain.facts import ConnectorStatus
from csms.domain.local_list import HeldList
from csms.domain.reservation import OPEN, WAITS, Reservation, ReservationState, Waiting, WaitState
from csms.ports.reservations import ReservationDraft, ReservationFilter, Vacancy
from tests.kit.fake_tables import FakeTables


class FakeReservations:
    """See csms.ports.reservations.ReservationStore."""

    def __init__(self, tables: FakeTables) -> None:
        self.tables = tables
        self._rows: dict[int, Reservation] = {}
        self._ids = itertools.count(1)
        self._tried: dict[int, datetime] = {}
        self._waiting: dict[int, Waiting] = {}
        self._waiting_ids = itertools.count(1)

    async def create(self, draft: ReservationDraft, at: datetime) -> Reservation:
        self.tables.station(draft.station_id)
        others = [
            row
            for row in self._known().values()
            if row.station_id == draft.station_id
            and row.state in OPEN
            and row.starts_at < draft.expires_at
            and draft.starts_at < row.expires_at
        ]
        known = {key[1] for key in self.tables.connectors if key[0] == draft.station_id and key[1] > 0}
        same = any(row.evse_id == draft.evse_id for row in others if row.evse_id is not None)
        if same or len(others) >= max(1, draft.evse_id or 1, len(known), *(row.evse_id or 1 for row in others)):
            raise AlreadyExists("Somebody else has reserved it for that time.", reason="ALREADY_RESERVED")
        made = Reservation(
            next(self._ids),
            draft.station_id,
            draft.state,
            draft.id_token,
            draft.starts_at,
            draft.expires_at,
            at,
            at,
            draft.evse_id,
            draft.connector_type,
            draft.group_id_token,
            created_by=draft.created_by,
        )
        self._rows[made.id] = made
        return made

    def give_to(self, reservation_id: int, user_id: int) -> None:
        """It is on a tag of theirs."""
        self._rows[reservation_id] = msgspec.structs.replace(self._rows[reservation_id], user_id=user_id)

    async def find(self, reservation_id: int) -> Reservation | None:
        self.tables.check()
        return self._known().get(reservation_id)

    async def page(
        self, wanted: ReservationFilter, *, size: int, before: int | None = None
    ) -> tuple[Sequence[Reservation], int]:
        self.tables.check()
        found = [
            row for row in reversed(self._known().values()) if _admits(wanted, row) and self._in(wanted.scope, row)
        ]
        return [row for row in found if before is None or row.id < before][:size], len(found)

    def _in(self, scope: Scope | None, row: Reservation) -> bool:
        return scope is None or scope.holds(row.station_id, self.tables.stations[row.station_id].place_id, row.user_id)

    async def change(
        self,
        reservation_id: int,
        state: ReservationState,
        at: datetime,
        *,
        only_from: Collection[ReservationState],
        station_id: int | None = None,
        status: str = "",
        note: str = "",
    ) -> Reservation | None:
        row = await self.find(reservation_id)
        if row is None or row.state not in only_from or station_id not in (None, row.station_id):
            return None
        self._rows[row.id] = msgspec.structs.replace(
            row,
            state=state,
            updated_at=max(row.updated_at, at),
            ended_at=None if state in OPEN else row.ended_at or at,
            status=status or row.status,
            note=note or row.note,
        )
        return self._rows[row.id]

    async def expire(self, now: datetime) -> Sequence[Reservation]:
        self.tables.check()
        ended = []
        for row in list(self._known().values()):
            if row.state in OPEN and row.expires_at <= now:
                used = any(
                    t.station_id == row.station_id and t.reservation_id == row.id and t.logged_at >= row.created_at
                    for t in self.tables.sessions.values()
                )
                state = ReservationState.USED if used else ReservationState.EXPIRED
                changed = await self.change(row.id, state, now, only_from=OPEN)
                assert changed is not None
                ended.append(changed)
        return ended

    async def running(self, now: datetime) -> Sequence[Reservation]:
        self.tables.check()
        soon = now + timedelta(minutes=1)
        return [
            row
            for row in self._known().values()
            if row.state in OPEN and row.evse_id is not None and row.starts_at <= soon and row.expires_at > now
        ]

    async def due(self, now: datetime, retry_before: datetime) -> Sequence[Reservation]:
        self.tables.check()
        return [
            row
            for row in self._known().values()
            if row.state is ReservationState.BOOKED
            and row.starts_at <= now < row.expires_at
            and self._tried.get(row.id, datetime.min.replace(tzinfo=now.tzinfo)) < retry_before
        ]

    async def tried(self, reservation_id: int, at: datetime, status: str, note: str) -> None:
        self.tables.check()
        row = self._rows[reservation_id]
        self._tried[row.id] = at
        self._rows[row.id] = msgspec.structs.replace(
            row, updated_at=max(row.updated_at, at), status=status or row.status, note=note or row.note
        )

    async def reservable(self, station_id: int) -> bool:
        return self.tables.station(station_id).reservable

    async def set_reservable(self, station_id: int, reservable: bool) -> None:
        self.tables.station(station_id).reservable = reservable

    async def wait(self, waiting: Waiting) -> Waiting:
        self.tables.station(waiting.station_id)
        key = (waiting.station_id, waiting.id_token)
        if any((each.station_id, each.id_token) == key for each in self._open_waiting()):
            raise AlreadyExists("This tag waits for that station already.", reason="ALREADY_WAITING")
        made = msgspec.structs.replace(waiting, id=next(self._waiting_ids))
        self._waiting[made.id] = made
        return self._placed(made)

    async def find_waiting(self, waiting_id: int) -> Waiting | None:
        self.tables.check()
        found = self._waiting.get(waiting_id)
        return None if found is None or found.station_id not in self.tables.stations else self._placed(found)

    async def page_waiting(
        self, station_id: int | None, scope: Scope | None, *, size: int, after: int | None
    ) -> tuple[Sequence[Waiting], int]:
        self.tables.check()
        found = [
            self._placed(each)
            for each in self._open_waiting()
            if station_id in (None, each.station_id)
            and (
                scope is None
                or scope.holds(each.station_id, self.tables.stations[each.station_id].place_id, each.user_id)
            )
        ]
        return [each for each in found if after is None or each.id > after][:size], len(found)

    async def move_waiting(
        self,
        waiting_id: int,
        state: WaitState,
        at: datetime,
        *,
        only_from: Collection[WaitState],
        reservation_id: int | None = None,
    ) -> Waiting | None:
        found = await self.find_waiting(waiting_id)
        if found is None or found.state not in only_from:
            return None
        moved = msgspec.structs.replace(
            found, state=state, updated_at=at, reservation_id=reservation_id or found.reservation_id
        )
        self._waiting[waiting_id] = moved
        return self._placed(moved)

    async def settle_waiting(self, now: datetime) -> Sequence[Waiting]:
        self.tables.check()
        settled = []
        for each in self._open_waiting():
            state: WaitState | None = None
            if each.state is WaitState.OFFERED and each.reservation_id is not None:
                held = self._rows[each.reservation_id]
                if held.state not in OPEN:
                    state = WaitState.TAKEN if held.state is ReservationState.USED else WaitState.MISSED
            elif each.until <= now:
                state = WaitState.LEFT
            if state is not None:
                moved = await self.move_waiting(each.id, state, now, only_from=WAITS)
                assert moved is not None
                settled.append(moved)
        return settled

    async def vacancies(self, now: datetime) -> Sequence[Vacancy]:
        self.tables.check()
        found: dict[int, Vacancy] = {}
        for each in self._open_waiting():
            station = self.tables.stations[each.station_id]
            free = [
                evse_id
                for evse_id in self._free(each.station_id, now)
                if each.evse_id in (None, evse_id) and station.online and station.reservable
            ]
            if each.state is WaitState.WAITING and each.until > now and free and each.station_id not in found:
                found[each.station_id] = Vacancy(self._placed(each), free[0])
        return list(found.values())

    def _free(self, station_id: int, now: datetime) -> list[int]:
        statuses: dict[int, set[ConnectorStatus]] = {}
        for key, record in self.tables.connectors.items():
            if key[0] == station_id and key[1] > 0:
                statuses.setdefault(key[1], set()).add(record.status)
        busy = {t.evse_id for t in self.tables.open_sessions(station_id)}
        soon = now + timedelta(minutes=15)
        held = [
            row.evse_id
            for row in self._known().values()
            if row.station_id == station_id and row.state in OPEN and row.starts_at < soon and row.expires_at > now
        ]
        if None in held:
            return []
        return sorted(
            evse_id
            for evse_id, known in statuses.items()
            if known == {ConnectorStatus.AVAILABLE} and evse_id not in busy and evse_id not in held
        )

    def _open_waiting(self) -> list[Waiting]:
        return [
            each for each in self._waiting.values() if each.state in WAITS and each.station_id in self.tables.stations
        ]

    def _placed(self, each: Waiting) -> Waiting:
        before = [w for w in self._open_waiting() if w.station_id == each.station_id and w.id <= each.id]
        return msgspec.structs.replace(each, place=len(before) if each.state in WAITS else 0)

    def _known(self) -> dict[int, Reservation]:
        return {number: row for number, row in self._rows.items() if row.station_id in self.tables.stations}


def _admits(wanted: ReservationFilter, row: Reservation) -> bool:
    return (
        wanted.station_id in (None, row.station_id)
        and (not wanted.states or row.state in wanted.states)
        and wanted.id_token in ("", row.id_token)
        and (wanted.since is None or row.expires_at > wanted.since)
        and (wanted.until is None or row.starts_at < wanted.until)
    )


class FakeLocalLists:
    """See csms.ports.local_lists.LocalListStore."""

    def __init__(self, tables: FakeTables) -> None:
        self.tables = tables
        self._rows: dict[int, HeldList] = {}

    async def find(self, station_id: int) -> HeldList | None:
        self.tables.check()
        return self._rows.get(station_id) if station_id in self.tables.stations else None

    async def sending(self, station_id: int, version: int, at: datetime) -> None:
        self.tables.check()
        if station_id not in self.tables.stations:
            raise NotFound(f"There is no station {station_id} (any more).", reason="STATION_NOT_FOUND")
        row = self._rows.get(station_id, HeldList(station_id))
        sent = max(row.sent_version, version)
        self._rows[station_id] = msgspec.structs.replace(row, sent_version=sent, updated_at=at)

    async def put(self, held: HeldList, at: datetime) -> None:
        self.tables.check()
        if held.station_id in self.tables.stations:
            old = self._rows.get(held.station_id, HeldList(held.station_id))
            sent = max(old.sent_version, held.sent_version, held.version)
            self._rows[held.station_id] = msgspec.structs.replace(held, sent_version=sent, updated_at=at)
