"""What everybody may read, and what stands there while nobody answers."""

from __future__ import annotations

from tests.kit.portal_client import Portal
from webui.public import NAME


def test_pages_have_a_title_even_when_the_control_plane_does_not_know_one(portal: Portal) -> None:
    assert f"· {NAME}</title>" in portal.browser().get("/signin").text


def test_imprint_and_privacy_can_be_read_without_signing_in(portal: Portal) -> None:
    for path in ("/imprint", "/privacy"):
        answer = portal.browser().get(path)
        assert answer.status == 200
        assert "The operator has not written anything here yet." in answer.text
