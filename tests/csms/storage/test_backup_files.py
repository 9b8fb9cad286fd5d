"""What lies beside the database goes into a backup and comes back."""

from __future__ import annotations

from pathlib import Path

import pytest

from csms.domain.errors import FailedPrecondition
from csms.storage.backup_files import digests, gather, missing_or_wrong, put_back

pytestmark = pytest.mark.feature("F-SYS-3")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    made = tmp_path / "data"
    for name in ("files", "authority", "run", "backups"):
        (made / name).mkdir(parents=True)
        (made / name / f"{name}.x").write_bytes(name.encode())
    (made / "files" / "half.part").write_bytes(b"half")
    (made / "secret.key").write_bytes(b"key")
    return made


def test_files_authority_and_key_are_taken_and_nothing_else(data: Path, tmp_path: Path) -> None:
    into = tmp_path / "one.files"
    gather(data, into)
    gather(data, into)
    assert set(digests(into)) == {"files/files.x", "authority/authority.x", "secret.key"}
    assert (into / "secret.key").stat().st_mode & 0o777 == 0o600
    assert (into / "authority/authority.x").stat().st_mode & 0o777 == 0o600
    assert (into / "files/files.x").stat().st_nlink == 2, "no bytes twice"
    assert (into / "secret.key").stat().st_nlink == 1
    assert missing_or_wrong(into, digests(into)) == ""


def test_what_comes_while_the_dump_is_made_is_taken_as_well(data: Path, tmp_path: Path) -> None:
    gather(data, tmp_path / "b")
    (data / "files" / "new").write_bytes(b"new")
    (data / "files" / "files.x").unlink()
    gather(data, tmp_path / "b")
    assert set(digests(tmp_path / "b")) == {"files/files.x", "files/new", "authority/authority.x", "secret.key"}


def test_a_file_that_was_changed_or_lost_is_named(data: Path, tmp_path: Path) -> None:
    into = tmp_path / "one.files"
    gather(data, into)
    noted = digests(into)
    (into / "secret.key").write_bytes(b"yek")
    assert "secret.key is not what was kept" in missing_or_wrong(into, noted)
    (into / "secret.key").unlink()
    assert "secret.key cannot be read" in missing_or_wrong(into, noted)


def test_putting_back_replaces_authority_and_key_and_keeps_the_present_ones_aside(data: Path, tmp_path: Path) -> None:
    into = tmp_path / "one.files"
    gather(data, into)
    (data / "secret.key").write_bytes(b"later")
    (data / "authority" / "later.key").write_bytes(b"later")
    (data / "files" / "files.x").unlink()
    (data / "files" / "later").write_bytes(b"later")
    put_back(into, data)
    assert (data / "secret.key").read_bytes() == b"key"
    assert (data / "secret.key.replaced").read_bytes() == b"later"
    assert [path.name for path in (data / "authority").iterdir()] == ["authority.x"]
    assert (data / "authority.replaced/later.key").exists()
    assert (data / "files/files.x").read_bytes() == b"files"
    assert (data / "files/later").exists(), "the server sweeps what no row names"
    assert (data / "secret.key").stat().st_mode & 0o777 == 0o600
    put_back(into, data)
    assert (data / "secret.key.replaced").read_bytes() == b"later", "what is right already stays"


def test_into_an_empty_machine(data: Path, tmp_path: Path) -> None:
    gather(data, tmp_path / "b")
    put_back(tmp_path / "b", tmp_path / "other")
    assert digests(tmp_path / "other") == digests(tmp_path / "b")


def test_a_disk_that_says_no_is_told(data: Path, tmp_path: Path) -> None:
    (tmp_path / "b").write_bytes(b"a file where the folder should be")
    with pytest.raises(FailedPrecondition, match="cannot be taken"):
        gather(data, tmp_path / "b")
    with pytest.raises(FailedPrecondition, match="cannot be put back"):
        put_back(data, tmp_path / "b")
