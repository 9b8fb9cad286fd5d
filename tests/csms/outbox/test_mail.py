"""Mail by SMTP, to a mail server that keeps what it gets."""

from __future__ import annotations

import pytest

from csms.aio import open_door
from csms.domain.errors import Unavailable
from csms.outbox.mail import MailSecurity, SmtpMailer, compose
from csms.ports.outbox import Mail, MailRefused
from tests.kit.mail_server import mail_server, text_of
from tests.kit.product import free_port

MAIL = Mail("ann@example.org", "Räksmörgås", "Text åäö\n", "<p>Text åäö</p>", id="7@chargehouse")
SENDER = "Chargehouse <noreply@example.org>"


async def test_a_letter_arrives_as_text_and_as_html() -> None:
    with mail_server() as server:
        async with open_door() as door:
            mailer = SmtpMailer(door, "127.0.0.1", server.port, sender=SENDER, security=MailSecurity.NONE)
            await mailer.send(MAIL)
        (letter,) = server.letters
        assert (letter["From"], letter["To"], letter["Subject"]) == (SENDER, "ann@example.org", "Räksmörgås")
        assert letter["Message-ID"] == "<chargehouse.7@example.org>"
        assert letter["Auto-Submitted"] == "auto-generated"
        assert text_of(letter).splitlines() == ["Text åäö"]
        assert "<p>Text åäö</p>" in text_of(letter, "html")


@pytest.mark.parametrize(("answer", "error"), [("550 No such user", MailRefused), ("451 Try later", Unavailable)])
async def test_a_refusal_is_for_good_or_for_now(answer: str, error: type[Exception]) -> None:
    with mail_server() as server:
        server.refuse = answer
        async with open_door() as door:
            mailer = SmtpMailer(door, "127.0.0.1", server.port, sender=SENDER, security=MailSecurity.NONE)
            with pytest.raises(error):
                await mailer.send(MAIL)


async def test_a_server_that_is_not_there_or_speaks_no_tls_is_tried_later() -> None:
    with mail_server() as server:
        async with open_door() as door:
            for port, security in ((free_port(), MailSecurity.NONE), (server.port, MailSecurity.STARTTLS)):
                with pytest.raises(Unavailable):
                    await SmtpMailer(door, "127.0.0.1", port, sender=SENDER, security=security).send(MAIL)
    assert server.letters == []


@pytest.mark.parametrize("recipient", ["ann@example.org\r\nBcc: all@example.org", "no address", ""])
def test_no_header_is_smuggled_in(recipient: str) -> None:
    with pytest.raises(MailRefused):
        compose(Mail(recipient, "Subject", "Text"), SENDER)
    with pytest.raises(MailRefused):
        compose(Mail("ann@example.org", "Subject\r\nBcc: all@example.org", "Text"), SENDER)
