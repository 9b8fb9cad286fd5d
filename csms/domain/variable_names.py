"""How people write a variable of the device model: one line of text, and back again without loss.

    name       =  component "." variable [ "#" attribute ]
    component  =  word [ "(" instance ")" ] [ "@" EVSE [ ":" connector ] ]
    variable   =  word [ "(" instance ")" ]
    attribute  =  "Actual" | "Target" | "MinSet" | "MaxSet"       (left out: Actual)

    OCPPCommCtrlr.HeartbeatInterval
    DeviceDataCtrlr.ItemsPerMessage(GetReport)
    Connector@1:2.AvailabilityState
    EVSE@1.Power#MaxSet

EVSE and connector are numbers from 1. A backslash before a character in a word or an instance takes it as it is; the
characters `\\ . ( ) @ # :` are printed with one. Capital and small letters count as told, though OCPP 2.x makes no
difference between them.

A configuration key of OCPP 1.6 has no component: its name is the key, as it is, and is never read by these rules.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from csms.domain.errors import InvalidArgument

ACTUAL: Final = "Actual"
ATTRIBUTES: Final = (ACTUAL, "Target", "MinSet", "MaxSet")
"""OCPP 2.x AttributeEnumType."""

MAX_WORD: Final = 50
"""Names and instances of components and variables: identifierString[50]."""

_WORD: Final = r"((?:[^\\.()@#:]|\\.)+)"
_PARTS: Final = re.compile(
    rf"{_WORD}(?:\({_WORD}\))?(?:@([0-9]{{1,10}})(?::([0-9]{{1,10}}))?)?\.{_WORD}(?:\({_WORD}\))?(?:#([A-Za-z]+))?",
    re.DOTALL,
)
_SPECIAL: Final = re.compile(r"[\\.()@#:]")
_ESCAPED: Final = re.compile(r"\\(.)", re.DOTALL)
_MAX_NUMBER: Final = 2**31 - 1


class VariablePlace(msgspec.Struct, frozen=True, gc=False):
    """One attribute of a variable in a station's device model. Empty texts and zeros: not given. 1.6: no component,
    `variable` is the configuration key."""

    component: str
    variable: str
    component_instance: str = ""
    evse_id: int = 0
    connector_id: int = 0
    variable_instance: str = ""
    attribute_type: str = ACTUAL

    def folded(self) -> VariablePlace:
        """The same for all spellings that OCPP takes for the same: it makes no difference between A and a."""
        return VariablePlace(
            self.component.casefold(),
            self.variable.casefold(),
            self.component_instance.casefold(),
            self.evse_id,
            self.connector_id,
            self.variable_instance.casefold(),
            self.attribute_type,
        )


def print_name(place: VariablePlace) -> str:
    """The text for it; `parse_name` reads it back. Without a component: the variable's own name."""
    if not place.component:
        return place.variable
    evse = ""
    if place.evse_id:
        evse = f"@{place.evse_id}" + (f":{place.connector_id}" if place.connector_id else "")
    attribute = "" if place.attribute_type == ACTUAL else f"#{place.attribute_type}"
    component = _word(place.component, place.component_instance)
    return f"{component}{evse}.{_word(place.variable, place.variable_instance)}{attribute}"


def parse_name(text: str) -> VariablePlace:
    """Which variable of a 2.x station is meant. Raises InvalidArgument/INVALID_VARIABLE_NAME."""
    match = _PARTS.fullmatch(text)
    if match is None:
        raise _invalid(text, "Write Component.Variable, for example OCPPCommCtrlr.HeartbeatInterval.")
    component, instance, evse, connector, variable, variable_instance, attribute = match.groups()
    words = [_plain(word) for word in (component, instance, variable, variable_instance)]
    if max(map(len, words)) > MAX_WORD:
        raise _invalid(text, f"Names and instances have at most {MAX_WORD} characters.")
    if attribute is not None and attribute not in ATTRIBUTES:
        raise _invalid(text, f"Attributes are {', '.join(ATTRIBUTES)}.")
    numbers = [0 if number is None else int(number) for number in (evse, connector)]
    if evse is not None and not 0 < numbers[0] <= _MAX_NUMBER:
        raise _invalid(text, "EVSEs count from 1.")
    if connector is not None and not 0 < numbers[1] <= _MAX_NUMBER:
        raise _invalid(text, "Connectors count from 1.")
    return VariablePlace(words[0], words[2], words[1], numbers[0], numbers[1], words[3], attribute or ACTUAL)


def _word(name: str, instance: str) -> str:
    return _escape(name) + (f"({_escape(instance)})" if instance else "")


def _escape(text: str) -> str:
    return _SPECIAL.sub(lambda found: "\\" + found.group(), text)


def _plain(text: str | None) -> str:
    return "" if text is None else _ESCAPED.sub(r"\1", text)


def _invalid(text: str, hint: str) -> InvalidArgument:
    return InvalidArgument(f"{text[:80]!r} names no variable. {hint}", reason="INVALID_VARIABLE_NAME")
