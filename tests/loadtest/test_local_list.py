"""What a simulated station knows of tags by itself."""

from __future__ import annotations

from loadtest.local_list import LocalList


def test_an_unknown_tag_is_trusted() -> None:
    assert not LocalList().refuses("A")


def test_the_list_goes_before_the_cache() -> None:
    known = LocalList()
    known.remember("a", good=False)
    assert known.refuses("A")
    assert known.update(1, {"A": True}, full=True)
    assert not known.refuses("a")
    known.forget()
    assert known.update(2, {"A": None}, full=False)
    assert not known.refuses("A")


def test_an_older_update_is_not_taken_but_a_whole_list_is() -> None:
    known = LocalList()
    assert known.update(5, {"A": False, "B": False}, full=True)
    assert not known.update(5, {"A": True}, full=False)
    assert known.refuses("A")
    assert known.update(3, {"C": False}, full=True)
    assert (known.version, len(known)) == (3, 1)
    assert not known.refuses("A")
