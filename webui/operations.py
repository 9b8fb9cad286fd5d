"""Remote operations as the portal offers them: their fields, when they cannot work, what became of a command."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import uuid4

import msgspec
from starlette.datastructures import FormData

from webui import days, sentences
from webui.access import Access
from webui.api import Client
from webui.api.remote import ANSWER_S, GRACE_S
from webui.operation_fields import USUAL, Field, Operation
from webui.operation_grid import GRID
from webui.operation_more import MORE
from webui.values import ApiError, CommandResult, Session, Station
from webui.words import _

__all__ = ["BY_KEY", "OPERATIONS", "Outcome", "asked", "of_result", "operation", "refusal"]

OPERATIONS: Final[tuple[Operation, ...]] = (*USUAL, *MORE, *GRID)
BY_KEY: Final[Mapping[str, Operation]] = {each.key: each for each in OPERATIONS}
TRANSACTIONLESS: Final = "stop"


class Told(msgspec.Struct, frozen=True):
    """A station's answer as control.v1 tells it."""

    accepted: bool
    status: str
    error_code: str
    error_description: str
    latency: timedelta | None
    additional_info: str

    @property
    def plain(self) -> CommandResult:
        """As pages show it."""
        return CommandResult(
            accepted=self.accepted,
            status=self.status,
            error_code=self.error_code,
            error_description=self.error_description or self.additional_info,
            latency=self.latency.total_seconds() if self.latency else None,
        )


class Begun(msgspec.Struct, frozen=True):
    """A job that an answer names."""

    name: str


class Answer(msgspec.Struct, frozen=True):
    """An answer and nothing else."""

    result: Told


class AnswerWithJob(msgspec.Struct, frozen=True):
    """An answer after which the station goes on telling."""

    result: Told
    job: Begun | None


class AnswerWithData(msgspec.Struct, frozen=True):
    """An answer that brings a text."""

    result: Told
    data: str


class AnswerWithVersion(msgspec.Struct, frozen=True):
    """An answer that brings a version."""

    result: Told
    version: int | None


class Transaction(msgspec.Struct, frozen=True):
    """A session's name at its station."""

    transaction_id: str


class WithTransaction(msgspec.Struct, frozen=True):
    """A session."""

    session: Transaction


class AnswerOfSync(msgspec.Struct, frozen=True):
    """What became of bringing a list."""

    result: Told
    version: int
    entries: int
    note: str


