"""Charts: what the address says, and how an answer is drawn and written down."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime, timedelta

import pytest
from starlette.datastructures import QueryParams

from webui.charting import Shown, Wanted, unlike
from webui.values_statistics import Chart, ChartSeries

NOW = datetime(2026, 3, 10, 15, 30, tzinfo=UTC)


def wanted(query: str) -> Wanted:
    return Wanted.parse(QueryParams(query))


def a_chart(*series: ChartSeries, unit: str = "Wh", **more: object) -> Chart:
    values = {
        "bucket": "DAY",
        "time_zone": "Europe/Stockholm",
        "bucket_start_times": (datetime(2026, 3, 8, 23, tzinfo=UTC), datetime(2026, 3, 9, 23, tzinfo=UTC)),
        "end_time": datetime(2026, 3, 10, 23, tzinfo=UTC),
        "unit": unit,
        "series": series,
        "others": None,
        "series_count": len(series),
        "total": sum(each.total for each in series),
        "previous": (),
        "previous_total": 0.0,
    }
    return Chart(**(values | more))  # type: ignore[arg-type]


def test_nonsense_in_the_address_counts_as_not_given() -> None:
    assert wanted("kind=X&span=Y&since=Z&place=a&bucket=B&split=C&station=q") == Wanted()


def test_a_split_that_a_chart_does_not_have_is_left_out() -> None:
    assert wanted("kind=COMBINED_POWER&split=TAG").split == ""
    assert wanted("kind=COMBINED_POWER&split=SITE").split == "SITE"


def test_a_day_in_the_address_is_a_span_of_ones_own() -> None:
    own = wanted("since=2026-03-01&until=2026-03-05")
    begin, end = own.moments(NOW)
    assert (own.span, begin.day, end.day) == ("own", 1, 6)
    assert wanted("span=week&since=2026-03-01").since == ""


def test_an_end_before_the_begin_shows_one_day() -> None:
    begin, end = wanted("since=2026-03-05&until=2026-03-01").moments(NOW)
    assert end - begin == timedelta(days=1)


@pytest.mark.parametrize(("span", "length"), [("day", 1), ("week", 7), ("month", 30), ("year", 365)])
def test_a_span_ends_tonight(span: str, length: int) -> None:
    begin, end = wanted(f"span={span}").moments(NOW)
    assert (end - begin, end) == (timedelta(days=length), datetime(2026, 3, 11, tzinfo=UTC))


def test_the_address_comes_back_as_it_was() -> None:
    query = "kind=SESSIONS&span=week&place=4&split=STATION&bucket=DAY&compare=1&station=7&station=9"
    assert wanted(query).url() == f"/charts?{query}"
    asked = wanted(query).asked(NOW)
    assert (asked["stations"], asked["place"], asked["time_zone"]) == (["stations/7", "stations/9"], "places/4", "UTC")


def test_numbers_are_told_in_the_unit_of_people() -> None:
    shown = Shown(wanted(""), a_chart(ChartSeries("", "", (1500.0, 0.0), 1500.0)))
    assert (shown.total, shown.lines[0].label) == ("1.5\u00a0kWh", "Energy")
    assert shown.rows == [("Mon 9 Mar 2026", ["1.5\u00a0kWh"]), ("Tue 10 Mar 2026", ["0.0\u00a0kWh"])]
    assert shown.span_words == "9 Mar 2026 – 10 Mar 2026"
    assert json.loads(shown.data)["series"][0]["values"] == [1.5, 0.0]


def test_a_gap_is_no_zero() -> None:
    series = ChartSeries("", "", (math.nan, 0.5), 0.5)
    shown = Shown(wanted("kind=PLUG_IN_SUCCESS"), a_chart(series, unit="share"))
    assert json.loads(shown.data)["series"][0]["values"] == [None, 50.0]
    assert shown.rows[0][1] == ["–"]
    assert not shown.empty
    assert Shown(wanted(""), a_chart(ChartSeries("", "", (math.nan, 0.0), 0.0))).empty


def test_the_span_before_stands_beside_each_series() -> None:
    now, before = ChartSeries("a", "Bay 1", (2000.0, 0.0), 2000.0), ChartSeries("a", "Bay 1", (1000.0, 600.0), 1600.0)
    others = ChartSeries("", "", (5.0, 5.0), 10.0)
    shown = Shown(
        wanted("compare=1&split=STATION"), a_chart(now, previous=(before,), previous_total=1600.0, others=others)
    )
    assert shown.change == "+25.0\u00a0%"
    assert shown.heads == ["Bay 1", "Bay 1, span before", "Others"]
    heads, rows = shown.sheet()
    assert heads == ["From", "Bay 1 (kWh)", "Bay 1, span before (kWh)", "Others (kWh)"]
    assert [str(rows[0][0]), *rows[0][1:]] == ["2026-03-09 00:00:00", 2.0, 1.0, 0.005]


def test_a_heat_map_has_seven_days_of_24_hours() -> None:
    values = tuple(float(hour % 24) * 1000 for hour in range(168))
    shown = Shown(wanted("split=HOUR_OF_WEEK"), a_chart(ChartSeries("", "", values, 1.0)))
    assert shown.heat_map
    assert [day for day, _cells in shown.week][:2] == ["Monday", "Tuesday"]
    first = shown.week[0][1]
    assert (first[0].heat, first[23].heat, first[23].words) == (0, 9, "23.0")
    heads, rows = shown.sheet()
    assert (heads[2], len(rows), rows[25]) == ("Energy (kWh)", 168, ["Tuesday", 1, 1.0])


def test_headings_of_a_file_differ() -> None:
    assert unlike(["Bay", "Bay", "Dock"]) == ["Bay", "Bay 2", "Dock"]
