"""The book of reservations and the local lists in memory; they pass the same contracts as the real ones
(tests/contracts/test_reservations.py, tests/contracts/test_local_lists.py)."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Sequence
from datetime import datetime

import msgspec

from csms.domain.access import Scope
from csms.domain.errors import NotFound
from csms.domain.local_list import HeldList
from csms.domain.reservation import OPEN, Reservation, ReservationState
from csms.ports.reservations import ReservationDraft, ReservationFilter
from tests.kit.fake_tables import FakeTables


class FakeReservations:
    """See csms.ports.reservations.ReservationStore."""

    def __init__(self, tables: FakeTables) -> None:
        self.tables = tables
        self._rows: dict[int, Reservation] = {}
        self._ids = itertools.count(1)

    async def create(self, draft: ReservationDraft, at: datetime) -> Reservation:
        self.tables.station(draft.station_id)
        made = Reservation(
            next(self._ids),
            draft.station_id,
            ReservationState.REQUESTED,
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
        return scope is None or scope.holds(row.station_id, self.tables.stations[row.station_id].place_id)

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
