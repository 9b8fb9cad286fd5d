"""Where somebody begins."""

from __future__ import annotations

from tests.kit.portal_client import Browser


def test_the_start_page_is_the_dashboard_of_the_picked_place(admin: Browser):
    answer = admin.get("/?place=7")
    assert (answer.status, answer.header("location")) == (303, "/dashboard?place=7")