ANSWERS: Final[dict[str, type[msgspec.Struct]]] = {
    "": Answer,
    "job": AnswerWithJob,
    "data": AnswerWithData,
    "version": AnswerWithVersion,
    "sync": AnswerOfSync,
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a command: ``tone`` is good, bad or unsure; ``word`` is the station's own. ``job`` is the name of
    what goes on after it."""

    operation: str
    tone: str
    sentence: str
    word: str = ""
    detail: str = ""
    latency: float | None = None
    data: str = ""
    job: str = ""


def refusal(what: Operation, station: Station, active: Sequence[Session]) -> str:
    """Why this cannot work now, empty when it can. What concerns all operations is told once above them."""
    if not active and any(field.kind in ("session", "transaction") for field in what.fields):
        return _("No session is under way.")
    if station.protocol and what.protocols and not station.protocol.startswith(what.protocols):
        return _("%(protocol)s does not have this.") % {"protocol": station.protocol.upper().replace("OCPP", "OCPP ")}
    return ""


def offered(access: Access, *, administers: bool) -> tuple[Operation, ...]:
    """The operations that somebody may do with a station."""
    may = {"operate": access.can_operate, "configure": access.can_configure, "administer": administers}
    return tuple(each for each in OPERATIONS if may[each.least])


async def operation(client: Client, key: str, name: str, form: FormData) -> Outcome:
    """Send the command that the form describes, wait for what becomes of it and put it in words."""
    if name not in BY_KEY and name != "set-variable":
        raise ApiError("NOT_FOUND", "", _("There is no such operation."))
    try:
        if name in BY_KEY:
            return await asked(client, key, BY_KEY[name], form)
        result = await client.remote.set_variable(key, _field(form, "name"), _field(form, "value"))
        return of_result(name, result)
    except ApiError as error:
        return of_failure(name, error)


async def asked(client: Client, key: str, what: Operation, form: FormData) -> Outcome:
    """The same for an operation of the table. Raises ApiError where no answer came."""
    request = await _shaped(client, what, _request(what, form))
    target = {"timeout": timedelta(seconds=ANSWER_S), "request_id": uuid4().hex}
    if what.key != TRANSACTIONLESS:  # the session knows its station
        target["station"] = f"stations/{key}"
    answer = await client.desk.ask(
        what.method, ANSWERS[what.answer], timeout_s=ANSWER_S + GRACE_S, target=target, **request
    )
    return _told(what.key, answer)


def _told(name: str, answer: msgspec.Struct) -> Outcome:
    match answer:
        case AnswerWithJob(result=result, job=job):
            return of_result(name, result.plain, job=job.name if job and result.accepted else "")
        case AnswerWithData(result=result, data=data):
            return of_result(name, result.plain, data=data)
        case AnswerWithVersion(result=result, version=version):
            return of_result(name, result.plain, data="" if version is None else _version(version))
        case AnswerOfSync(result=result, version=version, entries=entries, note=note):
            told = _("Version %(version)s with %(entries)s tags.") % {"version": version, "entries": entries}
            return of_result(name, result.plain, data=f"{told} {note}".strip())
        case Answer(result=result):
            return of_result(name, result.plain)
    raise TypeError(f"{type(answer).__name__} is no answer.")


def _version(version: int) -> str:
    if version < 0:
        return _("The station cannot keep a list.")
    return _("The station has no list.") if version == 0 else _("Version %(version)s.") % {"version": version}


def of_failure(name: str, error: ApiError) -> Outcome:
    """Why no answer came, in words. Raises again what concerns the whole page."""
    if error.code in ("UNAUTHENTICATED", "PERMISSION_DENIED", "NOT_FOUND"):
        raise error
    unsure = error.reason == "NO_ANSWER" or (error.away and error.reason != "DRAINING")
    sentence = sentences.of_command(error)
    if error.away and not error.reason:
        sentence = _("The control plane did not answer. Whether it was sent is not known; look at the message log.")
    return Outcome(name, "unsure" if unsure else "bad", sentence)


def of_result(name: str, result: CommandResult, *, data: str = "", job: str = "") -> Outcome:
    """A station's answer."""
    return Outcome(
        operation=name,
        tone="good" if result.accepted else "bad",
        sentence=sentences.of_result(result),
        word=result.status or result.error_code,
        detail=result.error_description,
        latency=result.latency,
        data=data or result.data,
        job=job,
    )


# ---- forms to requests


def _request(what: Operation, form: FormData) -> dict[str, object]:
    """The fields of the request. Raises ApiError when a needed one is empty."""
    request: dict[str, object] = dict(what.fixed)
    for field in what.fields:
        value = _value(field, form)
        if field.demand and (value in ("", None) or (value == 0 and field.kind != "decimal")):
            raise ApiError("INVALID_ARGUMENT", "", _(field.demand))
        if value not in ("", None):
            request[field.name] = value
    return request


async def _shaped(client: Client, what: Operation, request: dict[str, object]) -> dict[str, object]:
    """As the call wants it. Raises ApiError."""
    for field in what.fields:
        if field.kind == "transaction":
            found = await client.desk.ask("SessionService/GetSession", WithTransaction, name=str(request[field.name]))
            request[field.name] = found.session.transaction_id
    return what.shape(request) if what.shape is not None else request


def _value(field: Field, form: FormData) -> object:
    given = _field(form, field.key or field.name)
    match field.kind:
        case "evse" | "number":
            return int(given) if given.isascii() and given.isdecimal() and len(given) < 9 else 0
        case "moment":
            return days.moment_of(given)
        case "decimal":
            return _decimal(given)
        case "session" | "transaction":
            return f"sessions/{given}" if given else ""
        case "tick":
            return given == "1"
        case "points":
            return _points(form, field.form_name)
        case "choice":
            known = {value for value, _label in field.options}
            return given if given in known else field.options[0][0]
        case _:
            return given


def _points(form: FormData, name: str) -> tuple[dict[str, float], ...] | None:
    """Rows of x and y; empty ones are left out, None: all are. Raises ApiError for half a point."""
    found: list[dict[str, float]] = []
    for x, y in zip(form.getlist(f"{name}_x"), form.getlist(f"{name}_y"), strict=False):
        typed = [each.strip() if isinstance(each, str) else "" for each in (x, y)]
        if not any(typed):
            continue
        numbers = [_decimal(each) for each in typed]
        if numbers[0] is None or numbers[1] is None:
            sentence = _("Point %(n)s needs two numbers, x and y.") % {"n": len(found) + 1}
            raise ApiError("INVALID_ARGUMENT", "", sentence)
        found.append({"x": numbers[0], "y": numbers[1]})
    return tuple(found) or None


def _decimal(given: str) -> float | None:
    """A number with a point or a comma; None: it is none."""
    try:
        number = float(given.replace(",", "."))
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _field(form: FormData, name: str) -> str:
    value = form.get(name, "")
    return value.strip() if isinstance(value, str) else ""
