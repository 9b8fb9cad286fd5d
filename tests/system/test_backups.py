"""A backup of the real product is made beside it, and put back after it is gone."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from pathlib import Path

import grpc
import pytest
import trio
from google.protobuf.json_format import ParseDict

from control.v1 import firmware_images_pb2, firmware_images_pb2_grpc
from tests.kit.desk import desk as open_desk
from tests.kit.product import Product, product

pytestmark = [pytest.mark.system, pytest.mark.feature("F-SYS-3")]


def run(made: Product, *argv: str) -> subprocess.CompletedProcess[str]:
    flags = [flag for flag in made.flags() if flag.startswith("--data-dir")]
    return subprocess.run(
        made.command(*argv, *flags), capture_output=True, text=True, timeout=120, check=False, env=made.environment()
    )


def upload(made: Product, firmware: bytes) -> None:
    digest = hashlib.sha256(firmware).hexdigest()
    described = {"vendor": "acme", "version": "2.0", "filename": "fw.bin", "sha256": digest}
    kind = firmware_images_pb2.UploadFirmwareImageRequest
    pieces = [ParseDict({"firmware_image": described}, kind()), kind(data=firmware)]
    with grpc.insecure_channel(f"127.0.0.1:{made.control_port}") as channel:
        stub = firmware_images_pb2_grpc.FirmwareImageServiceStub(channel)
        stub.UploadFirmwareImage(iter(pieces), timeout=60, metadata=(("authorization", f"Bearer {made.key}"),))


def test_a_backup_is_put_back(tmp_path: Path) -> None:
    with product() as made:
        data = made.folder / "data"
        with open_desk(made) as desk:
            trio.run(desk.add_station, "KEPT")
            upload(made, b"firmware " * 1000)
            (vaulted,) = (data / "files").iterdir()
            done = run(made, "backup")
            assert done.returncode == 0, done.stderr
            dump = Path(done.stdout.strip())
            assert dump.parent == made.folder / "data/backups"
            trio.run(desk.add_station, "TOO-LATE")
        refused = run(made, "restore", str(dump))
        assert refused.returncode == 1
        assert "in use by another chargehouse" in refused.stderr
        made.stop()
        key = (data / "secret.key").read_bytes()
        roots = {path.name: path.read_bytes() for path in (data / "authority").iterdir()}
        assert roots
        for name in ("files", "authority"):
            shutil.rmtree(data / name)
        (data / "secret.key").unlink()
        done = run(made, "restore", str(dump))
        assert done.returncode == 0, done.stderr
        assert (data / "secret.key").read_bytes() == key
        assert (data / "secret.key").stat().st_mode & 0o777 == 0o600
        assert {path.name: path.read_bytes() for path in (data / "authority").iterdir()} == roots
        made.start()
        with open_desk(made) as desk:
            listed = trio.run(desk.call, "stations.ListStations")
            assert [station.identity for station in listed.stations] == ["KEPT"]
            backups = trio.run(desk.call, "backups.ListBackups")
            assert [backup.state for backup in backups.backups] == [2]
            images = trio.run(desk.call, "firmware_images.ListFirmwareImages")
            assert [image.version for image in images.firmware_images] == ["2.0"]
            assert vaulted.read_bytes() == b"firmware " * 1000


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
