"""Language and zone of the reader, and texts that can be translated."""

from __future__ import annotations

from pathlib import Path

import pytest
from babel.messages.extract import extract_from_dir

from webui import words

ROOT = Path(words.__file__).parent


@pytest.mark.parametrize("header", ["", "tlh", "xx-YY", "*", ";;;,", "en", "en-GB;q=0.3"])
def test_any_header_gives_a_language_that_we_have(header: str):
    assert words.manners(header, "").language == "en"


@pytest.mark.parametrize("zone", ["Mars/Olympus", "../../etc/passwd", "", "\x00", "a" * 64])
def test_an_unknown_zone_is_utc(zone: str):
    assert words.manners("en", zone).zone_name == "UTC"


def test_a_known_zone_is_used():
    assert words.manners("en-US", "Europe/Stockholm").zone_name == "Europe/Stockholm"


def test_all_texts_can_be_extracted_for_translation():
    methods = [("**.py", "python"), ("templates/**.html", "jinja2")]
    found = {
        message if isinstance(message, str) else message[0]
        for _file, _line, message, _comments, _context in extract_from_dir(ROOT, methods)
    }
    assert len(found) > 300
    for text in ("Sign in", "Start charging", "The station is accepted. It can charge as soon as it has booted."):
        assert text in found
