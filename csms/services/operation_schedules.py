"""Operations by the clock: once, every day or on some days of the week."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime

import msgspec

from csms.domain.access import Action, Principal, denied, may
from csms.domain.errors import InvalidArgument, NotFound, PermissionDenied
from csms.domain.operations import MAX_TITLE, Draft, Schedule, check_draft
from csms.domain.orders import OrderKind, kind_of
from csms.domain.timetable import Timetable, check_timetable, next_run
from csms.ports.operations import OperationStore
from csms.services.audit import note_change
from csms.services.operations import Operations
from csms.services.order_work import ACTION_OF
from csms.services.scopes import Scopes
from csms.services.zones import known_zones


class _Told(msgspec.Struct, frozen=True):
    """For the audit log: no order, whose addresses may hold passwords."""

    title: str
    kind: OrderKind
    timetable: Timetable
    enabled: bool


class OperationSchedules:
    """Use cases of people. All raise PermissionDenied, and Unavailable while the database is away."""

    def __init__(
        self, store: OperationStore, operations: Operations, scopes: Scopes, *, now: Callable[[], datetime]
    ) -> None:
        self._store = store
        self._operations = operations
        self._scopes = scopes
        self._now = now
        self._zones = known_zones()

    async def create(
        self, caller: Principal, title: str, draft: Draft, timetable: Timetable, *, enabled: bool
    ) -> Schedule:
        """Raises InvalidArgument, NotFound for stations and places."""
        now = self._now()
        schedule = Schedule(0, title, draft, timetable, caller.name, caller.display_name, now, now, enabled=enabled)
        made = await self._store.create_schedule(await self._checked(caller, schedule))
        note_change(f"operationSchedules/{made.id}", None, _told(made))
        return made

    async def get(self, caller: Principal, schedule_id: int) -> Schedule:
        """Raises NotFound."""
        await self._scopes.of(caller, Action.OPERATE_STATIONS)
        found = await self._store.find_schedule(schedule_id)
        if found is None or not (may(caller, Action.OPERATE_STATIONS) or found.created_by == caller.name):
            raise NotFound(f"There is no schedule {schedule_id} (any more).", reason="SCHEDULE_NOT_FOUND")
        return found

    async def page(self, caller: Principal, *, size: int, before: int | None = None) -> Sequence[Schedule]:
        """Newest first."""
        await self._scopes.of(caller, Action.OPERATE_STATIONS)
        mine = "" if may(caller, Action.OPERATE_STATIONS) else caller.name
        return await self._store.page_schedules(mine, size=size, before=before)

    async def update(
        self, caller: Principal, wanted: Schedule, fields: Collection[str], *, version: int | None
    ) -> Schedule:
        """Change title, draft, minute, days, on_date, time_zone, enabled, as named. Whoever has not made it may only
        switch it off and on. Raises InvalidArgument, NotFound, StaleVersion."""
        old = await self._changeable(caller, wanted.id)
        if old.created_by != caller.name and not set(fields) <= {"enabled", "title"}:
            raise PermissionDenied(
                "It runs with the rights of whoever made it, so only they change what is done and when. Switch it off,"
                " and make one of your own.",
                reason="NOT_YOUR_SCHEDULE",
            )
        timetable = msgspec.structs.replace(
            old.timetable,
            **{name: getattr(wanted.timetable, name) for name in fields if name in Timetable.__struct_fields__},
        )
        own = {name: getattr(wanted, name) for name in fields if name in ("title", "draft", "enabled")}
        new = msgspec.structs.replace(old, timetable=timetable, updated_at=self._now(), **own)
        new = await self._checked(caller, new) if old.created_by == caller.name else self._due(new)
        made = await self._store.update_schedule(new, version=old.version if version is None else version)
        note_change(f"operationSchedules/{made.id}", _told(old), _told(made))
        return made

    async def delete(self, caller: Principal, schedule_id: int) -> None:
        """Its runs stay. Raises NotFound."""
        old = await self._changeable(caller, schedule_id)
        await self._store.delete_schedule(schedule_id)
        note_change(f"operationSchedules/{schedule_id}", _told(old))

    # -- inside --------------------------------------------------------------------------------------------------------

    async def _changeable(self, caller: Principal, schedule_id: int) -> Schedule:
        found = await self.get(caller, schedule_id)
        action = ACTION_OF[kind_of(found.draft.order)]
        if found.created_by != caller.name and not may(caller, action):
            raise denied(caller, action)
        return found

    async def _checked(self, caller: Principal, schedule: Schedule) -> Schedule:
        """With the time of its next run. Raises InvalidArgument, and as `Operations.create` for the stations."""
        if not 0 < len(schedule.title.strip()) <= MAX_TITLE:
            raise InvalidArgument(f"A schedule has a title of 1 to {MAX_TITLE} characters.", reason="INVALID_TITLE")
        check_draft(schedule.draft)
        check_timetable(schedule.timetable)
        if schedule.timetable.time_zone not in self._zones:
            raise InvalidArgument(
                f"There is no time zone {schedule.timetable.time_zone[:60]!r}. Time zones look like Europe/Stockholm.",
                reason="INVALID_TIME_ZONE",
            )
        await self._operations.targets_of(caller, schedule.draft)
        schedule = self._due(schedule)
        if schedule.enabled and schedule.next_run_at is None:
            raise InvalidArgument("That time is over already. Give a later one.", reason="TIME_IS_OVER")
        return schedule

    def _due(self, schedule: Schedule) -> Schedule:
        due = next_run(schedule.timetable, self._now()) if schedule.enabled else None
        return msgspec.structs.replace(schedule, next_run_at=due)


def _told(schedule: Schedule) -> _Told:
    return _Told(schedule.title, kind_of(schedule.draft.order), schedule.timetable, schedule.enabled)
