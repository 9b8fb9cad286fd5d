"""DER controls: grid support that 2.1 stations give (block R)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

import msgspec

from csms.domain import der as domain
from csms.domain.access import Action, Principal
from csms.domain.errors import InvalidArgument, NotFound
from csms.domain.facts import Reply
from csms.domain.records import JobKind
from csms.ports.inventory import Inventory
from csms.ports.stores import StationStore
from csms.services.remote import CommandOutcome, Remote, Target
from csms.services.station_reports import ReportOrdered, StationReports

_encode = msgspec.json.Encoder().encode
_read = msgspec.json.Decoder(domain.DerControl).decode
_read_state = msgspec.json.Decoder(domain.DerStartStopTold).decode


class StoredControl(msgspec.Struct, frozen=True):
    """A control that a station has, as far as we know. `started` None: it told nothing of that."""

    control: domain.DerControl
    at: datetime
    started: bool | None = None


class DerControls:
    """Use cases of people raise PermissionDenied, Unavailable while the database is away, and what `Remote` raises."""

    def __init__(
        self, remote: Remote, inventory: Inventory, stations: StationStore, *, now: Callable[[], datetime]
    ) -> None:
        self._remote = remote
        self._scopes = remote.scopes
        self._inventory = inventory
        self._stations = stations
        self._now = now
        self._reports = StationReports(remote, inventory, JobKind.DER_CONTROLS, domain.CONTROL_ITEM, now=now)

    async def set_der_control(self, caller: Principal, target: Target, command: domain.SetDerControl) -> CommandOutcome:
        """Raises InvalidArgument for a setting that does not fit the type."""
        await self._scopes.check_station(caller, Action.OPERATE_STATIONS, target.station_id)
        domain.check_control(command)
        outcome = await self._remote.command(caller, target, command)
        if outcome.answer.accepted:
            result = outcome.answer.result
            superseded = result.control_ids if isinstance(result, domain.SupersededControls) else ()
            for stored in await self._stored(target.station_id):
                if stored.control.control_id in superseded:
                    await self._put(target.station_id, msgspec.structs.replace(stored.control, is_superseded=True))
            control = domain.DerControl(command.control_id, command.control_type, command.is_default, command.setting)
            await self._put(target.station_id, control)
        return outcome

    async def get_der_control(self, caller: Principal, target: Target, wanted: domain.GetDerControl) -> ReportOrdered:
        """Ask the station to report its controls; `wanted.request_id` is made here."""
        await self._scopes.check_station(caller, Action.OPERATE_STATIONS, target.station_id)
        if wanted.control_type is not None:
            domain.setting_name(wanted.control_type)
        asked: dict[str, object] = {
            "control_id": wanted.control_id,
            "control_type": wanted.control_type,
            "is_default": wanted.is_default,
        }
        return await self._reports.order(
            caller, target, lambda number: msgspec.structs.replace(wanted, request_id=number), asked=asked
        )

    async def clear_der_control(
        self, caller: Principal, target: Target, command: domain.ClearDerControl
    ) -> CommandOutcome:
        """By id, else all defaults or all scheduled ones, of a type if one is given."""
        await self._scopes.check_station(caller, Action.OPERATE_STATIONS, target.station_id)
        if command.control_id is not None and command.control_type is not None:
            raise InvalidArgument("Clear a DER control by its id or by its type, not by both.", reason="INVALID_FILTER")
        if command.control_type is not None:
            domain.setting_name(command.control_type)
        outcome = await self._remote.command(caller, target, command)
        if outcome.answer.accepted or outcome.answer.status == "NotFound":
            for stored in await self._stored(target.station_id):
                if domain.clears(command, stored.control):
                    await self._forget(target.station_id, stored.control.control_id)
        return outcome

    async def list_der_controls(self, caller: Principal, station_id: int) -> Sequence[StoredControl]:
        """What we know that the station has, by type and id. Raises NotFound."""
        await self._scopes.check_station(caller, Action.READ_STATIONS, station_id)
        stored = await self._stored(station_id)
        if not stored and await self._stations.find(station_id) is None:
            raise NotFound(f"There is no station {station_id} (any more).", reason="STATION_NOT_FOUND")
        return sorted(stored, key=lambda each: (each.control.control_type, each.control.control_id))

    async def report_ended(self, station_id: int, fact: domain.DerControlsReported, _reply: Reply) -> None:
        """A report of all controls is whole: the rest is gone."""
        if not fact.more:
            await self._reports.ended(station_id, fact.request_id)

    async def _stored(self, station_id: int) -> list[StoredControl]:
        states = {
            item.key: _read_state(item.body).started
            for item in await self._inventory.items(station_id, domain.STATE_ITEM)
        }
        return [
            StoredControl(_read(item.body), item.at, states.get(item.key))
            for item in await self._inventory.items(station_id, domain.CONTROL_ITEM)
        ]

    async def _put(self, station_id: int, control: domain.DerControl) -> None:
        body = _encode(control)
        await self._inventory.put_item(station_id, domain.CONTROL_ITEM, control.control_id, body, self._now())

    async def _forget(self, station_id: int, control_id: str) -> None:
        for kind in (domain.CONTROL_ITEM, domain.STATE_ITEM):
            await self._inventory.put_item(station_id, kind, control_id, None, self._now())
