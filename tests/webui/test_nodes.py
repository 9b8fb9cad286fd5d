"""Places to pick from."""

from __future__ import annotations

from webui.nodes import arranged
from webui.values_statistics import Node


def test_the_tree_is_indented_and_the_system_left_out() -> None:
    found = arranged(
        (
            Node("places/1", "", "SYSTEM", "All"),
            Node("places/2", "places/1", "SITE", "Harbour"),
            Node("places/3", "places/2", "FLOOR", "Level 1"),
        )
    )
    assert [(each.key, each.indented) for each in found] == [("2", "Harbour"), ("3", "\u2003Level 1")]


def test_who_sees_only_one_site_has_it_at_the_top() -> None:
    assert [each.depth for each in arranged((Node("places/2", "places/1", "SITE", "Harbour"),))] == [1]
