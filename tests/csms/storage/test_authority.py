"""The authority's files: private, whole, and never overwritten."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from csms.domain.errors import Unavailable
from csms.storage.authority import AuthorityFolder


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.feature("F-OCPP-2")
def test_nobody_else_may_read_a_key(tmp_path: Path) -> None:
    folder = AuthorityFolder(tmp_path / "data" / "authority")
    assert folder.read("root.pem") is None
    assert folder.keep("root.pem", b"key") == b"key"
    assert folder.read("root.pem") == b"key"
    assert mode(folder.path) == 0o700
    assert mode(folder.path / "root.pem") == 0o600
    assert [path.name for path in folder.path.iterdir()] == ["root.pem"]


def test_the_first_root_stays_when_two_processes_make_one(tmp_path: Path) -> None:
    first, second = AuthorityFolder(tmp_path), AuthorityFolder(tmp_path)
    first.keep("root.pem", b"first")
    assert second.keep("root.pem", b"second") == b"first"


def test_a_link_is_not_followed_and_a_folder_that_is_none_is_said(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_bytes(b"secret")
    (tmp_path / "root.pem").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(Unavailable, match="--data-dir"):
        AuthorityFolder(tmp_path).read("root.pem")
    with pytest.raises(Unavailable, match="--data-dir"):
        AuthorityFolder(tmp_path / "elsewhere").keep("root.pem", b"key")
