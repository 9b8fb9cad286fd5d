"""Saved views: not more than are kept."""

from __future__ import annotations

import pytest

from webui.saved_views import MOST, SavedView, added, decoded, encoded, without


def test_of_one_name_there_is_one_view():
    views = added(added((), "Mine", "state=ACTIVE"), "Mine", "check=1")
    assert views == (SavedView("Mine", "check=1"),)
    assert without(views, "Mine") == ()


def test_what_would_not_be_kept_is_refused_in_words():
    views: tuple[SavedView, ...] = ()
    for number in range(MOST):
        views = added(views, f"View {number}", "x" * 100)
    with pytest.raises(ValueError, match="Delete one first"):
        added(views, "One more", "")
    long = tuple(SavedView(str(number), "x" * 1500) for number in range(5))
    with pytest.raises(ValueError, match="Delete one first"):
        added(long, "One more", "x" * 1500)


def test_what_makes_no_sense_is_nothing():
    assert decoded("[[1]]") == decoded("") == decoded("views") == ()
    views = (SavedView("a", "b"),)
    assert decoded(encoded(views)) == views
