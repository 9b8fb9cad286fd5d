"""Settings."""

from __future__ import annotations

from webui.settings import Settings


def test_the_public_origin_is_the_public_address_without_its_path():
    assert Settings(public_url="https://charge.example.org/portal/").public_origin == "https://charge.example.org"
    assert Settings().public_origin == ""
    assert Settings(public_url="charge.example.org").public_origin == ""
