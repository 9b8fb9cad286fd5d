"""Secrets that people must be able to read again: encrypted with a key that lies beside the database, not in it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from cryptography.fernet import Fernet, InvalidToken

from csms.domain.errors import FailedPrecondition, InvalidArgument

__all__ = ["MARK", "FernetCipher", "MarkedCipher", "key_from"]

MARK: Final = "sealed:"


class FernetCipher:
    """csms.ports.installations.SecretCipher: AES-128-CBC with HMAC-SHA256, as the `cryptography` package has it."""

    def __init__(self, key: bytes) -> None:
        self._fernet = Fernet(key)

    def seal(self, text: str) -> str:
        """See `SecretCipher.seal`."""
        return self._fernet.encrypt(text.encode()).decode() if text else ""

    def open(self, sealed: str) -> str:
        """See `SecretCipher.open`."""
        if not sealed:
            return ""
        try:
            return self._fernet.decrypt(sealed.encode()).decode()
        except InvalidToken as error:
            raise FailedPrecondition(
                "This secret was kept with another key. Bring back the file secret.key of the data folder that it was"
                " written with, or enter the secret again.",
                reason="KEY_LOST",
            ) from error


class MarkedCipher(FernetCipher):
    """For columns that held plain text once: what is sealed says so, and what does not is read as it is."""

    def seal(self, text: str) -> str:
        """See `SecretCipher.seal`."""
        return MARK + super().seal(text) if text else ""

    def open(self, sealed: str) -> str:
        """See `SecretCipher.open`."""
        return super().open(sealed.removeprefix(MARK)) if sealed.startswith(MARK) else sealed


def key_from(setting: str, file: Path) -> bytes:
    """The key of the setting, or else of the file, which is made (mode 600) when it is not there.

    Raises InvalidArgument when it is none, OSError.
    """
    if setting:
        key = setting.encode()
    else:
        try:
            with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as new:
                new.write(Fernet.generate_key())
                new.flush()
                os.fsync(new.fileno())
        except FileExistsError:
            pass
        key = file.read_bytes().strip()
    try:
        Fernet(key)
    except ValueError as error:
        where = "secret_key" if setting else str(file)
        raise InvalidArgument(
            f"{where} holds no key: that is 32 random bytes in URL-safe base64, 44 characters.", reason="SECRET_KEY"
        ) from error
    return key
