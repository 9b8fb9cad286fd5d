"""The daily mail can be written in every language."""

from __future__ import annotations

import pytest

from csms.domain.alarms import AlarmKind, Severity
from csms.domain.people import LANGUAGES
from csms.services.alarm_texts import kind_words, severity_words, text_of


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_every_word(language: str) -> None:
    assert len({kind_words(language, kind) for kind in AlarmKind}) == len(AlarmKind)
    assert len({severity_words(language, each) for each in Severity}) == len(Severity)
    for name in ("subject_one", "subject", "greeting", "intro", "more", "open", "why"):
        assert text_of(language, name)
        assert language == "en" or text_of(language, name) != text_of("en", name)


def test_an_unknown_language_is_english() -> None:
    assert text_of("tlh", "intro") == text_of("en", "intro")
