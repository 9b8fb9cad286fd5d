"""What a word may mean. The whole palette is tested in a browser: tests/browser/chapters/test_frame.py."""

from __future__ import annotations

from webui.search import pages
from webui.values import Role


def test_pages_are_found_by_any_part_of_their_name_and_only_those_of_the_role() -> None:
    assert [each.href for each in pages(Role.ADMINISTRATOR, "api")] == ["/keys"]
    assert pages(Role.EV_USER, "api") == ()
    assert "/settings" in [each.href for each in pages(Role.EV_USER, "SETT")]


def test_without_a_word_every_page_is_offered_once() -> None:
    found = [each.href for each in pages(Role.ADMINISTRATOR, "")]
    assert len(found) == len(set(found))


def test_the_words_of_the_manuals_find_the_pages_that_are_called_otherwise() -> None:
    assert next(each.href for each in pages(Role.SUPPORT, "statistics")) == "/sessions"
    assert next(each.href for each in pages(Role.SUPPORT, "topology")) == "/places"
    assert [each.href for each in pages(Role.ADMINISTRATOR, "add user")] == ["/users/add"]
    assert pages(Role.SUPPORT, "add user") == ()


def test_a_page_that_is_called_so_comes_before_one_that_is_also_called_so() -> None:
    assert next(each.href for each in pages(Role.SUPPORT, "sessions")) == "/sessions"
    assert "/operations/new?kind=RESET" in [each.href for each in pages(Role.SUPPORT, "restart")]
    assert pages(Role.EV_USER, "restart") == ()
