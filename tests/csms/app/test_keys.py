"""The key of secrets is one for all parts of a process, and a folder that cannot have it is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from csms.app.keys import secret_key
from csms.config import Settings
from csms.domain.errors import InvalidArgument


def test_it_is_made_once(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "data")
    assert secret_key(settings) == secret_key(settings)
    assert (tmp_path / "data/secret.key").stat().st_mode & 0o777 == 0o600


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "data").write_bytes(b"")
    with pytest.raises(InvalidArgument, match="Cannot keep a key"):
        secret_key(Settings(data_dir=tmp_path / "data"))
