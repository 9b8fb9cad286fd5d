"""The form of a tariff: what is typed becomes prices, and prices become what is typed."""

from __future__ import annotations

import pytest
from starlette.datastructures import FormData

from webui.tariff_form import Row, as_form, changed_rows, read_terms, rows_of_form, rows_of_terms, typed_in
from webui.values import ApiError
from webui.values_money import Element, Terms, Window

NIGHT = Terms(
    "EUR",
    (Element("ENERGY", "0.35"), Element("PARKING_TIME", "0.10", 60, 600, Window(1320, 360, (5, 6)))),
    "25",
    True,
    "1",
    "30",
)


def form_of(terms: Terms) -> FormData:
    pairs = list(as_form(terms).items())
    for number, row in enumerate(rows_of_terms(terms)):
        pairs += [(f"kind-{number}", row.kind), (f"price-{number}", row.price), (f"step-{number}", row.step)]
        pairs += [(f"grace-{number}", row.grace), (f"begin-{number}", row.begin), (f"end-{number}", row.end)]
        pairs += [(f"day-{number}", str(day)) for day in row.days]
    return FormData(pairs)


def test_what_is_shown_and_sent_back_unchanged_is_the_same_tariff():
    assert read_terms(form_of(NIGHT)) == NIGHT


def test_rows_without_a_price_are_left_out_and_commas_are_points():
    form = FormData({"kind-0": "ENERGY", "price-0": "0,5", "kind-1": "SESSION", "price-1": "", "currency": "eur"})
    assert read_terms(form) == Terms("EUR", (Element("ENERGY", "0.5"),))


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"price-0": "cheap"}, "Price 1 is no number"),
        ({"price-0": "NaN"}, "Price 1 is no number"),
        ({"price-0": ""}, "at least one price"),
        ({"kind-0": "AIR"}, "what price 1 is for"),
        ({"step-0": "1.5"}, "step of price 1"),
        ({"begin-0": "25:00"}, "times like 08:30"),
        ({"vat_percent": "some"}, "number of percent"),
    ],
)
def test_what_makes_no_sense_is_said_in_words(changed: dict[str, str], sentence: str):
    with pytest.raises(ApiError, match=sentence):
        read_terms(FormData({"kind-0": "ENERGY", "price-0": "1", "currency": "EUR"} | changed))


def test_buttons_of_the_form_add_and_remove_a_price():
    rows = rows_of_form(form_of(NIGHT))
    assert len(changed_rows(rows, "more")) == 3
    assert [row.kind for row in changed_rows(rows, "less-0")] == ["PARKING_TIME"]
    assert changed_rows(rows[:1], "less-0") == [Row()]
    assert typed_in(None)["anything"] == ""
