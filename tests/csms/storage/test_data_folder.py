"""The data folder: who may use it, and that the rest of the world may not."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from csms.storage.data_folder import (
    LOG_LIMIT,
    DataFolder,
    DataFolderInUse,
    DataFolderUnusable,
    first_closed,
    open_to_others,
)
from csms.storage.postgres import EmbeddedPostgres, find_programs
from tests.kit.database import temporary_folder

only_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
not_root = pytest.mark.skipif(os.geteuid() == 0, reason="root may do everything")


@pytest.fixture
def path() -> Iterator[Path]:
    with temporary_folder() as folder:
        yield folder / "data" / "pg"


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_second_user_of_the_folder_is_refused_and_told_who_the_first_is(path: Path) -> None:
    first, second = DataFolder(path), DataFolder(path)
    first.open()
    with pytest.raises(DataFolderInUse, match=rf"process {os.getpid()}.*--data-dir"):
        second.open()
    first.close()
    first.close()
    second.open()
    second.close()


def test_cluster_and_socket_are_private(path: Path) -> None:
    folder = DataFolder(path)
    folder.open()
    new = folder.new_cluster()
    folder.keep_cluster(new)
    folder.make_socket_folder()
    assert mode(folder.cluster) == 0o700
    assert mode(folder.socket_folder) == 0o700
    os.close(folder.open_log())
    assert mode(folder.log) == 0o600
    assert not mode(path) & 0o066
    folder.close()
    assert not folder.run.exists()


def test_a_killed_initdb_leaves_nothing(path: Path) -> None:
    folder = DataFolder(path)
    folder.open()
    half = folder.new_cluster()
    (half / "base").mkdir()
    folder.close()
    folder.open()
    assert not half.exists()
    assert folder.cluster_version() is None
    folder.close()


def test_something_else_in_the_place_of_the_cluster_is_not_touched(path: Path) -> None:
    folder = DataFolder(path)
    folder.open()
    folder.cluster.mkdir()
    (folder.cluster / "holiday.jpg").touch()
    with pytest.raises(DataFolderUnusable, match="not a PostgreSQL cluster"):
        folder.cluster_version()
    assert (folder.cluster / "holiday.jpg").exists()
    folder.close()


def test_a_path_too_long_for_a_socket_gets_a_short_one_which_is_cleared_away(path: Path) -> None:
    folder = DataFolder(path / ("x" * 120))
    folder.open()
    folder.make_socket_folder()
    short = folder.socket_folder
    assert len(str(short)) < 60
    assert folder.run.readlink() == short
    folder.make_socket_folder()  # as after kill -9, when nobody has closed it
    assert not short.exists()
    again = folder.socket_folder
    folder.close()
    assert not again.exists()
    assert not folder.run.is_symlink()


def test_a_big_log_is_put_aside_and_a_link_in_its_place_is_not_followed(path: Path) -> None:
    folder = DataFolder(path)
    folder.open()
    folder.log.touch()
    os.truncate(folder.log, LOG_LIMIT + 1)
    folder.close()
    folder.open()
    assert not folder.log.exists()
    folder.log.symlink_to("/etc/passwd")
    with pytest.raises(OSError, match="symbolic link"):
        folder.open_log()
    folder.close()


@only_root
def test_root_hands_over_to_nobody_or_to_the_owner_of_the_folder(path: Path) -> None:
    folder = DataFolder(path)
    folder.open()
    assert folder.uid not in (0, None)
    folder.keep_cluster(folder.new_cluster())
    assert folder.cluster.stat().st_uid == folder.uid
    folder.close()
    os.chown(folder.cluster, 1234, 1234)
    again = DataFolder(path)
    again.open()
    assert (again.uid, again.gid) == (1234, 1234)
    again.close()
    os.chown(path.parent, 4321, 4321)
    beside = DataFolder(path.parent / "new")
    beside.open()
    assert beside.uid == 4321
    beside.close()


@not_root
def test_a_folder_of_somebody_else_is_refused_with_advice(path: Path) -> None:
    path.parent.mkdir()
    path.parent.chmod(0o500)
    with pytest.raises(DataFolderUnusable, match="--data-dir"):
        DataFolder(path).open()
    path.parent.chmod(0o700)


def test_the_closed_door_on_the_way_is_named(path: Path) -> None:
    inner = path / "inner"
    inner.mkdir(parents=True)
    path.chmod(0o700)
    assert first_closed(inner) == f"{path} (mode 700)"


@only_root
def test_programs_that_the_other_user_cannot_reach_are_copied(tmp_path: Path) -> None:
    closed = tmp_path / "home"
    installation = find_programs().parent
    package = installation.parent
    shutil.copytree(installation, closed / package.name / installation.name, symlinks=True)
    if package.with_name(package.name + ".libs").is_dir():
        shutil.copytree(package.with_name(package.name + ".libs"), closed / (package.name + ".libs"))
    closed.chmod(0o700)
    with temporary_folder() as folder:
        postgres = EmbeddedPostgres(folder / "data", bin_folder=closed / package.name / installation.name / "bin")
        postgres.start()
        postgres.stop()
        assert [path.name for path in (folder / "data").glob("programs*")] != []
        postgres.start()  # the copy is made once
        postgres.stop()
        assert len(list((folder / "data").glob("programs*"))) == 1


def test_who_may_enter(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir(mode=0o700)
    assert not open_to_others(tmp_path / "a")
    assert not open_to_others(tmp_path / "a" / "b")
    assert open_to_others(Path("/usr/bin"))
