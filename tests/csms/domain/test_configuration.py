"""Wishes and reports: what is the same, what may be set, what has drifted, what templates want."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest

from csms.domain.commands import Answer
from csms.domain.configuration import (
    Desired,
    DesiredState,
    Reported,
    Setting,
    StationKind,
    Template,
    TemplateVariable,
    check_template,
    check_value,
    judged,
    matches,
    merge,
    plan_templates,
    read_place,
    same_value,
    state_of,
)
from csms.domain.errors import InvalidArgument
from csms.domain.known_variables import known_variable
from csms.domain.variable_names import VariablePlace, parse_name
from tests.kit.records import T0

KEY = VariablePlace("", "HeartbeatInterval")
LATER = T0 + timedelta(minutes=5)
OLD = StationKind("Acme", "One", "1.0", "ocpp1.6")
NEW = StationKind("Acme", "Two", "1.0", "ocpp2.0.1")


def setting(name: str, **told: object) -> Setting:
    place = read_place(name, keys="." not in name)
    reported = Reported(place, "1", T0, **told) if told else None  # type: ignore[arg-type]
    return Setting(place, known_variable(place), reported)


@pytest.mark.parametrize(
    ("wanted", "told", "kind", "same"),
    [
        ("300", "300", "", True),
        ("300", "300.0", "integer", True),
        ("300", "301", "integer", False),
        ("true", "True", "boolean", True),
        ("true", "TRUE", "", True),
        ("true", "false", "", False),
        ("a,b", "b, a", "MemberList", True),
        ("a,b", "b,a", "SequenceList", False),
        ("a, b", "a,b", "SequenceList", True),
        ("01", "1", "string", False),
        ("x", None, "", False),
        ("NaN", "nan", "", False),
    ],
)
def test_spelling_is_no_difference(wanted: str, told: str | None, kind: str, same: bool) -> None:
    assert same_value(wanted, told, kind) is same


@pytest.mark.parametrize(
    ("of", "value", "reason"),
    [
        (setting("AuthorizationKey"), "x" * 20, "SECRET_VARIABLE"),
        (setting("SecurityCtrlr.BasicAuthPassword"), "x" * 20, "SECRET_VARIABLE"),
        (setting("WifiPassword"), "x", "SECRET_VARIABLE"),
        (setting("Anything", mutability="WriteOnly"), "x", "SECRET_VARIABLE"),
        (setting("NumberOfConnectors"), "3", "READ_ONLY"),
        (setting("Anything", mutability="ReadOnly"), "3", "READ_ONLY"),
        (setting("HeartbeatInterval"), "soon", "INVALID_VALUE"),
        (setting("HeartbeatInterval"), "1.5", "INVALID_VALUE"),
        (setting("LocalPreAuthorize"), "yes", "INVALID_VALUE"),
        (setting("A.B", data_type="integer", min_limit=1, max_limit=9), "10", "INVALID_VALUE"),
        (setting("A.B", data_type="decimal", min_limit=1), "0.5", "INVALID_VALUE"),
        (setting("A.B", data_type="string", max_limit=3), "four", "INVALID_VALUE"),
        (setting("A.B", data_type="OptionList", values=("x", "y")), "z", "INVALID_VALUE"),
        (setting("A.B", data_type="MemberList", values=("x", "y")), "x,z", "INVALID_VALUE"),
        (setting("A.B", data_type="dateTime"), "tomorrow", "INVALID_VALUE"),
        (setting("Long"), "x" * 501, "INVALID_VALUE"),
    ],
    ids=lambda each: each.name if isinstance(each, Setting) else str(each)[:9],
)
def test_what_a_station_cannot_take_is_refused_with_a_sentence(of: Setting, value: str, reason: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        check_value(of, value)
    assert refused.value.reason == reason
    assert of.name in refused.value.message


@pytest.mark.parametrize(
    ("of", "value"),
    [
        (setting("HeartbeatInterval"), "300"),
        (setting("NumberOfConnectors", mutability="ReadWrite"), "3"),
        (setting("A.B", data_type="integer", min_limit=1, max_limit=9), "9"),
        (setting("A.B", data_type="dateTime"), "2026-11-21T12:00:00Z"),
        (setting("A.B", data_type="MemberList", values=("x", "y")), "y, x"),
        (setting("A.B", data_type="boolean"), "TRUE"),
        (setting("Vendor's own"), ""),
    ],
)
def test_what_it_can_take_passes(of: Setting, value: str) -> None:
    check_value(of, value)


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        (Answer("Accepted", True), DesiredState.ACCEPTED),
        (Answer("RebootRequired", True), DesiredState.REBOOT_REQUIRED),
        (Answer("Rejected", False), DesiredState.REJECTED),
        (Answer("NotSupported", False), DesiredState.NOT_SUPPORTED),
        (Answer("NotSupportedAttributeType", False), DesiredState.NOT_SUPPORTED),
        (Answer("UnknownVariable", False), DesiredState.UNKNOWN),
        (Answer("", False, error_code="NotImplemented"), DesiredState.NOT_SUPPORTED),
        (Answer("", False, error_code="InternalError"), DesiredState.REJECTED),
    ],
)
def test_each_word_of_a_station_has_its_state(answer: Answer, state: DesiredState) -> None:
    assert state_of(answer) is state


def test_a_wish_in_other_letters_goes_with_what_was_told() -> None:
    wish = Desired(VariablePlace("", "heartbeatinterval"), "300", T0)
    [both] = merge([Reported(KEY, "900", T0)], [wish])
    assert (both.name, both.desired, both.differs, both.to_send) == ("HeartbeatInterval", wish, True, True)
    names = [each.name for each in merge([Reported(KEY, "1", T0), Reported(VariablePlace("", "a"), "1", T0)], [])]
    assert names == ["a", "HeartbeatInterval"]


def both(state: DesiredState, told: str, told_at: object = LATER, **more: object) -> Setting:
    wish = msgspec.structs.replace(Desired(KEY, "300", T0, state=state, answered_at=T0), **more)
    return Setting(KEY, known_variable(KEY), Reported(KEY, told, told_at), wish)  # type: ignore[arg-type]


def test_what_was_taken_and_is_told_otherwise_has_drifted() -> None:
    drifted = judged(both(DesiredState.ACCEPTED, "900"), None, LATER)
    assert drifted is not None
    assert drifted.drifted_at == LATER
    assert judged(both(DesiredState.ACCEPTED, "900", drifted_at=T0), None, LATER) is None, "since when stays"
    back = judged(both(DesiredState.ACCEPTED, "300", drifted_at=T0), None, LATER)
    assert back is not None
    assert back.drifted_at is None


def test_what_was_told_before_the_answer_or_never_taken_is_no_drift() -> None:
    assert judged(both(DesiredState.ACCEPTED, "900", T0 - timedelta(seconds=1)), None, LATER) is None
    for state in (DesiredState.PENDING, DesiredState.SENT, DesiredState.REJECTED, DesiredState.UNKNOWN):
        assert judged(both(state, "900"), None, LATER) is None


def test_what_needs_a_start_counts_after_it() -> None:
    waits = both(DesiredState.REBOOT_REQUIRED, "900", LATER)
    assert judged(waits, None, LATER) is None
    assert judged(waits, T0 - timedelta(hours=1), LATER) is None
    boot = T0 + timedelta(minutes=1)
    drifted = judged(waits, boot, LATER)
    assert drifted is not None
    assert drifted.drifted_at == LATER
    taken = judged(both(DesiredState.REBOOT_REQUIRED, "300", LATER), boot, LATER)
    assert taken is not None
    assert taken.state is DesiredState.ACCEPTED
    assert judged(both(DesiredState.REBOOT_REQUIRED, "300", LATER), None, LATER) is None, "no start yet"


def test_what_the_station_has_already_is_not_sent() -> None:
    has = both(DesiredState.PENDING, "300")
    assert not has.to_send
    taken = judged(has, None, LATER)
    assert taken is not None
    assert taken.state is DesiredState.ACCEPTED


def template(number: int = 1, **more: object) -> Template:
    return msgspec.structs.replace(Template(number, f"T{number}"), **more)


def test_templates_fit_by_pattern_and_family() -> None:
    assert matches(template(vendor="ac*", model="ONE"), OLD)
    assert matches(template(), OLD)
    for wrong in ({"vendor": "x*"}, {"firmware": "2*"}, {"family": "2"}, {"enabled": False}):
        assert not matches(template(**wrong), OLD), wrong
    assert matches(template(family="1.6"), OLD)
    assert matches(template(family="2"), NEW)
    assert not matches(template(family="1.6"), NEW)


def test_the_template_of_the_highest_priority_counts_for_each_variable() -> None:
    def of(*pairs: tuple[str, str]) -> tuple[TemplateVariable, ...]:
        return tuple(TemplateVariable(*pair) for pair in pairs)

    low = template(1, priority=1, variables=of(("HeartbeatInterval", "100"), ("LightIntensity", "9")))
    high = template(2, priority=2, variables=of(("heartbeatinterval", "200"), ("OCPPCommCtrlr.HeartbeatInterval", "7")))
    fixed = Setting(VariablePlace("", "LightIntensity"), known_variable(KEY), Reported(KEY, "1", T0, "ReadOnly"))
    plan = {each.setting.name: each for each in plan_templates([high, low], OLD, [fixed])}
    assert {name: each.value for name, each in plan.items()} == {"heartbeatinterval": "200", "LightIntensity": "9"}
    assert "read-only" in plan["LightIntensity"].problem
    assert [each.setting.name for each in plan_templates([high], NEW, [])] == ["OCPPCommCtrlr.HeartbeatInterval"]


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"display_name": " "}, "NAME_MISSING"),
        ({"vendor": "x" * 201}, "TEXT_TOO_LONG"),
        ({"family": "3"}, "INVALID_FAMILY"),
        ({"priority": 10**7}, "INVALID_PRIORITY"),
        ({"variables": (TemplateVariable("A", "1"), TemplateVariable("a", "2"))}, "INVALID_VARIABLES"),
        ({"variables": (TemplateVariable("AuthorizationKey", "x"),)}, "SECRET_VARIABLE"),
        ({"variables": (TemplateVariable("", "x"),)}, "INVALID_VARIABLE_NAME"),
        ({"variables": (TemplateVariable("NoDot", "x"),), "family": "2"}, "INVALID_VARIABLE_NAME"),
        ({"variables": tuple(TemplateVariable(str(n), "") for n in range(501))}, "TOO_MANY_VARIABLES"),
    ],
)
def test_templates_that_no_station_could_follow_are_refused(wrong: dict[str, object], reason: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        check_template(template(**wrong))
    assert refused.value.reason == reason


def test_a_good_template_is_trimmed() -> None:
    variables = (TemplateVariable("OCPPCommCtrlr.HeartbeatInterval", "300"), TemplateVariable("Key 1", "x"))
    assert check_template(template(display_name=" T ", variables=variables)).display_name == "T"
    assert parse_name(variables[0].name).component == "OCPPCommCtrlr"
