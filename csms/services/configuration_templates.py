"""Templates: kept by those who configure the whole system, applied to stations by the server."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import Final

import msgspec

from csms.domain.access import Action, Principal, Reach, check, denied, reach
from csms.domain.configuration import (
    TAKEN,
    Desired,
    Planned,
    Template,
    check_template,
    matches,
    plan_templates,
)
from csms.domain.errors import InvalidArgument, NotFound
from csms.ports.configuration import ConfigurationStore, StationNow
from csms.services.audit import note_change
from csms.services.scopes import Scopes
from csms.services.station_settings import StationSettings, kind_of

MAX_STATIONS: Final = 1000
EDITABLE: Final = ("display_name", "vendor", "model", "firmware", "family", "priority", "enabled", "variables")


class ConfigurationTemplates:
    """All raise PermissionDenied, NotFound, and Unavailable while the database is away."""

    def __init__(
        self,
        store: ConfigurationStore,
        settings: StationSettings,
        scopes: Scopes,
        *,
        wake: Callable[[], None],
        now: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._settings = settings
        self._scopes = scopes
        self._wake = wake
        self._now = now

    async def all(self, caller: Principal) -> Sequence[Template]:
        """For who configures stations; the highest priority first."""
        _check_reading(caller)
        return await self._store.templates()

    async def get(self, caller: Principal, template_id: int) -> Template:
        """One."""
        _check_reading(caller)
        return await self._store.find_template(template_id)

    async def create(self, caller: Principal, template: Template) -> Template:
        """Raises InvalidArgument, AlreadyExists."""
        check(caller, Action.CONFIGURE_STATIONS)
        made = await self._store.create_template(check_template(template))
        note_change(_name(made.id), None, made)
        return made

    async def update(
        self, caller: Principal, wanted: Template, fields: Collection[str], *, version: int | None
    ) -> Template:
        """Changes `fields`. Raises InvalidArgument, AlreadyExists, StaleVersion."""
        check(caller, Action.CONFIGURE_STATIONS)
        before = await self._store.find_template(wanted.id)
        new = msgspec.structs.replace(before, **{name: getattr(wanted, name) for name in fields if name in EDITABLE})
        made = await self._store.update_template(check_template(new), version=version)
        note_change(_name(made.id), before, made)
        return made

    async def delete(self, caller: Principal, template_id: int) -> None:
        """What stations were set to stays."""
        check(caller, Action.CONFIGURE_STATIONS)
        before = await self._store.find_template(template_id)
        await self._store.delete_template(template_id)
        note_change(_name(template_id), before, None)

    async def preview(self, caller: Principal, station_id: int, template_id: int | None) -> Sequence[Planned]:
        """What one (None: all enabled ones that fit) would make of a station."""
        await self._scopes.check_station(caller, Action.CONFIGURE_STATIONS, station_id)
        return await self.plan(await self._store.now(station_id), template_id)

    async def apply(
        self,
        caller: Principal,
        template_id: int | None,
        station_ids: Sequence[int],
        place_id: int | None,
        *,
        upload: bool,
    ) -> int:
        """Have it done to stations, or to all in a place that it fits. How many stations."""
        if bool(station_ids) == (place_id is not None) or len(station_ids) > MAX_STATIONS:
            await self._scopes.of(caller, Action.CONFIGURE_STATIONS)
            raise InvalidArgument(f"Name 1 to {MAX_STATIONS} stations, or a place.", reason="INVALID_NAMES")
        chosen = list(dict.fromkeys(station_ids))
        if place_id is None:
            await self._scopes.check_stations(caller, Action.CONFIGURE_STATIONS, chosen)
            for station_id in chosen:
                await self._store.now(station_id)
        templates = [await self._store.find_template(template_id)] if template_id else await self._store.templates()
        if place_id is not None:
            scope, places = await self._scopes.narrowed(caller, Action.CONFIGURE_STATIONS, place_id, None)
            tried = [msgspec.structs.replace(each, enabled=True) for each in templates] if template_id else templates
            chosen = [
                each.station_id
                for each in await self._store.candidates(places, scope)
                if any(matches(template, kind_of(each)) for template in tried)
            ]
        count = await self._store.request(
            chosen, self._now(), apply=True, template_id=template_id, by=caller.name, upload=upload
        )
        note_change(_name(template_id) if template_id else "configurationTemplates")
        self._wake()
        return count

    # -- what the server does ------------------------------------------------------------------------------------------

    async def plan(self, station: StationNow, template_id: int | None) -> list[Planned]:
        """One template, whether it fits or not; None: all enabled ones that fit. One that is gone wants nothing."""
        kind = kind_of(station)
        try:
            chosen = (
                [each for each in await self._store.templates() if matches(each, kind)]
                if template_id is None
                else [await self._store.find_template(template_id)]
            )
        except NotFound as error:
            if error.reason != "TEMPLATE_NOT_FOUND":
                raise
            chosen = []
        return plan_templates(chosen, kind, await self._settings.all(station.station_id))

    async def carry_out(self, station: StationNow, template_id: int | None, by: str) -> int:
        """Make wishes of templates. `by` empty: at the first connection, when wishes of people stand. How many."""
        now = self._now()
        wishes = []
        for each in await self.plan(station, template_id):
            old = each.setting.desired
            if each.problem or (old is not None and not by and old.template_id is None):
                continue
            if old is not None and old.value == each.value and old.state in TAKEN and old.drifted_at is None:
                continue
            place = each.setting.place if old is None else old.place
            wishes.append(Desired(place, each.value, now, by or _name(each.template.id), template_id=each.template.id))
        if wishes:
            await self._store.want(station.station_id, wishes)
        return len(wishes)


def _check_reading(caller: Principal) -> None:
    if reach(caller, Action.CONFIGURE_STATIONS) not in (Reach.ALL, Reach.SITES):
        raise denied(caller, Action.CONFIGURE_STATIONS)


def _name(template_id: int) -> str:
    return f"configurationTemplates/{template_id}"
