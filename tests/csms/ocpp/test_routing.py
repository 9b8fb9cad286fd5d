"""Every row of every version's table of contents against the official schemas: whatever comes in ends as a fact that
can be applied or as a fault with the right code, and whatever we print is valid.

`HYPOTHESIS_PROFILE=deep` tries 2,000 mutants of each message: more than 100,000 in all.
"""

from __future__ import annotations

import typing
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from csms.app.dialects import DIALECTS
from csms.domain.applying import Context
from csms.domain.commands import Answer
from csms.domain.errors import InvalidArgument, NotSupported
from csms.domain.facts import (
    AuthorizationStatus,
    Fact,
    IdTokenInfo,
    RegistrationStatus,
)
from csms.domain.station import StationState
from csms.ocpp.faults import ErrorCode, Fault
from csms.ocpp.frame import Call, Send
from csms.ocpp.routing import IncomingRow, OutgoingRow, RoutedDialect
from csms.ocpp.schemas import Direction, schemas_of
from tests.kit.effort import examples
from tests.kit.schema_strategy import instances, mutants
from tests.kit.value_strategy import values

pytestmark = pytest.mark.feature("F-OCPP-1", "F-OCPP-2", "F-OCPP-4", "F-OCPP-5", "F-OCPP-10")

NOW: Final = datetime(2026, 3, 1, 12, tzinfo=UTC)
VERSIONS: Final = [typing.cast("RoutedDialect", dialect) for dialect in DIALECTS.values()]
RELAXED: Final = examples(6)


INCOMING: Final = [
    pytest.param(dialect, row, id=f"{dialect.subprotocol}-{action}")
    for dialect in VERSIONS
    for action, row in sorted(dialect.incoming.items())
]
OUTGOING: Final = [
    pytest.param(dialect, row, id=f"{dialect.subprotocol}-{row.action}")
    for dialect in VERSIONS
    for rows in dialect.outgoing.values()
    for row in rows
]


def a_station() -> StationState:
    return StationState(1, "CP-1", RegistrationStatus.ACCEPTED)


def context() -> Context:
    numbers = iter(range(1, 100))
    info = IdTokenInfo(AuthorizationStatus.ACCEPTED, NOW + timedelta(days=1), "PARENT")
    return Context(NOW, lambda _tag, _starting: info, lambda: next(numbers))


def take_in(dialect: RoutedDialect, action: str, payload: object) -> Fact:
    """Decode, apply, answer: as a link and an actor do it, without the waiting. Raises Fault from decoding only."""
    call = Call("17", action, msgspec.Raw(msgspec.json.encode(payload)))
    answered = (action, Direction.RESPONSE) in set(schemas_of(dialect.edition))
    fact = dialect.decode(call if answered else Send("17", action, call.payload))
    state = a_station()
    state.lookup(fact)
    applied = state.apply(fact, context())
    if answered:
        dialect.reply(call, applied.reply)  # raises LocalProtocolError when it is not valid
    msgspec.json.encode(fact)  # it can be kept
    for record in applied.records:
        msgspec.json.encode(record)
    return fact


@pytest.mark.parametrize(("dialect", "row"), INCOMING)
@RELAXED
@given(data=st.data())
def test_every_valid_message_is_taken_in_and_answered_validly(
    dialect: RoutedDialect, row: IncomingRow, data: st.DataObject
) -> None:
    payload = data.draw(instances(schemas_of(dialect.edition).schema(row.action, Direction.REQUEST)))
    try:
        fact = take_in(dialect, row.action, payload)
    except Fault as fault:
        # Beyond the schema only what cannot be kept or read: numbers past 64 bits, samples that are no numbers.
        assert fault.code is ErrorCode.PROPERTY_CONSTRAINT_VIOLATION, fault  # noqa: PT017 - both ways are right
        return
    for moment in _moments(fact):
        assert moment.utcoffset() == timedelta(0)


@pytest.mark.parametrize(("dialect", "row"), INCOMING)
@RELAXED
@given(data=st.data())
def test_every_mutant_is_a_fact_or_a_fault_of_its_kind(
    dialect: RoutedDialect, row: IncomingRow, data: st.DataObject
) -> None:
    schemas = schemas_of(dialect.edition)
    payload = data.draw(mutants(schemas.schema(row.action, Direction.REQUEST)))
    broken = [kind for kind, _, _ in schemas.message(row.action, Direction.REQUEST).violations(payload)]
    try:
        take_in(dialect, row.action, payload)
    except Fault as fault:
        if broken:
            allowed = {dialect.edition.keywords.get(kind, ErrorCode.FORMAT_VIOLATION) for kind in broken}
            assert fault.code in allowed, (fault.code, broken)  # noqa: PT017 - both ways are right
    else:
        assert not broken


@pytest.mark.parametrize(("dialect", "row"), OUTGOING)
@RELAXED
@given(data=st.data())
def test_every_command_is_printed_validly_or_refused_with_a_sentence(
    dialect: RoutedDialect, row: OutgoingRow, data: st.DataObject
) -> None:
    command = data.draw(values(row.command))
    try:
        _, payload = dialect.encode(command)
    except (InvalidArgument, NotSupported) as refused:
        assert refused.message.endswith((".", ")"))  # noqa: PT017 - both ways are right
        return
    assert msgspec.json.decode(payload) is not None  # its validity is checked where it is printed


@pytest.mark.parametrize(("dialect", "row"), OUTGOING)
@RELAXED
@given(data=st.data())
def test_every_answer_of_a_station_is_read_or_refused(
    dialect: RoutedDialect, row: OutgoingRow, data: st.DataObject
) -> None:
    schemas = schemas_of(dialect.edition)
    assume((row.action, Direction.RESPONSE) in set(schemas))
    schema = schemas.schema(row.action, Direction.RESPONSE)
    mutated = data.draw(st.booleans())
    payload = data.draw(mutants(schema) if mutated else instances(schema))
    message = schemas.message(row.action, Direction.RESPONSE)
    try:
        answer = row.outcome(message, msgspec.json.encode(payload))
    except Fault as fault:
        assert mutated or fault.code is ErrorCode.PROPERTY_CONSTRAINT_VIOLATION, fault  # noqa: PT017
        return
    assert isinstance(answer, Answer)
    msgspec.json.encode(answer.result)


def _moments(value: object) -> Iterator[datetime]:
    if isinstance(value, datetime):
        yield value
    elif isinstance(value, msgspec.Struct):
        for name in value.__struct_fields__:
            yield from _moments(getattr(value, name))
    elif isinstance(value, tuple | list):
        for inner in value:
            yield from _moments(inner)
