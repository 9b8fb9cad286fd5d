"""Secrets that lay in plain are sealed at the next start, once."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest
from cryptography.fernet import Fernet

from csms.domain.access import Role
from csms.domain.roaming import Party, PartyState
from csms.storage.access import PostgresAccess
from csms.storage.plain_secrets import seal_plain_secrets
from csms.storage.pool import Database
from csms.storage.roaming_parties import PostgresParties
from csms.storage.sealing import MARK, FernetCipher, MarkedCipher

pytestmark = [pytest.mark.postgres, pytest.mark.feature("F-USR-4", "F-SYS-2")]
PLAIN = "JBSWY3DPEHPK3PXP"


async def test_plain_secrets_are_sealed_once(database: Database) -> None:
    access, cipher = PostgresAccess(database), MarkedCipher(Fernet.generate_key())
    user = await access.create_user("ann@example.org", "Ann", "", Role.EV_USER)
    await access.create_user("ben@example.org", "Ben", "", Role.EV_USER)
    await database.execute("UPDATE app_user SET totp_secret = $2, totp_offered = $2 WHERE id = $1", user.id, PLAIN)
    parties = PostgresParties(database, cipher)
    party = await parties.create_party(Party(0, "Them", PartyState.INVITED, b"digest"))
    await database.execute("UPDATE roaming_party SET token_to_send = 'shown' WHERE id = $1", party.id)
    assert (await parties.party(party.id)).token_to_send == "shown", "plain is read until it is sealed"

    assert await seal_plain_secrets(database, cipher) == 3
    assert await seal_plain_secrets(database, cipher) == 0
    found = await access.find_user(user.id)
    assert found is not None
    assert found.totp_secret.startswith(MARK)
    assert PLAIN not in found.totp_secret
    assert cipher.open(found.totp_secret) == PLAIN
    assert (await parties.party(party.id)).token_to_send == "shown"


async def test_the_token_that_we_show_is_not_in_the_database(database: Database) -> None:
    cipher = MarkedCipher(Fernet.generate_key())
    parties = PostgresParties(database, cipher)
    made = await parties.create_party(Party(0, "Them", PartyState.REGISTERED, b"digest", "topsecret"))
    assert made.token_to_send == "topsecret"
    changed = msgspec.structs.replace(made, token_to_send="other", registered_at=datetime(2026, 1, 1, tzinfo=UTC))
    assert (await parties.update_party(changed)).token_to_send == "other"
    kept = str(await database.fetchval("SELECT token_to_send FROM roaming_party"))
    assert kept.startswith(MARK)
    assert "other" not in kept
    stranger = PostgresParties(database, FernetCipher(Fernet.generate_key()))
    assert (await stranger.party(made.id)).token_to_send == "", "another key: the party refuses us, and that is told"
