"""The words of mails."""

from __future__ import annotations

import pytest

from csms.domain.people import LANGUAGES
from csms.ports.outbox import MailKind
from csms.services.mail_texts import letter


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", [MailKind.INVITATION, MailKind.RESET])
def test_every_letter_has_its_link_in_both_forms(kind: MailKind, language: str) -> None:
    subject, text, page = letter(kind, language, name="Ann", link="https://p.example.org/#token=x", hours=24)
    assert "\n" not in subject
    assert "https://p.example.org/#token=x" in text
    assert 'href="https://p.example.org/#token=x"' in page
    assert f'lang="{language}"' in page
    assert "24" in text
    assert "{" not in text


def test_a_name_is_no_html_and_no_new_line() -> None:
    _, text, page = letter(MailKind.RESET, "xx", name="<b>\r\nBcc: all", link="https://p", hours=24)
    assert "<b>" not in page
    assert "Hello <b> Bcc: all," in text
