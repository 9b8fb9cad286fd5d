"""Mail by SMTP. Lives in asyncio, behind the door."""

from __future__ import annotations

import ssl
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import formatdate, parseaddr
from enum import StrEnum
from typing import Final

import aiosmtplib

from csms.aio import Door
from csms.domain.errors import Unavailable
from csms.ports.outbox import Mail, MailRefused

TIMEOUT_SECONDS: Final = 30.0
_PERMANENT: Final = range(500, 600)


class MailSecurity(StrEnum):
    """How the connection to the mail server is kept private."""

    STARTTLS = "starttls"
    TLS = "tls"
    NONE = "none"


class SmtpMailer:
    """csms.ports.outbox.Mailer: one connection a letter. `sender` is an address, with or without a name."""

    def __init__(
        self,
        door: Door,
        host: str,
        port: int,
        *,
        sender: str,
        security: MailSecurity = MailSecurity.STARTTLS,
        user: str = "",
        password: str = "",
    ) -> None:
        self._door = door
        self._host, self._port = host, port
        self._sender = sender
        self._security = security
        self._user, self._password = user, password

    async def send(self, mail: Mail) -> None:
        """See `Mailer.send`."""
        message = compose(mail, self._sender)
        await self._door.call(self._send, message)

    async def _send(self, message: EmailMessage) -> None:
        """In asyncio."""
        try:
            await aiosmtplib.send(
                message,
                hostname=self._host,
                port=self._port,
                username=self._user or None,
                password=self._password or None,
                use_tls=self._security is MailSecurity.TLS,
                start_tls=self._security is MailSecurity.STARTTLS,
                tls_context=None if self._security is MailSecurity.NONE else ssl.create_default_context(),
                timeout=TIMEOUT_SECONDS,
            )
        except aiosmtplib.SMTPRecipientsRefused as error:
            if all(each.code in _PERMANENT for each in error.recipients):
                raise MailRefused(f"The mail server refuses the recipient: {error.recipients[0].message}") from error
            raise _later(error) from error
        except (aiosmtplib.SMTPSenderRefused, aiosmtplib.SMTPDataError) as error:
            if error.code in _PERMANENT:
                raise MailRefused(f"The mail server refuses the letter: {error.message}") from error
            raise _later(error) from error
        except (aiosmtplib.SMTPException, OSError) as error:  # a wrong password too: the settings can be mended
            raise _later(error) from error


def compose(mail: Mail, sender: str) -> EmailMessage:
    """Text, with HTML and files beside it. Raises MailRefused for an address that cannot stand in a header."""
    message = EmailMessage()
    try:
        message["From"] = sender
        message["To"] = Address(addr_spec=mail.recipient)
        message["Subject"] = mail.subject
    except (ValueError, MessageError, IndexError) as error:
        raise MailRefused(f"The letter cannot be addressed: {error}") from error
    message["Date"] = formatdate(localtime=False)
    if mail.id:
        local, _, name = mail.id.partition("@")
        domain = parseaddr(sender)[1].rpartition("@")[2] or "localhost"
        message["Message-ID"] = f"<{name}.{local}@{domain}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(mail.body)
    if mail.html:
        message.add_alternative(mail.html, subtype="html")
    for attached in mail.attachments:
        maintype, _, subtype = attached.content_type.partition("/")
        message.add_attachment(attached.data, maintype=maintype, subtype=subtype, filename=attached.filename)
    return message


def _later(error: Exception) -> Unavailable:
    why = str(error) or type(error).__name__
    return Unavailable(f"The mail server did not take it: {why}", reason="MAIL_SERVER")
