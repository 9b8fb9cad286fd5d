"""Tolerance by rule: what a link is given to read the messages of a station that is known to deviate.

Messages are read strictly first (but for rules that apply to every message); only what was refused is mended and read
again. A station without rules costs nothing but one look-up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, tzinfo
from typing import Final, Protocol

import msgspec

from csms.domain.commands import Answer, Command
from csms.domain.facts import Fact, Reply
from csms.ocpp.dialect import Dialect
from csms.ocpp.faults import Edition, Fault
from csms.ocpp.frame import Call, Send
from csms.ocpp.mending import Json, Scene, schema_of
from csms.ocpp.quirks import RULES, Mend, Rule
from csms.ocpp.schemas import Direction

__all__ = ["RULES", "Mended", "Rule", "Tolerance", "Tolerant", "TolerantDialect"]

_UNREADABLE: Final = (msgspec.MsgspecError, ValueError, RecursionError, OverflowError)
_encode: Final = msgspec.json.Encoder().encode


class Mended(msgspec.Struct, frozen=True):
    """A payload, and the rules that changed it (none: it is as it came)."""

    payload: msgspec.Raw
    rules: tuple[Rule, ...] = ()


class Tolerant:
    """The rules for one kind of station; without state, so one serves all of them.

    Args:
        names: of rules; unknown ones (of another version of this program) are left out.
        zone: of local times.
    """

    def __init__(self, names: Iterable[str], zone: tzinfo | None = None) -> None:
        wanted = set(names)
        rules = [rule for rule in RULES if rule.name in wanted]
        self._always = tuple(rule for rule in rules if rule.always)
        self._all = (*(rule for rule in rules if not rule.always), *self._always)
        self._healing = tuple(rule for rule in rules if not rule.always)
        self._back = tuple(rule for rule in rules if rule.back is not None)
        self._zone = zone

    def read(self, edition: Edition, action: str, payload: msgspec.Raw, now: datetime) -> Mended:
        """Before a request of the station is decoded."""
        if not self._always:
            return Mended(payload)
        return self._mend(self._always, edition, action, Direction.REQUEST, payload, now)

    def mend(self, edition: Edition, action: str, payload: msgspec.Raw, now: datetime) -> Mended:
        """When it was refused: the request as it came, with all rules."""
        return self._mend(self._all, edition, action, Direction.REQUEST, payload, now)

    def mend_answer(self, edition: Edition, action: str, payload: msgspec.Raw, now: datetime) -> Mended:
        """When an answer of the station was refused."""
        return self._mend(self._healing, edition, action, Direction.RESPONSE, payload, now)

    def write(self, edition: Edition, action: str, payload: bytes, now: datetime) -> Mended:
        """Before a request to the station is sent."""
        raw = msgspec.Raw(payload)
        if not self._back:
            return Mended(raw)
        return self._mend(self._back, edition, action, Direction.REQUEST, raw, now, back=True)

    def _mend(
        self,
        rules: Sequence[Rule],
        edition: Edition,
        action: str,
        direction: Direction,
        payload: msgspec.Raw,
        now: datetime,
        *,
        back: bool = False,
    ) -> Mended:
        schema = schema_of(edition, action, direction)
        if schema is None or not rules:
            return Mended(payload)
        scene = Scene(action, schema, now, self._zone)
        applied: list[Rule] = []
        try:
            value: Json = msgspec.json.decode(payload)
            for rule in rules:
                mend: Mend | None = rule.back if back else rule.mend
                if mend is None or not isinstance(value, dict):
                    continue
                new = mend(value, scene)
                if new is not value:
                    applied.append(rule)
                value = new
            return Mended(msgspec.Raw(_encode(value)), tuple(applied)) if applied else Mended(payload)
        except _UNREADABLE:  # the strict reading says what is wrong with it
            return Mended(payload)


class Tolerance(Protocol):
    """Who knows which stations deviate. Both methods are sync and quick."""

    def rules_of(self, station_id: int) -> Tolerant | None:
        """None: strict."""

    def introduce(self, station_id: int, vendor: str, model: str, firmware: str) -> None:
        """What a station says that it is, before its BootNotification is read."""


def _introduction(payload: msgspec.Raw) -> tuple[str, str, str] | None:
    """(vendor, model, firmware) in a BootNotification of any version, however it deviates; None: not readable."""
    try:
        told = msgspec.json.decode(payload)
    except _UNREADABLE:
        return None
    if not isinstance(told, dict):
        return None
    station = told.get("chargingStation", told)
    if not isinstance(station, dict):
        return None

    def text(*names: str) -> str:
        found = next((station[name] for name in names if name in station), "")
        return str(found).strip() if isinstance(found, str | int | float) else ""

    return (
        text("chargePointVendor", "vendorName"),
        text("chargePointModel", "model"),
        text("firmwareVersion"),
    )


class TolerantDialect(Dialect):
    """A dialect as one station needs it. `remark` is told of every rule that was applied."""

    __slots__ = ("_dialect", "_now", "_remark", "_station_id", "_tolerance")

    def __init__(
        self,
        dialect: Dialect,
        tolerance: Tolerance,
        station_id: int,
        *,
        remark: Callable[[str], None],
        now: Callable[[], datetime],
    ) -> None:
        self._dialect = dialect
        self._tolerance = tolerance
        self._station_id = station_id
        self._remark = remark
        self._now = now

    @property
    def edition(self) -> Edition:
        """The version's own."""
        return self._dialect.edition

    @property
    def subprotocol(self) -> str:
        """The version's own."""
        return self._dialect.subprotocol

    def decode(self, call: Call | Send) -> Fact:
        """Strictly, where no rule helps. Raises Fault with what was wrong with the message as it came."""
        if call.action == "BootNotification" and (told := _introduction(call.payload)) is not None:
            self._tolerance.introduce(self._station_id, *told)
        rules = self._tolerance.rules_of(self._station_id)
        if rules is None:
            return self._dialect.decode(call)
        edition, now = self._dialect.edition, self._now()
        mended = rules.read(edition, call.action, call.payload, now)
        try:
            fact = self._dialect.decode(_with(call, mended.payload))
        except Fault as fault:
            mended = rules.mend(edition, call.action, call.payload, now)
            if not mended.rules:
                raise
            try:
                fact = self._dialect.decode(_with(call, mended.payload))
            except Fault:
                raise fault from None
        self._tell(call.action, mended)
        return fact

    def reply(self, call: Call, reply: Reply) -> bytes:
        """The version's own."""
        return self._dialect.reply(call, reply)

    def encode(self, command: Command) -> tuple[str, bytes]:
        """With what has to be said the other way round."""
        action, payload = self._dialect.encode(command)
        rules = self._tolerance.rules_of(self._station_id)
        if rules is None:
            return action, payload
        mended = rules.write(self._dialect.edition, action, payload, self._now())
        self._tell(action, mended)
        return action, bytes(mended.payload)

    def outcome(self, command: Command, payload: bytes | msgspec.Raw) -> Answer:
        """Strictly, where no rule helps. Raises Fault."""
        try:
            return self._dialect.outcome(command, payload)
        except Fault:
            rules = self._tolerance.rules_of(self._station_id)
            if rules is None:
                raise
            action, _ = self._dialect.encode(command)
            mended = rules.mend_answer(self._dialect.edition, action, msgspec.Raw(payload), self._now())
            if not mended.rules:
                raise
            answer = self._dialect.outcome(command, mended.payload)
            self._tell(f"The answer to {action}", mended)
            return answer

    def _tell(self, what: str, mended: Mended) -> None:
        for rule in mended.rules:
            self._remark(f"{what} was read by the tolerance rule {rule.name}: {rule.sentence}")


def _with(call: Call | Send, payload: msgspec.Raw) -> Call | Send:
    return call if payload is call.payload else msgspec.structs.replace(call, payload=payload)
