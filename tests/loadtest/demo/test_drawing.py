"""Plans of floors are pictures."""

from __future__ import annotations

from io import BytesIO

import pytest
from PIL import Image

from loadtest.demo.drawing import BAY, HEIGHT, WIDTH, draw_plan
from loadtest.demo.world import SITES, bay


@pytest.mark.parametrize("stations", [1, 2, 12, 30])
def test_every_station_stands_in_a_bay(stations: int) -> None:
    content = draw_plan(SITES[0].floors[0], stations)
    assert len(content) < 200_000
    with Image.open(BytesIO(content)) as picture:
        assert picture.size == (WIDTH, HEIGHT)
        for number in range(stations):
            x, y = bay(number, stations)
            assert picture.getpixel((int(x * WIDTH), int(y * HEIGHT))) == BAY
