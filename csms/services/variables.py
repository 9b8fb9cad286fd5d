"""Long lists of variables: how many go into one message, and whose result is whose."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

from csms.domain.commands import Answer, SetVariable, Variable
from csms.domain.errors import InvalidArgument
from csms.domain.variable_names import VariablePlace, parse_name

DONE: Final = frozenset({"Accepted", "RebootRequired"})
"""The station's words for a variable that has its new value, or will have it."""


class Portions(Protocol):
    """Knows what a station takes in one message."""

    async def of_names(self, station_id: int, names: Sequence[str]) -> Sequence[int]:
        """How many of the names go into each GetVariables."""

    async def of_values(self, station_id: int, variables: Sequence[SetVariable]) -> Sequence[int]:
        """How many of the variables go into each SetVariables."""


class Plain:
    """As 1.6 without further knowledge: read all at once, write one by one."""

    async def of_names(self, station_id: int, names: Sequence[str]) -> Sequence[int]:
        """See `Portions`."""
        del station_id
        return [len(names)]

    async def of_values(self, station_id: int, variables: Sequence[SetVariable]) -> Sequence[int]:
        """See `Portions`."""
        del station_id
        return [1] * len(variables)


def answers_of(wanted: Sequence[SetVariable], answer: Answer) -> list[Answer]:
    """The answer for each variable of one message. 1.6, and a CALLERROR: the answer itself. 2.x: its own result, found
    by its name, or by its place where the station spells it otherwise; none at all is a Rejected."""
    if answer.error_code or not answer.variables:
        return [answer] * len(wanted)
    by_name = {key: told for told in answer.variables if (key := _key(told.name)) is not None}
    found: list[Answer] = []
    for place, variable in enumerate(wanted):
        key = _key(variable.name)
        told = None if key is None else by_name.get(key)
        if told is None and len(answer.variables) == len(wanted):
            told = answer.variables[place]
        found.append(_answer(told))
    return found


def _answer(told: Variable | None) -> Answer:
    if told is None:
        return Answer("Rejected", accepted=False, additional_info="The station's answer does not mention it.")
    return Answer(
        told.status,
        accepted=told.status in DONE,
        reason_code=told.reason_code,
        additional_info=told.additional_info,
    )


def _key(name: str) -> VariablePlace | None:
    try:
        return parse_name(name).folded()
    except InvalidArgument:
        return None
