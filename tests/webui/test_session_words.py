"""Words of a session's page."""

from __future__ import annotations

from decimal import Decimal

from webui import session_words
from webui.values_money import CostLine, Element, Window


def test_a_line_of_a_bill_says_how_it_comes_about():
    line = CostLine("ENERGY", Decimal("35.13"), Decimal("35.13"), Decimal("0.30"), Decimal("10.54"), None, "")
    assert session_words.cost_line(line, "EUR") == "35.13 kWh × €0.30/kWh"
    stepped = CostLine(
        "CHARGING_TIME", Decimal(15), Decimal(11), Decimal("0.1"), Decimal("1.5"), Window(480, 1080, (0, 4)), ""
    )
    assert session_words.cost_line(stepped, "SEK") == "15 min × SEK 0.10/min (used: 11 min), Mon, Fri 08:00–18:00"


def test_a_price_says_when_it_counts():
    assert session_words.price(Element("SESSION", "2"), "EUR") == "€2.00"
    parked = Element("PARKING_TIME", "0.1", 0, 600, Window(0, 0, (6,)))
    assert session_words.price(parked, "EUR") == "€0.10/min, after 10 free minutes, Sun all day"


def test_values_of_changes_are_written_as_the_reader_writes_them():
    assert session_words.session_value("12345", "energy_wh") == "12.345 kWh"
    assert session_words.session_value("2026-05-12T09:30:00+00:00", "stop_time") == "12 May 2026, 09:30:00"
    assert session_words.session_value("nonsense", "stop_time") == "nonsense"
    assert session_words.session_value("", "user") == "–"
    assert session_words.session_field("mileage_km") == "Mileage"
