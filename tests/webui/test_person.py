"""Who asks: what the control plane learns of their browser, and what is kept of them for some seconds."""

from __future__ import annotations

import pytest
from starlette.applications import Starlette
from starlette.requests import HTTPConnection

from tests.kit.portal_client import Browser
from webui.person import group_of, place_of


def a_connection(cookie: str = "", query: str = "") -> HTTPConnection:
    return HTTPConnection(
        {
            "type": "http",
            "headers": [(b"cookie", cookie.encode())],
            "query_string": query.encode(),
            "app": Starlette(),
        }
    )


@pytest.mark.parametrize(
    ("cookie", "group"), [("group=17", "groups/17"), ("", ""), ("group=1; x", "groups/1"), ("group=../1", "")]
)
def test_a_group_is_a_number_or_none(cookie: str, group: str) -> None:
    assert group_of(a_connection(cookie)) == group


@pytest.mark.parametrize(
    ("query", "place"), [("place=3", "3"), ("place=places/3", "3"), ("place=x", ""), ("place=²", ""), ("", "")]
)
def test_a_picked_place_is_a_number_or_none(query: str, place: str) -> None:
    assert place_of(a_connection(query=query)) == place


def test_pages_work_where_the_control_plane_knows_no_settings(admin: Browser) -> None:
    assert admin.get("/tags").status == 200
