"""Safe ways back."""

from __future__ import annotations

import pytest

from webui.session import safe_next


@pytest.mark.parametrize("target", ["/", "/sessions?state=ACTIVE", "/stations/1/messages?q=a%20b"])
def test_our_own_paths_are_kept(target: str):
    assert safe_next(target) == target


@pytest.mark.parametrize(
    "target",
    [
        "",
        "x",
        "//evil",
        "/\\evil",
        "\\/evil",
        "http:evil",
        "https://evil/",
        "/\t/evil",
        "/a\\b",
        "/signin?next=/signin",
    ],
)
def test_other_places_are_not(target: str):
    assert safe_next(target) == "/"
