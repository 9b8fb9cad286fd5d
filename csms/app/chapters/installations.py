"""Stations as pieces of equipment, and the key that their secrets are kept with."""

from __future__ import annotations

from control.server import Servicer
from control.servicers.installations import InstallationServicer
from csms.app.database import data_folder
from csms.app.parts import Parts
from csms.domain.errors import InvalidArgument
from csms.services.installations import Installations
from csms.storage.installations import PostgresInstallations
from csms.storage.sealing import FernetCipher, key_from


def build(parts: Parts) -> list[Servicer]:
    """Its use cases, wired. Raises InvalidArgument/SECRET_KEY."""
    folder = data_folder(parts.settings)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        key = key_from(parts.settings.secret_key, folder / "secret.key")
    except OSError as error:
        raise InvalidArgument(
            f"Cannot keep a key in {error.filename}: {error.strerror}.", reason="SECRET_KEY"
        ) from error
    store = PostgresInstallations(parts.database, parts.stores.station_queries, FernetCipher(key))
    return [InstallationServicer(Installations(store, parts.stores.station_queries, parts.scopes))]
