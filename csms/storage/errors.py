"""What goes wrong with a database, in two kinds: it is away (DatabaseUnavailable), or it is a bug (as it comes)."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import asyncpg

from csms.domain.errors import Unavailable


class DatabaseUnavailable(Unavailable):
    """The database does not answer now. What was under way may or may not have happened; try again.

    ``reason`` is DATABASE_UNAVAILABLE (gone, refused, restarting) or DATABASE_TIMEOUT (too slow, or all
    connections busy).
    """

    default_reason = "DATABASE_UNAVAILABLE"


# Also the server's own words for "not now". Disk full is among them: what waits can go on when there is room again.
_GONE = (
    OSError,
    asyncpg.PostgresConnectionError,  # class 08
    asyncpg.InsufficientResourcesError,  # class 53: disk full, out of memory, too many connections
    asyncpg.OperatorInterventionError,  # class 57: shutting down, starting up
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.ReadOnlySQLTransactionError,  # a server that has become a standby
)
# The last one: asked in the moment between the server's farewell and the end of the connection.
_LOST = (
    "connection is closed",
    "connection was closed",
    "connection has been released",
    "has been released back",
    "cannot switch to state",
)

# Everything that can come of a connection which is only to be got rid of.
BROKEN = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)

# Two transactions were in each other's way, this one was rolled back whole: it may be tried again.
RETRYABLE = (asyncpg.DeadlockDetectedError, asyncpg.SerializationError)


@contextlib.contextmanager
def translated() -> Iterator[None]:
    """Turn everything that means "not now" into DatabaseUnavailable.

    Raises:
        DatabaseUnavailable
    """
    try:
        yield
    except (TimeoutError, asyncpg.QueryCanceledError) as error:  # before their parents in _GONE
        raise DatabaseUnavailable(
            "The database did not answer in time. Try again in a moment.", reason="DATABASE_TIMEOUT"
        ) from error
    except _GONE as error:
        raise DatabaseUnavailable("The database cannot be reached. Try again in a moment.") from error
    except (asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
        # asyncpg has one class for a lost connection and for a wrong call; only its words tell them apart.
        lost = not isinstance(error, ValueError) and any(words in str(error) for words in _LOST)
        if lost:
            raise DatabaseUnavailable("The connection to the database was lost. Try again in a moment.") from error
        raise
