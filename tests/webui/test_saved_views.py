"""Saved views: kept for each person, not more than a cookie holds."""

from __future__ import annotations

import pytest

from webui.saved_views import MOST, SavedView, added, cookie_name, without


def test_of_one_name_there_is_one_view():
    views = added(added((), "Mine", "state=ACTIVE"), "Mine", "check=1")
    assert views == (SavedView("Mine", "check=1"),)
    assert without(views, "Mine") == ()


def test_what_a_browser_would_not_keep_is_refused_in_words():
    views: tuple[SavedView, ...] = ()
    for number in range(MOST):
        views = added(views, f"View {number}", "x" * 100)
    with pytest.raises(ValueError, match="Delete one first"):
        added(views, "One more", "")
    with pytest.raises(ValueError, match="Delete one first"):
        added((SavedView("a", "é" * 500),), "b", "é" * 1500)


def test_who_shares_a_browser_does_not_share_views():
    assert cookie_name("sessions", "users/3") != cookie_name("sessions", "users/4")
    assert cookie_name("sessions", "users/../;x=1") == "sessions-views-x1"
