"""Which of the driver's many errors mean "not now", and which are mistakes of ours."""

from __future__ import annotations

import asyncpg
import pytest

from csms.storage.errors import DatabaseUnavailable, translated


@pytest.mark.parametrize(
    "error",
    [
        ConnectionRefusedError(111, "Connection refused"),
        FileNotFoundError(2, "no socket"),
        asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation"),
        asyncpg.AdminShutdownError("terminating connection due to administrator command"),
        asyncpg.CannotConnectNowError("the database system is starting up"),
        asyncpg.TooManyConnectionsError("sorry, too many clients already"),
        asyncpg.DiskFullError("could not extend file"),
        asyncpg.ReadOnlySQLTransactionError("cannot execute INSERT in a read-only transaction"),
        asyncpg.InterfaceError("cannot perform operation: connection is closed"),
        asyncpg.InternalClientError("cannot switch to state 12; another operation (2) is in progress"),
    ],
)
def test_every_kind_of_outage_is_one_error(error: Exception) -> None:
    with pytest.raises(DatabaseUnavailable) as caught, translated():
        raise error
    assert caught.value.reason == "DATABASE_UNAVAILABLE"
    assert caught.value.__cause__ is error


@pytest.mark.parametrize("error", [TimeoutError(), asyncpg.QueryCanceledError("due to statement timeout")])
def test_slowness_has_a_reason_of_its_own(error: Exception) -> None:
    with pytest.raises(DatabaseUnavailable) as caught, translated():
        raise error
    assert caught.value.reason == "DATABASE_TIMEOUT"


@pytest.mark.parametrize(
    "error",
    [
        asyncpg.UndefinedTableError('relation "nowhere" does not exist'),
        asyncpg.UniqueViolationError("duplicate key value"),
        asyncpg.InterfaceError("cannot perform operation: another operation is in progress"),
        asyncpg.InternalClientError("unexpected"),
        ValueError("connection is closed"),
    ],
)
def test_mistakes_stay_what_they_are(error: Exception) -> None:
    with pytest.raises(type(error)) as caught, translated():
        raise error
    assert caught.value is error
