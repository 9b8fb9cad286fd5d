"""What stations are to be set to: wishes beside reports, where the two differ, and templates that make wishes.

Variables of 2.x and configuration keys of 1.6 (a place without a component) are treated alike.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Final

import msgspec

from csms.domain.alarm_rules import fits
from csms.domain.commands import Answer
from csms.domain.errors import InvalidArgument
from csms.domain.known_variables import INTEGER, KnownVariable, holds_secret, is_password, known_variable
from csms.domain.variable_names import VariablePlace, parse_name, print_name

DECIMAL: Final = "decimal"
MAX_AT_ONCE: Final = 500
MAX_VALUE_1_6: Final = 500
MAX_VALUE_2: Final = 2500
MAX_NAME_1_6: Final = 50
MAX_TEXT: Final = 200
MAX_PRIORITY: Final = 1_000_000


class DesiredState(StrEnum):
    """Where a wish is."""

    PENDING = "PENDING"
    """The station was not told."""
    SENT = "SENT"
    """It was told and has not answered: it may have happened."""
    ACCEPTED = "ACCEPTED"
    REJECTED = "REJECTED"
    REBOOT_REQUIRED = "REBOOT_REQUIRED"
    """It was taken, and counts from the next start on."""
    NOT_SUPPORTED = "NOT_SUPPORTED"
    UNKNOWN = "UNKNOWN"
    """The station has no such component or variable."""


OPEN: Final = frozenset({DesiredState.PENDING, DesiredState.SENT})
TAKEN: Final = frozenset({DesiredState.ACCEPTED, DesiredState.REBOOT_REQUIRED})


class Desired(msgspec.Struct, frozen=True):
    """A wish, and what the station said to it (`answer` is its own word). `set_at` tells wishes apart. `drifted_at`:
    since when the station has another value than the one it took."""

    place: VariablePlace
    value: str
    set_at: datetime
    set_by: str = ""
    state: DesiredState = DesiredState.PENDING
    answer: str = ""
    detail: str = ""
    sent_at: datetime | None = None
    answered_at: datetime | None = None
    drifted_at: datetime | None = None
    template_id: int | None = None


class Reported(msgspec.Struct, frozen=True):
    """What a station told of a variable. `max_limit` of a text: its length."""

    place: VariablePlace
    value: str | None
    at: datetime
    mutability: str = "ReadWrite"
    data_type: str = ""
    unit: str = ""
    min_limit: float | None = None
    max_limit: float | None = None
    values: tuple[str, ...] = ()


class Setting(msgspec.Struct, frozen=True):
    """A variable of a station: both sides of it."""

    place: VariablePlace
    known: KnownVariable
    reported: Reported | None = None
    desired: Desired | None = None

    @property
    def name(self) -> str:
        """For people."""
        return print_name(self.place)

    @property
    def read_only(self) -> bool:
        """By the station's word; else by the standard's."""
        return self.known.read_only if self.reported is None else self.reported.mutability == "ReadOnly"

    @property
    def write_only(self) -> bool:
        """It tells nobody its value."""
        return self.reported is not None and self.reported.mutability == "WriteOnly"

    @property
    def secret(self) -> bool:
        """Nobody may read its value."""
        return holds_secret(self.place)

    @property
    def data_type(self) -> str:
        """By the station's word; else by the standard's."""
        return (self.reported.data_type if self.reported is not None else "") or self.known.data_type

    @property
    def reboot_required(self) -> bool:
        """By the station's word; else by the standard's."""
        state = self.desired.state if self.desired is not None else None
        if state in (DesiredState.REBOOT_REQUIRED, DesiredState.ACCEPTED):
            return state is DesiredState.REBOOT_REQUIRED
        return self.known.reboot_required

    @property
    def same(self) -> bool:
        """The station has what is wanted, as far as it told."""
        wanted, told = self.desired, self.reported
        return wanted is not None and told is not None and same_value(wanted.value, told.value, self.data_type)

    @property
    def differs(self) -> bool:
        """It is wanted, and the station does not have it, or has not taken it up."""
        if self.desired is None:
            return False
        return self.desired.state not in TAKEN or self.desired.drifted_at is not None or not self.same

    @property
    def to_send(self) -> bool:
        """An upload sends it."""
        if self.desired is None:
            return False
        if self.desired.state is DesiredState.REBOOT_REQUIRED and self.desired.drifted_at is None:
            return False
        return not self.same


# -- names and values ----------------------------------------------------------------------------------------------


def read_place(name: str, *, keys: bool) -> VariablePlace:
    """`keys`: of a station that has configuration keys (1.6). Raises InvalidArgument/INVALID_VARIABLE_NAME."""
    if not keys:
        return parse_name(name)
    if not 0 < len(name) <= MAX_NAME_1_6 or not name.isprintable():
        raise InvalidArgument(
            f"A configuration key has 1 to {MAX_NAME_1_6} characters.", reason="INVALID_VARIABLE_NAME"
        )
    return VariablePlace("", name)


def same_value(wanted: str, told: str | None, data_type: str = "") -> bool:
    """Are they the same to the station? Spelling of numbers, of true and false, and blanks in lists do not count."""
    if told is None:
        return False
    wanted, told = wanted.strip(), told.strip()
    if wanted == told:
        return True
    if data_type in ("MemberList", "SequenceList"):
        ours, theirs = _items(wanted), _items(told)
        return ours == theirs if data_type == "SequenceList" else sorted(ours) == sorted(theirs)
    if data_type == "string":
        return False
    if {wanted.casefold(), told.casefold()} <= {"true", "false"}:
        return wanted.casefold() == told.casefold()
    ours_number, theirs_number = _number(wanted), _number(told)
    return ours_number is not None and ours_number == theirs_number


def check_value(setting: Setting, value: str) -> None:
    """May it be set to this? Raises InvalidArgument with a sentence, reason SECRET_VARIABLE, READ_ONLY or
    INVALID_VALUE."""
    name = setting.name
    if is_password(setting.place):
        raise InvalidArgument(
            f"{name} is the password that the station signs in with. Use RotateStationPassword: it changes both sides.",
            reason="SECRET_VARIABLE",
        )
    if setting.secret or setting.write_only:
        raise InvalidArgument(
            f"{name} is a secret and is not kept here. Write it once with SetVariables.", reason="SECRET_VARIABLE"
        )
    if setting.read_only:
        raise InvalidArgument(f"{name} is read-only: the station sets it itself.", reason="READ_ONLY")
    wrong = _wrong(setting, value)
    if wrong:
        raise InvalidArgument(f"{name}: {wrong}", reason="INVALID_VALUE")


def _wrong(setting: Setting, value: str) -> str:
    told, kind = setting.reported, setting.data_type
    longest = MAX_VALUE_2 if setting.place.component else MAX_VALUE_1_6
    if len(value) > longest:
        return f"a value has at most {longest} characters."
    lowest, highest = (None, None) if told is None else (told.min_limit, told.max_limit)
    if kind in (INTEGER, DECIMAL):
        number = _number(value)
        if number is None or (kind == INTEGER and number != number.to_integral_value()):
            return f"{value[:40]!r} is no {'whole number' if kind == INTEGER else 'number'}."
        if (lowest is not None and number < Decimal(repr(lowest))) or (
            highest is not None and number > Decimal(repr(highest))
        ):
            return f"the station takes numbers {_span(lowest, highest)}."
    elif kind == "boolean":
        if value.casefold() not in ("true", "false"):
            return f"write true or false, not {value[:40]!r}."
    elif kind == "dateTime":
        try:
            datetime.fromisoformat(value)
        except ValueError:
            return f"{value[:40]!r} is no time; write it as 2026-11-21T12:00:00Z."
    elif kind in ("OptionList", "MemberList", "SequenceList"):
        allowed = () if told is None else told.values
        parts = [value] if kind == "OptionList" else _items(value)
        strange = [part for part in parts if allowed and part not in allowed]
        if strange:
            return f"{strange[0][:40]!r} is not one of {', '.join(allowed)[:300]}."
    elif kind == "string" and highest is not None and len(value) > highest:
        return f"the station takes at most {int(highest)} characters."
    return ""


def _span(lowest: float | None, highest: float | None) -> str:
    if lowest is None:
        return f"up to {highest:g}"
    return f"from {lowest:g}" + ("" if highest is None else f" to {highest:g}")


def _items(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _number(text: str) -> Decimal | None:
    try:
        number = Decimal(text.strip())
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


# -- both sides ----------------------------------------------------------------------------------------------------


def merge(reported: Iterable[Reported], desired: Iterable[Desired]) -> list[Setting]:
    """Every variable that was told or is wanted, in the order of their names. OCPP makes no difference between A and a:
    a wish goes with the report that spells it otherwise."""
    told = {each.place.folded(): each for each in reported}
    wanted = {each.place.folded(): each for each in desired}
    settings = []
    for key in told.keys() | wanted.keys():
        place = told[key].place if key in told else wanted[key].place
        settings.append(Setting(place, known_variable(place), told.get(key), wanted.get(key)))
    return sorted(settings, key=order_of)


def order_of(setting: Setting) -> str:
    """By which lists are sorted."""
    return setting.name.casefold()


def state_of(answer: Answer) -> DesiredState:
    """What an answer to SetVariables or ChangeConfiguration means."""
    if answer.error_code:
        return DesiredState.NOT_SUPPORTED if "Not" in answer.error_code else DesiredState.REJECTED
    if answer.status == "RebootRequired":
        return DesiredState.REBOOT_REQUIRED
    if answer.status.startswith("NotSupported"):
        return DesiredState.NOT_SUPPORTED
    if answer.status.startswith("Unknown"):
        return DesiredState.UNKNOWN
    return DesiredState.ACCEPTED if answer.accepted else DesiredState.REJECTED


def judged(setting: Setting, booted_at: datetime | None, now: datetime) -> Desired | None:
    """The wish after a look at what the station told since; None: as before. One that was taken and is told otherwise
    has drifted; one that waited for a start is ACCEPTED when the station comes back with it."""
    wanted, told = setting.desired, setting.reported
    if wanted is None or told is None or told.value is None:
        return None
    new = wanted
    if setting.same:
        if wanted.state is DesiredState.REBOOT_REQUIRED:
            if _since_start(wanted, told, booted_at):
                new = msgspec.structs.replace(new, state=DesiredState.ACCEPTED, detail="")
        elif wanted.state in OPEN:
            new = msgspec.structs.replace(new, state=DesiredState.ACCEPTED, detail="The station has it already.")
            new = msgspec.structs.replace(new, answered_at=told.at)
        new = msgspec.structs.replace(new, drifted_at=None)
    elif wanted.state in TAKEN and (wanted.answered_at is None or told.at >= wanted.answered_at):
        waits = wanted.state is DesiredState.REBOOT_REQUIRED and not _since_start(wanted, told, booted_at)
        if not waits and wanted.drifted_at is None:
            new = msgspec.structs.replace(new, drifted_at=now)
    return None if new == wanted else new


def _since_start(wanted: Desired, told: Reported, booted_at: datetime | None) -> bool:
    """Has the station started since it took it, and told after that?"""
    return booted_at is not None and booted_at > (wanted.answered_at or wanted.set_at) and told.at >= booted_at


# -- templates -----------------------------------------------------------------------------------------------------


class TemplateVariable(msgspec.Struct, frozen=True, array_like=True):
    """A variable by its name, and the value for it."""

    name: str
    value: str


class Template(msgspec.Struct, frozen=True):
    """Wishes for stations of a kind. Patterns may hold `*`; empty: any. `family`: "1.6" (also 1.5), "2", or empty: any.
    Where several fit, each variable is taken from the one with the highest priority (of the same: the newest)."""

    id: int
    display_name: str
    vendor: str = ""
    model: str = ""
    firmware: str = ""
    family: str = ""
    priority: int = 0
    enabled: bool = True
    variables: tuple[TemplateVariable, ...] = ()
    version: int = 1
    updated_at: datetime | None = None


class StationKind(msgspec.Struct, frozen=True):
    """What templates look at."""

    vendor: str
    model: str
    firmware: str
    protocol: str

    @property
    def has_keys(self) -> bool:
        """It has configuration keys and no device model (OCPP 1.x)."""
        return not self.protocol.startswith("ocpp2")


def check_template(template: Template) -> Template:
    """Trimmed. Raises InvalidArgument."""
    texts = {name: getattr(template, name).strip() for name in ("display_name", "vendor", "model", "firmware")}
    template = msgspec.structs.replace(template, **texts)
    if not template.display_name:
        raise InvalidArgument("Give the template a name.", reason="NAME_MISSING")
    if max(map(len, texts.values())) > MAX_TEXT:
        raise InvalidArgument(f"Names and patterns have at most {MAX_TEXT} characters.", reason="TEXT_TOO_LONG")
    if template.family not in ("", "1.6", "2"):
        raise InvalidArgument("A template is for OCPP 1.6, for 2, or for any.", reason="INVALID_FAMILY")
    if abs(template.priority) > MAX_PRIORITY:
        raise InvalidArgument(f"A priority is at most {MAX_PRIORITY}.", reason="INVALID_PRIORITY")
    if len(template.variables) > MAX_AT_ONCE:
        raise InvalidArgument(f"A template has at most {MAX_AT_ONCE} variables.", reason="TOO_MANY_VARIABLES")
    seen: set[str] = set()
    for each in template.variables:
        place = _template_place(each.name, template.family)
        if print_name(place.folded()) in seen:
            raise InvalidArgument(f"{each.name} is in it twice.", reason="INVALID_VARIABLES")
        seen.add(print_name(place.folded()))
        check_value(Setting(place, known_variable(place)), each.value)
    return template


def _template_place(name: str, family: str) -> VariablePlace:
    """For any family: a variable of 2.x if it reads as one, else a key. Raises InvalidArgument."""
    if family or not _is_variable(name):
        return read_place(name, keys=family != "2")
    return parse_name(name)


def _is_variable(name: str) -> bool:
    try:
        parse_name(name)
    except InvalidArgument:
        return False
    return True


def matches(template: Template, kind: StationKind) -> bool:
    """Is it for this station?"""
    if not template.enabled or (template.family and (template.family == "1.6") != kind.has_keys):
        return False
    pairs = ((template.vendor, kind.vendor), (template.model, kind.model), (template.firmware, kind.firmware))
    return all(not pattern or fits(pattern, text) for pattern, text in pairs)


class Planned(msgspec.Struct, frozen=True):
    """What a template would make of a variable. `problem`: a sentence; it is then left out."""

    setting: Setting
    value: str
    template: Template
    problem: str = ""


def plan_templates(templates: Sequence[Template], kind: StationKind, settings: Sequence[Setting]) -> list[Planned]:
    """What these templates (already chosen) want of a station, one line for each variable."""
    here: Mapping[VariablePlace, Setting] = {each.place.folded(): each for each in settings}
    chosen: dict[VariablePlace, Planned] = {}
    for template in sorted(templates, key=lambda each: (each.priority, each.id)):
        for variable in template.variables:
            if not kind.has_keys and not _is_variable(variable.name):
                continue  # a key of the other family
            place = read_place(variable.name, keys=kind.has_keys)
            foreign = kind.has_keys and not template.family and _is_variable(variable.name)
            if foreign and place.folded() not in here:
                continue
            key = place.folded()
            setting = here.get(key) or Setting(place, known_variable(place))
            chosen[key] = Planned(setting, variable.value, template, _problem(setting, variable.value))
    return sorted(chosen.values(), key=lambda each: order_of(each.setting))


def _problem(setting: Setting, value: str) -> str:
    try:
        check_value(setting, value)
    except InvalidArgument as error:
        return error.message
    return ""
