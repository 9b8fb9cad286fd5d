"""A mail server on a free port of this machine that keeps what it gets (aiosmtpd, in a thread of its own)."""

from __future__ import annotations

import contextlib
import email
import email.policy
import re
import time
from collections.abc import Iterator
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller

from tests.kit.product import free_port


class MailServer:
    """`letters` in the order in which they came; `refuse` with an answer of SMTP."""

    def __init__(self) -> None:
        self.letters: list[EmailMessage] = []
        self.refuse = ""
        self.port = 0

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        if self.refuse:
            return self.refuse
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        letter = email.message_from_bytes(envelope.content, policy=email.policy.default)
        assert isinstance(letter, EmailMessage)
        self.letters.append(letter)
        return "250 OK"

    def letter_to(self, recipient: str, patience: float = 20.0) -> EmailMessage:
        """The newest to them; waits for it. Raises AssertionError."""
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            for letter in reversed(self.letters):
                if recipient in str(letter["To"]):
                    return letter
            time.sleep(0.05)
        raise AssertionError(f"no letter to {recipient}; there are {[str(each['To']) for each in self.letters]}")


def text_of(letter: EmailMessage, kind: str = "plain") -> str:
    """The part of that kind."""
    part = letter.get_body((kind,))
    assert part is not None
    return str(part.get_content())


def token_in(letter: EmailMessage) -> str:
    """What stands behind `#token=` in the link."""
    found = re.search(r"#token=([\w-]+)", text_of(letter))
    assert found is not None, text_of(letter)
    return found[1]


@contextlib.contextmanager
def mail_server() -> Iterator[MailServer]:
    """Serves inside the block."""
    kept = MailServer()
    kept.port = free_port()
    controller = Controller(kept, hostname="127.0.0.1", port=kept.port)
    controller.start()
    try:
        yield kept
    finally:
        controller.stop()
