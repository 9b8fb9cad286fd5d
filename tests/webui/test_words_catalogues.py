"""Every text of the portal is there in every language, and says the same placeholders."""

from __future__ import annotations

import re
from functools import cache

import pytest
from babel.messages.catalog import Message

from scripts import messages
from webui import words

texts = cache(messages.texts)  # it takes a second to read all modules and templates
HOLES = re.compile(r"%\((\w+)\)s|\{(\w*)\}")


def strings(message: Message) -> list[str]:
    return [message.string] if isinstance(message.string, str) else list(message.string or ())


def test_all_texts_can_be_extracted_for_translation() -> None:
    assert len(texts()) > 300
    for text in ("Sign in", "Start charging", "The station is accepted. It can charge as soon as it has booted."):
        assert text in texts()


@pytest.mark.parametrize("language", messages.LANGUAGES)
@pytest.mark.feature("F-USR-5")
def test_no_text_is_missing_in_a_language(language: str) -> None:
    assert messages.missing(messages.renewed(messages.read(language), texts())) == [], "`make messages`"


@pytest.mark.parametrize("language", messages.LANGUAGES)
def test_a_translation_has_the_same_holes_to_fill(language: str) -> None:
    wrong = []
    for message in messages.read(language):
        ids = [message.id] if isinstance(message.id, str) else list(message.id)
        wanted = {hole for text in ids for hole in HOLES.findall(text)}
        wrong += [text for text in strings(message) if text and not set(HOLES.findall(text)) <= wanted]
        wrong += [text for text in strings(message)[-1:] if text and set(HOLES.findall(text)) != wanted]
    assert wrong == []


@pytest.mark.parametrize("language", messages.LANGUAGES)
def test_what_the_portal_reads_is_what_was_written(language: str) -> None:
    assert language in words.languages()
    catalogue = words.catalogue(language)
    for message in messages.read(language):
        if isinstance(message.id, str) and message.id and message.string:
            assert catalogue.gettext(message.id) == message.string, "compile it: `make messages`"


def test_the_reader_is_spoken_to_in_the_language_of_the_account_first() -> None:
    found = words.manners("en-GB", "UTC")
    assert words.with_choices(found, "sv", "Europe/Stockholm").language == "sv"
    assert words.with_choices(found, "", "").language == "en"
    assert words.with_choices(found, "tlh", "Mars/Olympus") == found
