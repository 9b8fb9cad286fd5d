"""How people write a variable, and back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from csms.domain.errors import InvalidArgument
from csms.domain.variable_names import ATTRIBUTES, VariablePlace, parse_name, print_name

pytestmark = pytest.mark.feature("F-OCPP-4")

EXAMPLES = {
    "OCPPCommCtrlr.HeartbeatInterval": VariablePlace("OCPPCommCtrlr", "HeartbeatInterval"),
    "DeviceDataCtrlr.ItemsPerMessage(GetReport)": VariablePlace(
        "DeviceDataCtrlr", "ItemsPerMessage", variable_instance="GetReport"
    ),
    "Connector@1:2.AvailabilityState": VariablePlace("Connector", "AvailabilityState", evse_id=1, connector_id=2),
    "EVSE@1.Power#MaxSet": VariablePlace("EVSE", "Power", evse_id=1, attribute_type="MaxSet"),
    "Fan(left)@2.Speed(a b)": VariablePlace(
        "Fan", "Speed", component_instance="left", evse_id=2, variable_instance="a b"
    ),
    r"Vendor\.X\@home.V\(1\)": VariablePlace("Vendor.X@home", "V(1)"),
}


@pytest.mark.parametrize(("text", "place"), EXAMPLES.items(), ids=list(EXAMPLES))
def test_a_name_is_read_and_printed_the_same(text: str, place: VariablePlace) -> None:
    assert parse_name(text) == place
    assert print_name(place) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "HeartbeatInterval",
        ".A",
        "A.",
        "A.B.C",
        "A()..B",
        "A@0.B",
        "A@1:0.B",
        "A@x.B",
        "A@9999999999.B",
        "A.B#Most",
        "A.B#",
        "A.B(",
        "A.B\\",
        "x" * 51 + ".B",
    ],
)
def test_what_names_no_variable_is_refused_with_a_hint(text: str) -> None:
    with pytest.raises(InvalidArgument) as raised:
        parse_name(text)
    assert raised.value.reason == "INVALID_VARIABLE_NAME"
    assert raised.value.message.endswith(".")


def test_a_key_of_1_6_is_its_own_name() -> None:
    assert print_name(VariablePlace("", "Vendor.Key#1")) == "Vendor.Key#1"


def test_spelling_in_capitals_makes_no_difference() -> None:
    assert parse_name("EVSE@1.power").folded() == parse_name("evse@1.Power").folded()
    assert parse_name("EVSE@1.Power").folded() != parse_name("EVSE@2.Power").folded()


WORDS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=50)
INSTANCES = st.just("") | WORDS
NUMBERS = st.integers(1, 2**31 - 1)


@st.composite
def places(draw: st.DrawFn) -> VariablePlace:
    evse = draw(st.just(0) | NUMBERS)
    return VariablePlace(
        draw(WORDS),
        draw(WORDS),
        draw(INSTANCES),
        evse,
        draw(st.just(0) | NUMBERS) if evse else 0,
        draw(INSTANCES),
        draw(st.sampled_from(ATTRIBUTES)),
    )


@given(place=places())
def test_every_place_comes_back_from_its_name(place: VariablePlace) -> None:
    assert parse_name(print_name(place)) == place


@given(text=st.text(max_size=40) | st.text("aA.()@#:\\1", max_size=20))
def test_any_text_is_a_name_or_refused(text: str) -> None:
    try:
        place = parse_name(text)
    except InvalidArgument:
        return
    assert parse_name(print_name(place)) == place
