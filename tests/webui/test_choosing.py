"""Whom somebody meant who typed a name."""

from __future__ import annotations

from tests.webui.pages.test_drive import a_station
from webui.choosing import UserBrief, station_meant, user_meant


def test_an_identity_goes_before_everything_else_that_was_found():
    found = (a_station("CP-1"), a_station("CP-10"))
    assert station_meant("cp-1", found) is found[0]
    assert station_meant("CP", found) is None
    assert station_meant("CP-10", found[1:]) is found[1]
    assert station_meant("x", ()) is None


def test_a_user_is_meant_by_the_whole_mail_or_when_there_is_only_one():
    eve = UserBrief("users/1", "eve@example.org", "Eve", "Adams")
    steve = UserBrief("users/2", "steve@example.org", "", "")
    assert user_meant("Eve@example.org", (steve, eve)) is eve
    assert user_meant("eve", (steve, eve)) is None
    assert (eve.label, steve.label) == ("Eve Adams", "steve@example.org")
