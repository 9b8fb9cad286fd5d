"""Charts as values."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtest.charts import HEIGHT, WIDTH, Chart, Plan, Series, bars, thin_out, time_ticks, time_words, words

figures = st.floats(0, 1e9, allow_nan=False)


def drawn(plan: Plan) -> Chart:
    chart = plan.draw()
    assert chart is not None
    return chart


def test_a_line_starts_at_the_bottom_left_and_the_axis_ends_above_its_top() -> None:
    chart = drawn(Plan("Answers", [Series("answers", [(0.0, 0.0), (30.0, 50.0), (60.0, 100.0)])], "/s"))
    assert chart.lines[0].path == "M0.0 300.0L500.0 180.0L1000.0 60.0"
    assert [(tick.at, tick.label) for tick in chart.y_ticks][:2] == [(0.0, "0"), (20.0, "25")]
    assert chart.y_ticks[-1].at == 100.0
    assert chart.x_ticks[0].label == "0 s"
    assert chart.summary == "Answers: answers up to 100 /s"


def test_where_nothing_was_measured_the_line_breaks_and_a_lonely_point_is_a_dot() -> None:
    points = [(0.0, 1.0), (1.0, 1.0), (50.0, 2.0), (99.0, 1.0), (100.0, 1.0)]
    (line,) = drawn(Plan("Latency", [Series("p50", points, gap=2.0, area=True)])).lines
    assert line.path.count("M") == 3
    assert "h.1" in line.path
    assert line.area.count("Z") == 3


def test_a_logarithmic_axis_has_whole_tens() -> None:
    chart = drawn(Plan("Latency", [Series("p50", [(0.0, 2.0), (1.0, 700.0)])], "ms", log=True))
    assert [tick.label for tick in chart.y_ticks] == ["1", "10", "100", "1,000"]
    assert [tick.at for tick in chart.y_ticks] == [0.0, 33.33, 66.67, 100.0]
    narrow = drawn(Plan("Latency", [Series("p50", [(0.0, 2.0), (1.0, 7.0)])], "ms", log=True))
    assert [tick.label for tick in narrow.y_ticks] == ["1", "2", "5", "10"]


def test_a_pointer_reads_every_series_at_every_time() -> None:
    one, other = Series("one", [(0.0, 1.0), (2.0, 3.0)]), Series("other", [(1.0, 0.5)], 9)
    reading = drawn(Plan("Both", [one, other])).reading
    assert reading["at"] == [0.0, 50.0, 100.0]
    assert reading["x"] == ["0 s", "1 s", "2 s"]
    assert reading["series"] == [
        {"name": "one", "style": "c1", "y": ["1", "", "3"]},
        {"name": "other", "style": "c1 dashed", "y": ["", "0.50", ""]},
    ]
    json.dumps(reading)


def test_nothing_to_see_is_no_chart() -> None:
    assert Plan("Errors", [Series("errors", [])]).draw() is None


@given(st.lists(st.tuples(st.floats(0, 1e6), figures), min_size=1, max_size=30), st.booleans())
def test_whatever_was_measured_fits_into_the_box(points: list[tuple[float, float]], log: bool) -> None:
    chart = drawn(Plan("Anything", [Series("it", sorted(points))], log=log))
    pairs = chart.lines[0].path.replace("h.1", "").replace("M", "L").strip("L").split("L")
    for pair in pairs:
        x, y = map(float, pair.split())
        assert -0.1 <= x <= WIDTH + 0.1
        assert -0.1 <= y <= HEIGHT + 0.1
    assert all(0 <= tick.at <= 100.01 for tick in (*chart.x_ticks, *chart.y_ticks))
    assert 2 <= len(chart.y_ticks) <= 20


@pytest.mark.parametrize("seconds", [1, 5, 59, 60, 61, 600, 3599, 86_400, 7 * 86_400, 40 * 86_400])
def test_time_has_at_most_seven_ticks(seconds: int) -> None:
    ticks = time_ticks(seconds)
    assert 2 <= len(ticks) <= 7
    assert ticks[-1][0] <= seconds


def test_words() -> None:
    assert [time_words(s) for s in (0, 59, 60, 150, 3900)] == ["0 s", "59 s", "1:00", "2:30", "1:05:00"]
    told = [words(v) for v in (0, 0.012345, 0.5, 12.34, 123.4, 12_345, 25_000_000)]
    assert told == ["0", "0.0123", "0.50", "12.3", "123", "12,345", "25 M"]


def test_a_long_run_is_thinned_out_to_means() -> None:
    points = [(float(n), float(n % 2)) for n in range(10_000)]
    thin = thin_out(points)
    assert len(thin) <= 600
    assert all(0.4 <= y <= 0.6 for _, y in thin)
    assert thin_out(points[:5]) == points[:5]


def test_the_longest_bar_takes_all_the_room() -> None:
    assert [(bar.value, bar.share) for bar in bars({"a": 10, "b": 5}, " ms")] == [("10 ms", 100.0), ("5 ms", 50.0)]
    assert bars({}) == []
