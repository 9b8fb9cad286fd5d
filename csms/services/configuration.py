"""What people do with the settings of stations: look, wish, upload, read anew."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

import msgspec

from csms.domain.access import Action, Principal
from csms.domain.configuration import (
    MAX_AT_ONCE,
    Desired,
    DesiredState,
    Setting,
    check_value,
    read_place,
)
from csms.domain.errors import FailedPrecondition, InvalidArgument
from csms.domain.known_variables import known_variable
from csms.ports.configuration import ConfigurationStatus, ConfigurationStore, DriftFilter, DriftRow
from csms.services.audit import note_change
from csms.services.remote import Target
from csms.services.scopes import Scopes
from csms.services.station_settings import StationSettings, kind_of

OFFLINE: Final = "STATION_OFFLINE"


class SettingFilter(msgspec.Struct, frozen=True):
    """All conditions must hold. `query`: part of the name or a value."""

    query: str = ""
    only_differences: bool = False
    only_desired: bool = False


class Overview(msgspec.Struct, frozen=True):
    """Settings that were asked for, how many of all differ, and where the server is with the station."""

    settings: Sequence[Setting]
    differences: int
    status: ConfigurationStatus


class Uploaded(msgspec.Struct, frozen=True):
    """What was sent, with its answers; `queued`: what waits for the station."""

    settings: Sequence[Setting]
    queued: bool = False

    @property
    def reboot_required(self) -> bool:
        """Not all of it counts before the next start."""
        return any(each.desired is not None and each.reboot_required for each in self.settings) and not self.queued


class Wish(msgspec.Struct, frozen=True):
    """For the audit log."""

    values: dict[str, str]


class Configuration:
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

    async def overview(self, caller: Principal, station_id: int, wanted: SettingFilter) -> Overview:
        """The settings of a station, in the order of their names."""
        await self._check(caller, station_id)
        status = (await self._store.now(station_id)).status
        found = await self._settings.all(station_id)
        return Overview([each for each in found if _admits(wanted, each)], differences(found), status)

    async def set_desired(
        self, caller: Principal, station_id: int, values: Sequence[tuple[str, str]]
    ) -> Sequence[Setting]:
        """Keep wishes; nothing is sent. Raises InvalidArgument for a value that the station does not take."""
        await self._check(caller, station_id)
        if not 0 < len(values) <= MAX_AT_ONCE:
            raise InvalidArgument(f"Give 1 to {MAX_AT_ONCE} settings.", reason="INVALID_VARIABLES")
        station = await self._store.now(station_id)
        now = self._now()
        here = {each.place.folded(): each for each in await self._settings.all(station_id)}
        wishes: dict[object, Desired] = {}
        before: dict[str, str] = {}
        for name, value in values:
            place = read_place(name, keys=kind_of(station).has_keys)
            setting = here.get(place.folded()) or Setting(place, known_variable(place))
            check_value(setting, value)
            if place.folded() in wishes:
                raise InvalidArgument(f"{name} is given twice.", reason="INVALID_VARIABLES")
            old = setting.desired
            if old is not None:
                before[setting.name] = old.value
            stored = setting.place if old is None else old.place
            wishes[place.folded()] = Desired(stored, value, now, caller.name)
        await self._store.want(station_id, list(wishes.values()))
        note_change(f"stations/{station_id}/configuration", Wish(before), Wish(dict(values)))
        await self._settings.compare(station_id)
        return [each for each in await self._settings.all(station_id) if each.place.folded() in wishes]

    async def clear_desired(
        self, caller: Principal, station_id: int, names: Sequence[str], *, everything: bool = False
    ) -> int:
        """Nothing is wanted of these any more. How many there were."""
        await self._check(caller, station_id)
        if bool(names) == everything:
            raise InvalidArgument("Name settings, or say that all are meant.", reason="INVALID_VARIABLES")
        await self._store.now(station_id)
        chosen = {name.casefold() for name in names}
        gone = [
            each
            for each in await self._settings.all(station_id)
            if each.desired is not None and (everything or each.name.casefold() in chosen)
        ]
        wishes = [each.desired for each in gone if each.desired is not None]
        count = await self._store.drop(station_id, [wish.place for wish in wishes])
        before = Wish({each.name: wish.value for each, wish in zip(gone, wishes, strict=True)})
        note_change(f"stations/{station_id}/configuration", before, Wish({}))
        await self._settings.compare(station_id)
        return count

    async def upload(
        self, caller: Principal, target: Target, names: Sequence[str] = (), *, when_connected: bool = False
    ) -> Uploaded:
        """Send what differs. Raises also what `Remote.set_variables` raises, if nothing could be sent."""
        station_id = target.station_id
        await self._check(caller, station_id)
        await self._store.now(station_id)
        note_change(f"stations/{station_id}/configuration")
        try:
            return Uploaded(await self._settings.send(caller, target, only=names))
        except FailedPrecondition as error:
            if error.reason != OFFLINE or not when_connected:
                raise
        waiting = [each for each in await self._settings.all(station_id) if each.to_send]
        again = [msgspec.structs.replace(each.desired, state=DesiredState.PENDING) for each in waiting if each.desired]
        await self._store.note(station_id, again)
        await self._store.request([station_id], self._now(), upload=True)
        self._wake()
        waiting = [each for each in await self._settings.all(station_id) if each.to_send]
        return Uploaded(waiting, queued=True)

    async def refresh(self, caller: Principal, target: Target) -> tuple[bool, Sequence[Setting]]:
        """Read everything from the station: whether all came, and what is known now."""
        await self._check(caller, target.station_id)
        whole = await self._settings.read(caller, target)
        return whole, await self._settings.all(target.station_id)

    async def drift(
        self,
        caller: Principal,
        wanted: DriftFilter,
        *,
        place_id: int | None = None,
        group_id: int | None = None,
        size: int,
        after: tuple[str, int] | None,
    ) -> tuple[Sequence[DriftRow], int]:
        """Stations that are not as wanted, of those that the caller may configure."""
        scope, places = await self._scopes.narrowed(caller, Action.CONFIGURE_STATIONS, place_id, group_id)
        wanted = msgspec.structs.replace(wanted, scope=scope, place_ids=places)
        return await self._store.page_drift(wanted, size=size, after=after)

    async def _check(self, caller: Principal, station_id: int) -> None:
        await self._scopes.check_station(caller, Action.CONFIGURE_STATIONS, station_id)


def differences(settings: Sequence[Setting]) -> int:
    """How many differ from what is wanted."""
    return sum(each.differs for each in settings)


def _admits(wanted: SettingFilter, setting: Setting) -> bool:
    if wanted.only_differences and not setting.differs:
        return False
    if wanted.only_desired and setting.desired is None:
        return False
    texts = [setting.name]
    if setting.reported is not None and setting.reported.value:
        texts.append(setting.reported.value)
    if setting.desired is not None:
        texts.append(setting.desired.value)
    return wanted.query.strip().casefold() in "\n".join(texts).casefold()
