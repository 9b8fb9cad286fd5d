"""BackupService over the wire."""

from __future__ import annotations

import grpc
import pytest

from control.v1 import backups_pb2 as pb
from tests.kit.control_world import ControlWorld, Refused

pytestmark = pytest.mark.feature("F-SYS-3")


async def test_backups_are_listed_begun_and_proven(world: ControlWorld) -> None:
    call = world.client.call
    made = await world.backup_store.make()
    listed = await call("backups.ListBackups", pb.ListBackupsRequest())
    assert [(b.name, b.state, b.row_count) for b in listed.backups] == [
        (f"backups/{made.name}", pb.BACKUP_STATE_UNVERIFIED, 3)
    ]
    proven = await call("backups.VerifyBackup", pb.VerifyBackupRequest(name=f"backups/{made.name}"))
    assert proven.backup.state == pb.BACKUP_STATE_GOOD
    await call("backups.CreateBackup", pb.CreateBackupRequest())
    with pytest.raises(Refused) as refused:
        await call("backups.CreateBackup", pb.CreateBackupRequest())
    assert (refused.value.code, refused.value.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "BACKUP_RUNNING")


async def test_a_bad_one_says_why(world: ControlWorld) -> None:
    made = await world.backup_store.make()
    world.backup_store.damaged = True
    proven = await world.client.call("backups.VerifyBackup", pb.VerifyBackupRequest(name=f"backups/{made.name}"))
    assert (proven.backup.state, proven.backup.error) == (pb.BACKUP_STATE_BAD, "It was damaged.")


@pytest.mark.parametrize(("name", "reason"), [("backups/", "INVALID_NAME"), ("backups/x", "BACKUP_NOT_FOUND")])
async def test_no_such_backup(world: ControlWorld, name: str, reason: str) -> None:
    with pytest.raises(Refused) as refused:
        await world.client.call("backups.VerifyBackup", pb.VerifyBackupRequest(name=name))
    assert refused.value.reason == reason
