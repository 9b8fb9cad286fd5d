"""Where the database is: a server that was named, or our own in the data folder."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import structlog

from csms.config import Settings
from csms.domain.errors import FailedPrecondition
from csms.storage.data_folder import DataFolderInUse, PostgresError, open_to_others
from csms.storage.postgres import EmbeddedPostgres

_log = structlog.get_logger("csms.database")

SYSTEM_FOLDER: Final = Path("/var/lib/chargehouse")


@contextlib.contextmanager
def own_database(settings: Settings) -> Iterator[tuple[str, EmbeddedPostgres | None]]:
    """(DSN, our PostgreSQL or None) for a server that runs for long. From the main thread.

    Raises FailedPrecondition with a sentence: the data folder is in use or unusable.
    """
    if settings.database_url:
        yield settings.database_url, None
        return
    embedded = _embedded(settings)
    if embedded.folder.path == SYSTEM_FOLDER:
        _log.info("the data folder is elsewhere: PostgreSQL's user cannot enter this one", folder=str(SYSTEM_FOLDER))
    try:
        embedded.start()
    except PostgresError as error:
        raise FailedPrecondition(str(error), reason="DATABASE_NOT_STARTED") from error
    try:
        yield embedded.dsn, embedded
    finally:
        embedded.stop()


@contextlib.contextmanager
def any_database(settings: Settings) -> Iterator[str]:
    """The DSN for a short errand: of the server that runs on the data folder, else of one that is started for it."""
    if settings.database_url:
        yield settings.database_url
        return
    embedded = _embedded(settings)
    try:
        embedded.start()
    except DataFolderInUse:
        embedded.folder.socket_folder = (embedded.folder.path / "run").resolve()
        yield embedded.dsn
        return
    except PostgresError as error:
        raise FailedPrecondition(str(error), reason="DATABASE_NOT_STARTED") from error
    try:
        yield embedded.dsn
    finally:
        embedded.stop()


def data_folder(settings: Settings) -> Path:
    """The data folder. Root cannot use the default one below a closed home: PostgreSQL runs as another user."""
    folder = settings.data_dir
    if os.geteuid() == 0 and folder == Settings().data_dir and not open_to_others(folder.resolve().parent):
        return SYSTEM_FOLDER
    return folder


def _embedded(settings: Settings) -> EmbeddedPostgres:
    return EmbeddedPostgres(
        data_folder(settings), bin_folder=Path(settings.postgres_bin) if settings.postgres_bin else None
    )
