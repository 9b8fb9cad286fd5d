"""Shares and groups on the wire."""

from __future__ import annotations

import pytest

from control.convert import sharing as convert
from control.v1 import sharing_pb2
from csms.domain.access import ShareLevel
from csms.domain.errors import InvalidArgument
from csms.ports.sharing import Group, Person, Share


@pytest.mark.parametrize("level", list(ShareLevel))
def test_every_level_comes_back(level: ShareLevel) -> None:
    message = convert.share(Share(7, Person(5, "ada@example.org", "Ada"), level))
    assert convert.read_level(message.level) is level
    assert (message.person.user, message.person.email, message.person.display_name) == (
        "users/5",
        "ada@example.org",
        "Ada",
    )


@pytest.mark.parametrize("number", [sharing_pb2.SHARE_LEVEL_UNSPECIFIED, 99])
def test_no_level_is_refused(number: int) -> None:
    with pytest.raises(InvalidArgument) as refused:
        convert.read_level(number)
    assert refused.value.reason == "LEVEL_MISSING"


def test_a_group_names_its_stations() -> None:
    message = convert.group(Group(3, 5, "Yard", "By the gate", (7, 9), 2))
    assert (message.name, list(message.stations), message.etag) == ("groups/3", ["stations/7", "stations/9"], "2")
