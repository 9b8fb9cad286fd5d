"""Plots are SVG that can be read, in light and dark, without a font or a script from elsewhere."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from benchmarks.plots import Line, curves, plot

LINES = [Line("one <&>", [(0.0, 0.0), (10.0, 950.0)]), Line("floor", [(0.0, 0.0), (2.0, 900.0)])]


@pytest.mark.parametrize("draw", [plot, curves])
def test_it_is_a_picture_for_light_and_dark(draw: type) -> None:
    text = draw("Title & more", "seconds", LINES)
    root = ET.fromstring(text)
    assert root.tag.endswith("svg")
    assert len(list(root.iter("{http://www.w3.org/2000/svg}polyline"))) == 2
    assert "prefers-color-scheme:dark" in text
    assert "http" not in text.replace("http://www.w3.org/2000/svg", "")


def test_all_lines_of_curves_have_one_scale() -> None:
    root = ET.fromstring(curves("t", "x", LINES))
    texts = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {"0", "200", "1,000", "10"} <= set(texts)


@pytest.mark.parametrize("draw", [plot, curves])
def test_nothing_to_draw_is_no_crash(draw: type) -> None:
    ET.fromstring(draw("t", "x", []))
    ET.fromstring(draw("t", "x", [Line("all at nought", [(0.0, 0.0)])]))
