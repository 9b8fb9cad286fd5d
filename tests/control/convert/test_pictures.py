"""Names of pictures, and positions."""

from __future__ import annotations

import pytest

from control.convert import pictures as convert
from csms.domain.errors import InvalidArgument
from csms.ports.pictures import Position


def test_names_are_read() -> None:
    assert convert.read_picture_name("stations/3/pictures/2") == ("stations", 3, 2)
    assert convert.read_picture_name("places/5/plan") == ("places", 5, 0)


@pytest.mark.parametrize("name", ["", "stations/3/pictures/3", "places/5", "stations/x/pictures/1", "places/0/plan"])
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(InvalidArgument):
        convert.read_picture_name(name)


def test_a_position_survives_the_way_there_and_back() -> None:
    position = Position(3, 0.25, 1.0)
    assert convert.read_position(convert.position(position)) == position
