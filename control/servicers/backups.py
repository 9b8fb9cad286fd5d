"""BackupService."""

from __future__ import annotations

from control.convert import backups as convert
from control.convert.common import timestamp
from control.guard import Call
from control.v1 import backups_pb2
from csms.services.backups import Backups


class BackupServicer:
    """A method is: convert, call one use case, convert."""

    service = backups_pb2.DESCRIPTOR.services_by_name["BackupService"]

    def __init__(self, backups: Backups) -> None:
        self._backups = backups

    async def list_backups(
        self, call: Call, _request: backups_pb2.ListBackupsRequest
    ) -> backups_pb2.ListBackupsResponse:
        """ListBackups."""
        found = await self._backups.overview(call.caller)
        return backups_pb2.ListBackupsResponse(
            backups=[convert.backup(backup) for backup in found.backups],
            running=found.running,
            next_backup_time=timestamp(found.due_at),
            stale=found.stale,
            last_error=found.last_error,
        )

    async def create_backup(
        self, call: Call, _request: backups_pb2.CreateBackupRequest
    ) -> backups_pb2.CreateBackupResponse:
        """CreateBackup."""
        await self._backups.start(call.caller)
        return backups_pb2.CreateBackupResponse()

    async def verify_backup(
        self, call: Call, request: backups_pb2.VerifyBackupRequest
    ) -> backups_pb2.VerifyBackupResponse:
        """VerifyBackup."""
        checked = await self._backups.verify(call.caller, convert.read_backup_name(request.name))
        return backups_pb2.VerifyBackupResponse(backup=convert.backup(checked))
