"""Errands beside a server."""

from __future__ import annotations

import pytest

from csms.app import tools
from csms.app.database import own_database
from csms.config import Settings
from csms.domain.access import Role
from csms.domain.errors import InvalidArgument
from tests.kit.database import temporary_folder


def test_a_key_is_printed_alone_on_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    with temporary_folder() as folder:
        settings = Settings(data_dir=folder / "data")
        assert tools.migrate_database(settings) == 0
        assert tools.create_key(settings, "billing", Role.SUPPORT, 30) == 0
        secret = capsys.readouterr().out
        assert secret.startswith("chk_")
        assert secret.count("\n") == 1
        with pytest.raises(InvalidArgument):
            tools.create_key(settings, "", Role.SUPPORT, 0)


def test_no_key_is_borrowed_where_no_server_runs() -> None:
    with temporary_folder() as folder:
        assert tools.borrow_key(Settings(data_dir=folder / "data")) == ""
        assert not (folder / "data").exists()


def test_a_key_is_borrowed_from_the_server_that_runs_here() -> None:
    with temporary_folder() as folder:
        settings = Settings(data_dir=folder / "data")
        tools.migrate_database(settings)
        with own_database(settings):
            assert tools.borrow_key(settings).startswith("chk_")
