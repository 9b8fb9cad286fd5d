"""Language and zone of the reader, and texts that can be translated."""

from __future__ import annotations

import pytest

from webui import words


@pytest.mark.parametrize("header", ["", "tlh", "xx-YY", "*", ";;;,", "en", "en-GB;q=0.3"])
def test_any_header_gives_a_language_that_we_have(header: str):
    assert words.manners(header, "").language == "en"


@pytest.mark.parametrize("zone", ["Mars/Olympus", "../../etc/passwd", "", "\x00", "a" * 64])
def test_an_unknown_zone_is_utc(zone: str):
    assert words.manners("en", zone).zone_name == "UTC"


def test_a_known_zone_is_used():
    assert words.manners("en-US", "Europe/Stockholm").zone_name == "Europe/Stockholm"


def test_a_marked_text_is_as_safe_and_as_much_a_format_as_jinjas_own():
    assert str(words.marked("100 %% sure")) == "100 % sure"
    assert str(words.marked("Hello %(name)s", name="<b>")) == "Hello &lt;b&gt;"
    assert str(words.marked("Stations")) == "Stations"
    token = words.current.set(words.manners("sv", ""))
    try:
        assert str(words.marked("Stations")) == words.catalogue("sv").gettext("Stations") != "Stations"
    finally:
        words.current.reset(token)
