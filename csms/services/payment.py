"""Running cost and tariffs at stations, and VAT numbers for bills."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import datetime
from typing import Final

import msgspec

from csms.domain.access import Action, Principal
from csms.domain.errors import FailedPrecondition, InvalidArgument, NotFound
from csms.domain.payment import (
    TARIFF_ITEM,
    ChangeTransactionTariff,
    ClearTariffs,
    CostUpdated,
    GetTariffs,
    NotifyWebPaymentStarted,
    SetDefaultTariff,
    TariffsCleared,
    TariffsFound,
    VatNumberAsked,
    VatNumberReply,
)
from csms.domain.station_tariff import StationTariff, TariffAssignment
from csms.ports.inventory import Inventory
from csms.ports.queries import SessionQueries
from csms.ports.vat import VatRegister
from csms.services.remote import CommandOutcome, Remote, Target

MAX_TARIFF_ID: Final = 60
MAX_WAIT_S: Final = 3_600
_GONE: Final = frozenset({"Accepted", "NoTariff"})
_encode: Final = msgspec.json.Encoder().encode


class HeldTariff(msgspec.Struct, frozen=True):
    """The body of an item `tariff`, whose key is EVSE/tariff id. `tariff`: what we sent; None where the station only
    told the assignment."""

    evse_id: int
    tariff_id: str
    tariff: StationTariff | None = None
    assignment: TariffAssignment | None = None


class Payments:
    """Use cases of people. All raise PermissionDenied, Unavailable while the database is away, and what `Remote`
    raises."""

    def __init__(
        self, remote: Remote, sessions: SessionQueries, inventory: Inventory, *, now: Callable[[], datetime]
    ) -> None:
        self._remote = remote
        self._scopes = remote.scopes
        self._sessions = sessions
        self._inventory = inventory
        self._now = now

    async def cost_updated(
        self, caller: Principal, target: Target, session_id: int, total_cost: float
    ) -> CommandOutcome:
        """Show the running cost of a session (taxes included) on the station's display. Raises NotFound,
        InvalidArgument, FailedPrecondition."""
        await self._scopes.check_station(caller, Action.OPERATE_STATIONS, target.station_id)
        if not (math.isfinite(total_cost) and total_cost >= 0):
            raise InvalidArgument("A cost is a number from 0 up.", reason="INVALID_COST")
        transaction_id = await self._transaction(target.station_id, session_id)
        return await self._remote.command(caller, target, CostUpdated(transaction_id, total_cost))

    async def notify_web_payment_started(
        self, caller: Principal, target: Target, evse_id: int, wait_s: float
    ) -> CommandOutcome:
        """Tell an EVSE that somebody pays for it in a browser; it waits so many seconds for the start. Raises
        InvalidArgument."""
        await self._scopes.check_station(caller, Action.OPERATE_STATIONS, target.station_id)
        if evse_id < 1:
            raise InvalidArgument("Say for which EVSE somebody pays; they count from 1.", reason="INVALID_EVSE")
        if not 1 <= wait_s <= MAX_WAIT_S:
            raise InvalidArgument("The station waits a second to an hour for a payment.", reason="INVALID_WAIT")
        return await self._remote.command(caller, target, NotifyWebPaymentStarted(evse_id, round(wait_s)))

    async def set_default_tariff(
        self, caller: Principal, target: Target, evse_id: int, tariff: StationTariff
    ) -> CommandOutcome:
        """Have an EVSE (0: all) reckon with a tariff whatever the driver. Raises InvalidArgument."""
        await self._scopes.check_station(caller, Action.CONFIGURE_STATIONS, target.station_id)
        _check_evse(evse_id)
        _check_tariff(tariff)
        command = SetDefaultTariff(evse_id, tariff)
        outcome = await self._remote.command(caller, target, command, Action.CONFIGURE_STATIONS)
        if outcome.answer.accepted:
            held = HeldTariff(evse_id, tariff.tariff_id, tariff)
            await self._keep(target.station_id, held, _encode(held))
        return outcome

    async def get_tariffs(
        self, caller: Principal, target: Target, evse_id: int
    ) -> tuple[CommandOutcome, tuple[TariffAssignment, ...]]:
        """Which tariffs it has, for an EVSE (0: all)."""
        await self._scopes.check_station(caller, Action.CONFIGURE_STATIONS, target.station_id)
        _check_evse(evse_id)
        started = self._now()
        outcome = await self._remote.command(caller, target, GetTariffs(evse_id), Action.CONFIGURE_STATIONS)
        found = outcome.answer.result
        assignments = found.assignments if isinstance(found, TariffsFound) else ()
        if outcome.answer.accepted:
            await self._take_in(target.station_id, assignments)
            if evse_id == 0:
                await self._inventory.drop_items(target.station_id, TARIFF_ITEM, before=started)
        return outcome, assignments

    async def clear_tariffs(
        self, caller: Principal, target: Target, tariff_ids: tuple[str, ...], evse_id: int | None
    ) -> CommandOutcome:
        """Take tariffs away: those named (none: all), at an EVSE (None: everywhere). What became of each is in the
        answer's result."""
        await self._scopes.check_station(caller, Action.CONFIGURE_STATIONS, target.station_id)
        _check_evse(evse_id or 0)
        command = ClearTariffs(tariff_ids, evse_id)
        outcome = await self._remote.command(caller, target, command, Action.CONFIGURE_STATIONS)
        if isinstance(outcome.answer.result, TariffsCleared):
            results = outcome.answer.result.results
            gone = {each.tariff_id for each in results if each.status in _GONE}
            for item in await self._inventory.items(target.station_id, TARIFF_ITEM):
                held = msgspec.json.decode(item.body, type=HeldTariff)
                if (held.tariff_id in gone or None in gone) and evse_id in (None, held.evse_id):
                    await self._keep(target.station_id, held, None)
        return outcome

    async def change_transaction_tariff(
        self, caller: Principal, target: Target, session_id: int, tariff: StationTariff
    ) -> CommandOutcome:
        """Reckon a session with another tariff from now on. Raises NotFound, InvalidArgument, FailedPrecondition."""
        await self._scopes.check_station(caller, Action.OPERATE_STATIONS, target.station_id)
        _check_tariff(tariff)
        transaction_id = await self._transaction(target.station_id, session_id)
        return await self._remote.command(caller, target, ChangeTransactionTariff(transaction_id, tariff))

    async def _transaction(self, station_id: int, session_id: int) -> str:
        found = await self._sessions.get_sessions([session_id])
        if not found:
            raise NotFound(f"There is no session {session_id}.", reason="SESSION_NOT_FOUND")
        session = found[0]
        if session.station_id != station_id:
            raise FailedPrecondition(
                f"Session {session_id} is not at this station. Name the session's own.", reason="STATION_MISMATCH"
            )
        return session.transaction.transaction_id or str(session.transaction.id)

    async def _take_in(self, station_id: int, assignments: tuple[TariffAssignment, ...]) -> None:
        """What the station has, as it told; what we sent it stays with it."""
        known: dict[str, HeldTariff] = {}
        for item in await self._inventory.items(station_id, TARIFF_ITEM):
            known[item.key] = msgspec.json.decode(item.body, type=HeldTariff)
        for assignment in assignments:
            for evse_id in assignment.evse_ids or (0,):
                held = HeldTariff(evse_id, assignment.tariff_id, assignment=assignment)
                before = known.get(_key(held))
                if before is not None:
                    held = msgspec.structs.replace(held, tariff=before.tariff)
                await self._keep(station_id, held, _encode(held))

    async def _keep(self, station_id: int, held: HeldTariff, body: bytes | None) -> None:
        await self._inventory.put_item(station_id, TARIFF_ITEM, _key(held), body, self._now())


