"""Pictures of stations, plans of floors, and where stations stand on them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Final

import trio

from csms.domain.access import Action, Principal
from csms.domain.errors import InvalidArgument, NotFound
from csms.domain.topology import PlaceKind
from csms.domain.transfers import FileKind, StoredFile, too_large
from csms.ports.feed import Feed, Subject
from csms.ports.files import FileStore, Vault
from csms.ports.pictures import Draughtsman, Picture, PictureStore, Position
from csms.services.audit import note_change
from csms.services.places import Places
from csms.services.transfers import Transfers

SLOTS: Final = (1, 2)
ENDINGS: Final = {"image/jpeg": "jpg", "image/png": "png"}


class Pictures:
    """Use cases of people."""

    def __init__(
        self,
        store: PictureStore,
        files: FileStore,
        vault: Vault,
        transfers: Transfers,
        draughtsman: Draughtsman,
        places: Places,
        feed: Feed,
        *,
        now: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._files = files
        self._vault = vault
        self._transfers = transfers
        self._draughtsman = draughtsman
        self._places = places
        self._scopes = places.scopes
        self._feed = feed
        self._now = now

    # -- pictures of stations --------------------------------------------------------------------------------------

    async def upload_picture(self, caller: Principal, station_id: int, slot: int, content: bytes) -> Picture:
        """Raises InvalidArgument, Exhausted, NotFound, PermissionDenied."""
        await self._scopes.check_station(caller, Action.EDIT_STATIONS, station_id)
        _check_slot(slot)
        drawn = await self._draw(caller, content, FileKind.PICTURE, slot=slot, station_id=station_id)
        made, old = await self._kept(drawn, self._store.put_picture(station_id, drawn))
        await self._forget(old)
        note_change(f"stations/{station_id}/pictures/{slot}", old, made)
        self._feed.publish(Subject.STATION, station_id)
        return made

    async def pictures(self, caller: Principal, station_id: int) -> Sequence[Picture]:
        """At most two. Raises NotFound, PermissionDenied."""
        await self._scopes.check_station(caller, Action.READ_STATIONS, station_id)
        return await self._store.pictures(station_id)

    async def picture_content(
        self, caller: Principal, station_id: int, slot: int, *, thumbnail: bool
    ) -> tuple[Picture, bytes]:
        """Raises NotFound, PermissionDenied."""
        _check_slot(slot)
        for picture in await self.pictures(caller, station_id):
            if picture.slot == slot:
                return picture, await self._content(picture, thumbnail=thumbnail)
        raise _no_picture()

    async def delete_picture(self, caller: Principal, station_id: int, slot: int) -> None:
        """Raises NotFound, PermissionDenied."""
        await self._scopes.check_station(caller, Action.EDIT_STATIONS, station_id)
        _check_slot(slot)
        old = await self._store.delete_picture(station_id, slot)
        if old is None:
            raise _no_picture()
        await self._forget(old)
        note_change(f"stations/{station_id}/pictures/{slot}", old)
        self._feed.publish(Subject.STATION, station_id)

    # -- plans -----------------------------------------------------------------------------------------------------

    async def upload_plan(self, caller: Principal, place_id: int, content: bytes) -> Picture:
        """Raises InvalidArgument, Exhausted, NotFound, PermissionDenied."""
        await self._scopes.of(caller, Action.EDIT_PLACES)
        await self._places.get(caller, place_id)
        await self._scopes.check_place(caller, Action.EDIT_PLACES, place_id)
        if self._places.tree.get(place_id).kind not in (PlaceKind.FLOOR, PlaceKind.SITE):
            raise InvalidArgument("Only floors and sites have a plan.", reason="NO_PLAN_HERE")
        drawn = await self._draw(caller, content, FileKind.FLOOR_PLAN, place_id=place_id)
        made, old = await self._kept(drawn, self._store.put_plan(place_id, drawn))
        await self._forget(old)
        note_change(f"places/{place_id}/plan", old, made)
        return made

    async def plan(self, caller: Principal, place_id: int) -> tuple[Picture | None, Sequence[Position]]:
        """And the stations on it that the caller sees. Raises NotFound, PermissionDenied."""
        await self._places.get(caller, place_id)
        scope = await self._scopes.of(caller, Action.READ_STATIONS)
        return await self._store.find_plan(place_id), await self._store.positions(place_id, scope)

    async def plan_content(self, caller: Principal, place_id: int, *, thumbnail: bool) -> tuple[Picture, bytes]:
        """Raises NotFound, PermissionDenied."""
        await self._places.get(caller, place_id)
        picture = await self._store.find_plan(place_id)
        if picture is None:
            raise _no_picture()
        return picture, await self._content(picture, thumbnail=thumbnail)

    async def delete_plan(self, caller: Principal, place_id: int) -> None:
        """Raises NotFound, PermissionDenied."""
        await self._scopes.of(caller, Action.EDIT_PLACES)
        await self._places.get(caller, place_id)
        await self._scopes.check_place(caller, Action.EDIT_PLACES, place_id)
        old = await self._store.delete_plan(place_id)
        if old is None:
            raise _no_picture()
        await self._forget(old)
        note_change(f"places/{place_id}/plan", old)

    async def set_position(self, caller: Principal, position: Position, *, remove: bool) -> None:
        """Raises InvalidArgument, NotFound, PermissionDenied."""
        await self._scopes.check_station(caller, Action.EDIT_STATIONS, position.station_id)
        if remove:
            await self._store.remove_position(position.station_id)
        else:
            if not (0.0 <= position.x <= 1.0 and 0.0 <= position.y <= 1.0):
                raise InvalidArgument("A position lies between 0 and 1, in both directions.", reason="INVALID_POSITION")
            await self._store.set_position(position)
        note_change(f"stations/{position.station_id}", None, None if remove else position)
        self._feed.publish(Subject.STATION, position.station_id)

    # -- inside ----------------------------------------------------------------------------------------------------

    async def _draw(
        self,
        caller: Principal,
        content: bytes,
        kind: FileKind,
        *,
        slot: int = 0,
        station_id: int | None = None,
        place_id: int | None = None,
    ) -> Picture:
        """Drawn anew and in the vault, not yet in the database."""
        limit = (await self._files.limits()).picture_max_bytes
        if len(content) > limit:
            raise too_large(limit)
        drawn = await self._draughtsman.draw(content)

        async def put(data: bytes, name: str) -> StoredFile:
            incoming = await self._transfers.room_for(len(data), len(data))
            try:
                await trio.to_thread.run_sync(incoming.write, data)
                vault_name, size, sha256 = await trio.to_thread.run_sync(incoming.finish)
            except BaseException:
                incoming.discard()
                raise
            return StoredFile(
                0,
                kind,
                vault_name,
                f"{name}.{ENDINGS.get(drawn.content_type, 'bin')}",
                drawn.content_type,
                size,
                sha256,
                station_id,
                place_id,
                None,
                caller.name,
                self._now(),
            )

        large = await put(drawn.content, "plan" if kind is FileKind.FLOOR_PLAN else f"picture-{slot}")
        return Picture(large, await put(drawn.thumbnail, "thumbnail"), drawn.width, drawn.height, slot)

    async def _kept(
        self, drawn: Picture, writing: Awaitable[tuple[Picture, Picture | None]]
    ) -> tuple[Picture, Picture | None]:
        try:
            return await writing
        except NotFound:
            await self._forget(drawn)
            raise

    async def _content(self, picture: Picture, *, thumbnail: bool) -> bytes:
        file = picture.thumbnail if thumbnail else picture.file
        return await trio.to_thread.run_sync(self._vault.read, file.vault_name, 0, file.size_bytes)

    async def _forget(self, picture: Picture | None) -> None:
        if picture is not None:
            for file in (picture.file, picture.thumbnail):
                await trio.to_thread.run_sync(self._vault.remove, file.vault_name)


def _check_slot(slot: int) -> None:
    if slot not in SLOTS:
        raise InvalidArgument("A station has two pictures: 1 and 2.", reason="INVALID_SLOT")


def _no_picture() -> NotFound:
    return NotFound("There is no such picture (any more).", reason="PICTURE_NOT_FOUND")
