"""Where the database is."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from csms.app import database
from csms.config import Settings
from csms.domain.errors import FailedPrecondition
from tests.kit.database import temporary_folder


def test_a_named_server_is_taken_as_it_is() -> None:
    settings = Settings(database_url="postgresql://u@h/d")
    with database.own_database(settings) as (dsn, embedded), database.any_database(settings) as other:
        assert (dsn, embedded, other) == (settings.database_url, None, settings.database_url)


def test_an_errand_uses_the_server_that_runs_already_and_a_second_server_is_refused() -> None:
    with temporary_folder() as folder:
        settings = Settings(data_dir=folder / "data")
        with database.own_database(settings) as (dsn, embedded):
            assert embedded is not None
            with database.any_database(settings) as other:
                assert other == dsn
            with (
                pytest.raises(FailedPrecondition, match="in use by another chargehouse"),
                database.own_database(settings),
            ):
                pass
            assert embedded.pid is not None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has a home that others cannot enter")
def test_root_in_a_closed_home_keeps_its_data_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    closed = tmp_path / "home"
    closed.mkdir(mode=0o700)
    monkeypatch.chdir(closed)
    assert database.data_folder(Settings()) == database.SYSTEM_FOLDER
    mine = Settings(data_dir=closed / "mine")
    assert database.data_folder(mine) == closed / "mine"
