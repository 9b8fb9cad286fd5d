"""Things that a browser carries for us for some minutes and can neither read nor change: encrypted, signed, expiring.

The key is made when the process starts and is kept nowhere: after a restart, what was sealed before is void, and its
bearer begins anew. Whoever runs several portals behind one address must lead a visitor to the same one.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final, TypeVar

import msgspec
from cryptography.fernet import Fernet, InvalidToken

S = TypeVar("S", bound=msgspec.Struct)
KEPT: Final = timedelta(minutes=10)


class Seal:
    """Seals values of one process."""

    def __init__(self) -> None:
        self._fernet = Fernet(Fernet.generate_key())

    def close(self, value: msgspec.Struct) -> str:
        """The value as text for a cookie or a hidden field."""
        kind = type(value).__name__.encode()
        return self._fernet.encrypt(kind + b"\0" + msgspec.json.encode(value)).decode()

    def open(self, text: str, kind: type[S], kept: timedelta = KEPT) -> S | None:
        """The value, or None when the text is not ours, was meant for something else, or is too old."""
        try:
            content = self._fernet.decrypt(text.encode(), ttl=int(kept.total_seconds()))
            name, _, body = content.partition(b"\0")
            return msgspec.json.decode(body, type=kind) if name == kind.__name__.encode() else None
        except (InvalidToken, UnicodeEncodeError, msgspec.DecodeError):
            return None
