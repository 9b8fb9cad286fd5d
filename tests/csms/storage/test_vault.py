"""Bytes are whole or not there, within their limits, and reachable by their own names only."""

from __future__ import annotations

import hashlib
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from csms.domain.errors import Exhausted, FailedPrecondition, NotFound
from csms.storage.vault import FolderVault

pytestmark = pytest.mark.feature("F-FILE-1")
ROOM = 10**9


def write(vault: FolderVault, content: bytes) -> str:
    incoming = vault.create(ROOM, ROOM, 0)
    incoming.write(content)
    name, size, digest = incoming.finish()
    assert (size, digest) == (len(content), hashlib.sha256(content).hexdigest())
    return name


def test_what_was_written_is_read_in_parts(tmp_path: Path) -> None:
    vault = FolderVault(tmp_path / "files")
    name = write(vault, b"0123456789")
    assert (vault.read(name, 2, 3), vault.read(name, 10, 5)) == (b"234", b"")
    assert (tmp_path / "files").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "files" / name).stat().st_mode & 0o777 == 0o600
    vault.remove(name)
    vault.remove(name)
    with pytest.raises(NotFound):
        vault.read(name, 0, 1)


def test_what_is_discarded_leaves_nothing(tmp_path: Path) -> None:
    vault = FolderVault(tmp_path)
    for finished in (False, True):
        incoming = vault.create(ROOM, ROOM, 0)
        incoming.write(b"x")
        if finished:
            incoming.finish()
        incoming.discard()
        incoming.discard()
        assert list(tmp_path.iterdir()) == []


def test_a_file_has_its_limit(tmp_path: Path) -> None:
    incoming = FolderVault(tmp_path).create(10, ROOM, 0)
    incoming.write(b"x" * 10)
    with pytest.raises(Exhausted) as full:
        incoming.write(b"x")
    assert full.value.reason == "FILE_TOO_LARGE"
    incoming.discard()


def test_all_together_have_their_limit(tmp_path: Path) -> None:
    vault = FolderVault(tmp_path)
    first, second = vault.create(ROOM, 100, 0), vault.create(ROOM, 100, 0)
    first.write(b"x" * 60)
    with pytest.raises(Exhausted) as full:
        second.write(b"x" * 60)
    assert full.value.reason == "STORAGE_FULL"
    first.discard()
    second.write(b"x" * 100)
    third = vault.create(ROOM, 110, 0)  # the second one counts though no row tells of it yet
    third.write(b"x" * 10)
    with pytest.raises(Exhausted):
        third.write(b"x")
    with pytest.raises(Exhausted):
        vault.create(ROOM, 0, 0)
    for incoming in (second, third):
        incoming.discard()


def test_the_disk_keeps_some_room(tmp_path: Path) -> None:
    vault = FolderVault(tmp_path)
    with pytest.raises(Exhausted):
        vault.create(ROOM, ROOM, 2**62)
    incoming = vault.create(ROOM, ROOM, 0)
    incoming._free_bytes = 2**62
    with pytest.raises(Exhausted):
        incoming.write(b"x" * 8_000_001)
    incoming.discard()


@pytest.mark.parametrize("name", ["", ".", "..", "../secret", "/etc/passwd", "a" * 31, "A" * 32, "a" * 32 + "\0"])
def test_other_names_are_none(tmp_path: Path, name: str) -> None:
    (tmp_path / "secret").write_text("x")
    with pytest.raises(NotFound):
        FolderVault(tmp_path / "files").read(name, 0, 1)


def test_the_sweep_takes_what_is_old_and_unknown(tmp_path: Path) -> None:
    vault = FolderVault(tmp_path)
    assert FolderVault(tmp_path / "nowhere").sweep(frozenset(), datetime.now(UTC)) == 0
    known, unknown, fresh = (write(vault, b"x") for _ in range(3))
    left = vault.create(ROOM, ROOM, 0)
    left.write(b"half")
    target = tmp_path / "target"
    target.write_text("not ours")
    (tmp_path / ("b" * 32)).symlink_to(target)
    long_ago = (datetime.now(UTC) - timedelta(days=1)).timestamp()
    for path in tmp_path.iterdir():
        if path.name != fresh and not path.is_symlink():
            os.utime(path, (long_ago, long_ago))
    assert vault.sweep(frozenset({known}), datetime.now(UTC) - timedelta(hours=2)) == 2
    assert {path.name for path in tmp_path.iterdir()} == {known, fresh, "target", "b" * 32}
    assert unknown not in os.listdir(tmp_path)
    left.discard()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_said_so(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(FailedPrecondition):
        FolderVault(tmp_path / "files").create(1, 1, 0)