class VatNumbers:
    """Answers stations that ask about a VAT number (`csms.services.consulting`)."""

    def __init__(self, register: VatRegister | None) -> None:
        self._register = register

    async def answer(self, _station_id: int, fact: VatNumberAsked) -> VatNumberReply | None:
        """None without a register: the station is told so. Raises Unavailable."""
        if self._register is None:
            return None
        company = await self._register.lookup(fact.vat_number)
        if company is None:
            return VatNumberReply(
                accepted=False, reason_code="UnknownVatNumber", additional_info="Nobody has this VAT number."
            )
        return VatNumberReply(accepted=True, company=company)


def _key(held: HeldTariff) -> str:
    return f"{held.evse_id}/{held.tariff_id}"


def _check_evse(evse_id: int) -> None:
    if evse_id < 0:
        raise InvalidArgument("EVSEs count from 1; 0 means all of them.", reason="INVALID_EVSE")


def _check_tariff(tariff: StationTariff) -> None:
    if not 0 < len(tariff.tariff_id) <= MAX_TARIFF_ID:
        raise InvalidArgument(f"A tariff has an id of 1 to {MAX_TARIFF_ID} characters.", reason="INVALID_TARIFF_ID")
    if len(tariff.currency) != 3 or not tariff.currency.isalpha() or not tariff.currency.isupper():
        raise InvalidArgument("Give the currency as three capital letters, for example EUR.", reason="INVALID_CURRENCY")
