"""Stations as pieces of equipment, and the key that their secrets are kept with."""

from __future__ import annotations

from control.server import Servicer
from control.servicers.installations import InstallationServicer
from csms.app.keys import secret_key
from csms.app.parts import Parts
from csms.services.installations import Installations
from csms.storage.installations import PostgresInstallations
from csms.storage.sealing import FernetCipher


def build(parts: Parts) -> list[Servicer]:
    """Its use cases, wired. Raises InvalidArgument/SECRET_KEY."""
    cipher = FernetCipher(secret_key(parts.settings))
    store = PostgresInstallations(parts.database, parts.stores.station_queries, cipher)
    return [InstallationServicer(Installations(store, parts.stores.station_queries, parts.scopes))]
