"""Alarms and the event log, for people."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime

import msgspec

from csms.domain.access import Action, Principal
from csms.domain.alarms import Clearing, Happening, check_handling
from csms.domain.errors import InvalidArgument, NotFound
from csms.domain.topology import Tree
from csms.ports.alarms import (
    AlarmFilter,
    AlarmNumber,
    AlarmOrder,
    AlarmPosition,
    AlarmStore,
    AlarmView,
    Batch,
    LogFilter,
    LoggedEvent,
    LogPosition,
)
from csms.ports.feed import Feed
from csms.ports.webhooks import WebhookStore
from csms.services.alarm_telling import Place, events_of, outgoing_of, place_name, publish
from csms.services.audit import note_change
from csms.services.scopes import Scopes


class Alarms:
    """Use cases. All raise PermissionDenied, and Unavailable while the database is away."""

    def __init__(
        self,
        store: AlarmStore,
        webhooks: WebhookStore,
        scopes: Scopes,
        tree: Callable[[], Tree],
        feed: Feed,
        *,
        wake_webhooks: Callable[[], None] = lambda: None,
        now: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._webhooks = webhooks
        self._scopes = scopes
        self._tree = tree
        self._feed = feed
        self._wake_webhooks = wake_webhooks
        self._now = now

    def place_name(self, place_id: int) -> str:
        """For people; empty when it is gone."""
        return place_name(self._tree(), place_id)

    # -- reading -------------------------------------------------------------------------------------------------------

    async def page(
        self,
        caller: Principal,
        wanted: AlarmFilter,
        order: AlarmOrder,
        *,
        place_id: int | None = None,
        group_id: int | None = None,
        size: int,
        after: AlarmPosition | None,
    ) -> tuple[Sequence[AlarmView], int]:
        """In this order, after a place; and how many match in all. Raises NotFound for a place, station or group out of
        sight."""
        if wanted.station_id is not None:
            await self._scopes.check_station(caller, Action.READ_ALARMS, wanted.station_id)
        scope, places = await self._scopes.narrowed(caller, Action.READ_ALARMS, place_id, group_id)
        wanted = msgspec.structs.replace(wanted, scope=scope, place_ids=places)
        return await self._store.page(wanted, order, size=size, after=after), await self._store.count(wanted)

    async def get(self, caller: Principal, alarm_id: int) -> AlarmView:
        """Raises NotFound."""
        scope = await self._scopes.of(caller, Action.READ_ALARMS)
        found = await self._store.find([alarm_id], scope)
        if not found:
            raise _no_alarm(alarm_id)
        return found[0]

    async def summarize(
        self, caller: Principal, *, place_id: int | None = None, group_id: int | None = None
    ) -> Sequence[AlarmNumber]:
        """The active ones, by kind and severity, the worst first. Raises NotFound."""
        scope, places = await self._scopes.narrowed(caller, Action.READ_ALARMS, place_id, group_id)
        return await self._store.summarize(places, scope)

    async def page_log(
        self,
        caller: Principal,
        wanted: LogFilter,
        *,
        place_id: int | None = None,
        group_id: int | None = None,
        size: int,
        before: LogPosition | None,
    ) -> Sequence[LoggedEvent]:
        """The event log, newest first. Raises NotFound, InvalidArgument."""
        if wanted.severity is not None and not 0 <= wanted.severity <= 9:
            raise InvalidArgument("A severity is a number from 0 (danger) to 9 (debug).", reason="INVALID_FILTER")
        if wanted.station_id is not None:
            await self._scopes.check_station(caller, Action.READ_ALARMS, wanted.station_id)
        scope, places = await self._scopes.narrowed(caller, Action.READ_ALARMS, place_id, group_id)
        wanted = msgspec.structs.replace(wanted, scope=scope, place_ids=places)
        return await self._store.page_log(wanted, size=size, before=before)

    # -- handling ------------------------------------------------------------------------------------------------------

    async def acknowledge(self, caller: Principal, ids: Sequence[int], note: str) -> Sequence[AlarmView]:
        """Take notice. Raises InvalidArgument, NotFound."""
        views = await self._must_see(caller, ids, note)
        now = self._now()
        batch = await self._batch(
            [
                msgspec.structs.replace(
                    view,
                    alarm=msgspec.structs.replace(
                        view.alarm, acknowledged_at=now, acknowledged_by=caller.name, note=note or view.alarm.note
                    ),
                )
                for view in views
                if view.alarm.acknowledged_at is None
            ],
            Happening.ACKNOWLEDGED,
            now,
        )
        await self._store.acknowledge(ids, caller.name, note, batch)
        return await self._done(caller, views)

    async def clear(self, caller: Principal, ids: Sequence[int], note: str) -> Sequence[AlarmView]:
        """End by hand those that go on. Raises InvalidArgument, NotFound."""
        views = await self._must_see(caller, ids, note)
        now = self._now()
        batch = await self._batch(
            [
                msgspec.structs.replace(
                    view,
                    alarm=msgspec.structs.replace(
                        view.alarm,
                        cleared_at=max(now, view.alarm.last_raised_at),
                        clearing=Clearing.BY_HAND,
                        cleared_by=caller.name,
                        note=note or view.alarm.note,
                    ),
                )
                for view in views
                if view.alarm.active
            ],
            Happening.CLEARED,
            now,
        )
        await self._store.clear(ids, caller.name, note, batch)
        return await self._done(caller, views)

    # -- inside --------------------------------------------------------------------------------------------------------

    async def _must_see(self, caller: Principal, ids: Sequence[int], note: str) -> Sequence[AlarmView]:
        scope = await self._scopes.of(caller, Action.HANDLE_ALARMS)
        check_handling(len(ids), note)
        found = await self._store.find(ids, scope)
        views = {view.alarm.id: view for view in found}
        missing = set(ids) - views.keys()
        if missing:
            raise _no_alarm(min(missing))
        return [views[number] for number in dict.fromkeys(ids)]

    async def _batch(self, views: Collection[AlarmView], happening: Happening, now: datetime) -> Batch:
        tree = self._tree()
        hooks = [hook for hook in await self._webhooks.all() if hook.enabled] if views else []
        told = [(view.alarm, happening, Place(view.place_id, view.station_name, tree)) for view in views]
        return Batch(
            now,
            events=[event for each in told for event in events_of(*each, at=now)],
            outgoing=[sent for each in told for sent in outgoing_of(*each, hooks, tree, at=now)],
        )

    async def _done(self, caller: Principal, views: Sequence[AlarmView]) -> Sequence[AlarmView]:
        publish(self._feed, ((view.alarm, view.place_id) for view in views))
        ids = [view.alarm.id for view in views]
        note_change("alarms/" + ",".join(str(number) for number in ids[:20]))
        self._wake_webhooks()
        scope = await self._scopes.of(caller, Action.HANDLE_ALARMS)
        found = {view.alarm.id: view for view in await self._store.find(ids, scope)}
        return [found[number] for number in ids if number in found]


def _no_alarm(alarm_id: int) -> NotFound:
    return NotFound(f"There is no alarm {alarm_id} (any more).", reason="ALARM_NOT_FOUND")
