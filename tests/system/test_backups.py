"""A backup of the real product is made beside it, and put back after it is gone."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import trio

from tests.kit.desk import desk as open_desk
from tests.kit.product import Product, product

pytestmark = [pytest.mark.system, pytest.mark.feature("F-SYS-3")]


def run(made: Product, *argv: str) -> subprocess.CompletedProcess[str]:
    flags = [flag for flag in made.flags() if flag.startswith("--data-dir")]
    return subprocess.run(
        made.command(*argv, *flags), capture_output=True, text=True, timeout=120, check=False, env=made.environment()
    )


def test_a_backup_is_put_back(tmp_path: Path) -> None:
    with product() as made:
        with open_desk(made) as desk:
            trio.run(desk.add_station, "KEPT")
            done = run(made, "backup")
            assert done.returncode == 0, done.stderr
            dump = Path(done.stdout.strip())
            assert dump.parent == made.folder / "data/backups"
            trio.run(desk.add_station, "TOO-LATE")
        refused = run(made, "restore", str(dump))
        assert refused.returncode == 1
        assert "in use by another chargehouse" in refused.stderr
        made.stop()
        done = run(made, "restore", str(dump))
        assert done.returncode == 0, done.stderr
        made.start()
        with open_desk(made) as desk:
            listed = trio.run(desk.call, "stations.ListStations")
            assert [station.identity for station in listed.stations] == ["KEPT"]
            backups = trio.run(desk.call, "backups.ListBackups")
            assert [backup.state for backup in backups.backups] == [2]


def test_a_damaged_backup_is_refused(tmp_path: Path) -> None:
    with product() as made:
        dump = Path(run(made, "backup").stdout.strip())
        made.stop()
        with dump.open("r+b") as file:
            file.seek(100)
            file.write(b"\0\0\0\0")
        done = run(made, "restore", str(dump))
        assert done.returncode == 1
        assert "use another backup" in done.stderr
        made.start()
