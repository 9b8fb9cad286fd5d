"""The key that secrets are kept with."""

from __future__ import annotations

from csms.app.database import data_folder
from csms.config import Settings
from csms.domain.errors import InvalidArgument
from csms.storage.sealing import key_from


def secret_key(settings: Settings) -> bytes:
    """Of the settings, or of the data folder, where one is made when there is none. Raises
    InvalidArgument/SECRET_KEY."""
    folder = data_folder(settings)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return key_from(settings.secret_key, folder / "secret.key")
    except OSError as error:
        raise InvalidArgument(
            f"Cannot keep a key in {error.filename}: {error.strerror}.", reason="SECRET_KEY"
        ) from error
