"""The installation: what it is called, where stations connect, what it consists of, and its backups."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from webui import sentences
from webui.page import client_of, plain, redirect, show, signed_in, text
from webui.values import ApiError
from webui.values_account import Backups, Installation, ServerProcesses, SystemSettingsAnswer
from webui.words import N_, _
from webui.zones import zones

FIELDS: Final = (
    "title",
    "description",
    "organization",
    "support_email",
    "support_phone",
    "imprint",
    "privacy",
    "language",
    "time_zone",
)
KINDS: Final = {
    "ocpp-j": N_("OCPP 1.6, 2.0.1 and 2.1 (JSON)"),
    "ocpp-j-tls": N_("OCPP 1.6, 2.0.1 and 2.1 (JSON) with TLS"),
    "ocpp-1.5-soap": N_("OCPP 1.5 (SOAP)"),
    "files-http": N_("File server (HTTP)"),
    "files-https": N_("File server (HTTPS)"),
    "files-ftp": N_("File server (FTP)"),
    "files-ftps": N_("File server (FTPS)"),
}
POLICIES: Final = {
    "REFUSE": N_("They are refused."),
    "PENDING": N_("They wait until somebody accepts them."),
    "ACCEPT": N_("They are accepted at once."),
}
STATES: Final = {
    "GOOD": ("free", N_("Proven")),
    "BAD": ("fault", N_("Damaged")),
    "UNVERIFIED": ("unknown", N_("Not proven yet")),
}
PROCESSES: Final = {
    "serve": N_("everything"),
    "node": N_("stations"),
    "control": N_("control API, files"),
}
VERIFY_S: Final = 600.0
"""A backup is restored beside the database: that takes its time."""


@signed_in
async def system(request: Request) -> Response:
    """Settings, addresses, backups."""
    return await _page(request)


@signed_in
async def change(request: Request) -> Response:
    """What operators say of the installation."""
    form = await request.form()
    values = {name: text(form, name) for name in FIELDS}
    try:
        settings = {**values, "etag": text(form, "etag")}
        await client_of(request).desk.do("SystemService/UpdateSystemSettings", settings=settings, update_mask=FIELDS)
    except ApiError as error:
        if error.code not in ("INVALID_ARGUMENT", "ABORTED"):
            raise
        return await _page(request, 422, sentences.of_error(error), values)
    request.app.state.notice.forget()
    return redirect("/settings/system", "system-saved")


@signed_in
async def nodes(request: Request) -> Response:
    """The processes that make up the installation; this part of the page renews itself."""
    found = await client_of(request).desk.ask("SystemService/GetSystemProcesses", ServerProcesses)
    kinds = {each.kind: _(PROCESSES[each.kind]) for each in found.processes if each.kind in PROCESSES}
    total = sum(each.station_count for each in found.processes if not each.silent)
    versions = {each.version for each in found.processes if each.version}
    return plain(
        request, "account/nodes.html", nodes=found.processes, kinds=kinds, total=total, mixed=len(versions) > 1
    )


@signed_in
async def back_up(request: Request) -> Response:
    """Begin a backup."""
    try:
        await client_of(request).desk.do("BackupService/CreateBackup")
    except ApiError as error:
        if error.code != "FAILED_PRECONDITION":
            raise
        return await _page(request, 422, backup_problem=sentences.of_error(error))
    return redirect("/settings/system#backups", "backup-begun")


@signed_in
async def verify(request: Request) -> Response:
    """Prove a backup."""
    name = f"backups/{request.path_params['key']}"
    try:
        await client_of(request).desk.do("BackupService/VerifyBackup", timeout_s=VERIFY_S, name=name)
    except ApiError as error:
        if error.code not in ("FAILED_PRECONDITION", "INVALID_ARGUMENT"):
            raise
        return await _page(request, 422, backup_problem=sentences.of_error(error))
    return redirect("/settings/system#backups", "backup-verified")


async def _page(
    request: Request,
    status_code: int = 200,
    problem: str = "",
    typed: dict[str, str] | None = None,
    backup_problem: str = "",
) -> Response:
    desk = client_of(request).desk
    answer, info, backups = await asyncio.gather(
        desk.ask("SystemService/GetSystemSettings", SystemSettingsAnswer),
        desk.ask("SystemService/GetSystemInfo", Installation),
        _backups(request),
    )
    settings = answer.settings
    values: dict[str, Any] = {
        "settings": settings,
        "shown": typed or {name: getattr(settings, name) for name in FIELDS},
        "problem": problem,
        "info": info,
        "addresses": [(_(KINDS[each.kind]) if each.kind in KINDS else each.kind, each.url) for each in info.addresses],
        "policy": _(POLICIES.get(info.unknown_station_policy, N_("Not known."))),
        "backups": backups,
        "backup_states": {word: (key, _(label)) for word, (key, label) in STATES.items()},
        "backup_problem": backup_problem,
        "zones": zones(),
        "kept": [
            (_("Messages of stations"), info.retention.message_log_days, "--message-log-days"),
            (_("Meter values"), info.retention.meter_value_days, "--meter-value-days"),
            (_("Events of stations"), info.retention.station_event_days, "--station-event-days"),
            (_("Audit log"), info.retention.audit_days, "--audit-days"),
        ],
    }
    return await show(request, "account/system.html", status_code, **values)


async def _backups(request: Request) -> Backups | None:
    """None where there are none: another tool may make them."""
    try:
        return await client_of(request).desk.ask("BackupService/ListBackups", Backups)
    except ApiError as error:
        if error.code in ("UNIMPLEMENTED", "FAILED_PRECONDITION", "PERMISSION_DENIED"):
            return None
        raise


ROUTES = [
    Route("/settings/system", system),
    Route("/settings/system", change, methods=["POST"]),
    Route("/settings/system/nodes", nodes),
    Route("/settings/system/backups", back_up, methods=["POST"]),
    Route("/settings/system/backups/{key}/verify", verify, methods=["POST"]),
]
