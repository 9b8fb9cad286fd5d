"""Remote operations as the portal offers them: which there are, how a form becomes a command, what became of it."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.datastructures import FormData

from webui import sentences
from webui.api import Client
from webui.values import ApiError, CommandResult
from webui.words import N_, _

TRIGGERS = ("BootNotification", "Heartbeat", "StatusNotification", "MeterValues", "FirmwareStatusNotification")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a command: ``tone`` is good, bad or unsure; ``word`` is the station's own."""

    operation: str
    tone: str
    sentence: str
    word: str = ""
    detail: str = ""
    latency: float | None = None
    data: str = ""


@dataclass(frozen=True, slots=True)
class Operation:
    """One entry of the panel. ``confirm`` is asked once before it is sent."""

    key: str
    title: str
    button: str
    explanation: str
    confirm: str = ""


OPERATIONS = (
    Operation(
        "start",
        N_("Start charging"),
        N_("Start"),
        N_("The station starts a session on this tag. The session appears when the station says that it began."),
    ),
    Operation("stop", N_("Stop charging"), N_("Stop"), N_("The station ends the session.")),
    Operation(
        "reset",
        N_("Restart"),
        N_("Restart"),
        N_("Immediately ends the sessions under way; on idle waits for their end where the station can."),
        N_("Restart this station?"),
    ),
    Operation(
        "availability",
        N_("Change availability"),
        N_("Change"),
        N_("Out of service refuses new sessions. A session under way is finished first."),
    ),
    Operation(
        "unlock",
        N_("Unlock connector"),
        N_("Unlock"),
        N_("Releases a locked cable. A session on it ends."),
        N_("Unlock this connector? A session on it ends."),
    ),
    Operation(
        "trigger",
        N_("Trigger message"),
        N_("Ask"),
        N_("The station sends the message now; it appears in the message log."),
    ),
    Operation(
        "clear-cache",
        N_("Clear authorisation cache"),
        N_("Clear"),
        N_("The station forgets the tags it remembers and asks again."),
    ),
    Operation("data-transfer", N_("Data transfer"), N_("Send"), N_("A message of the station's maker.")),
)


async def operation(client: Client, key: str, name: str, form: FormData) -> Outcome:
    """Send the command that the form describes, wait for what becomes of it and put it in words."""
    try:
        result = await _send(client, key, name, form)
    except ApiError as error:
        if error.code in ("UNAUTHENTICATED", "PERMISSION_DENIED", "NOT_FOUND"):
            raise
        unsure = error.reason == "NO_ANSWER" or (error.away and error.reason != "DRAINING")
        sentence = sentences.of_command(error)
        if error.away and not error.reason:
            sentence = _("The control plane did not answer. Whether it was sent is not known; look at the message log.")
        return Outcome(name, "unsure" if unsure else "bad", sentence)
    return of_result(name, result)


def of_result(name: str, result: CommandResult) -> Outcome:
    """A station's answer."""
    return Outcome(
        operation=name,
        tone="good" if result.accepted else "bad",
        sentence=sentences.of_result(result),
        word=result.status or result.error_code,
        detail=result.error_description,
        latency=result.latency,
        data=result.data,
    )


async def _send(client: Client, key: str, name: str, form: FormData) -> CommandResult:
    remote = client.remote
    match name:
        case "start":
            id_token = _field(form, "id_token")
            if not id_token:
                raise ApiError("INVALID_ARGUMENT", "", _("Choose or type the tag to charge on."))
            return await remote.start(key, id_token, _whole(form, "evse"))
        case "stop":
            return await remote.stop(_field(form, "session"))
        case "reset":
            return await remote.reset(key, immediate=_field(form, "type") == "immediate")
        case "availability":
            return await remote.change_availability(key, _whole(form, "evse"), _field(form, "to") == "operative")
        case "unlock":
            return await remote.unlock(key, _whole(form, "evse"), 0)
        case "trigger":
            return await remote.trigger(key, _field(form, "message"), _whole(form, "evse"))
        case "clear-cache":
            return await remote.clear_cache(key)
        case _:
            return await _send_rare(client, key, name, form)


async def _send_rare(client: Client, key: str, name: str, form: FormData) -> CommandResult:
    if name == "data-transfer":
        vendor = _field(form, "vendor_id")
        if not vendor:
            raise ApiError("INVALID_ARGUMENT", "", _("Enter the vendor's identifier."))
        return await client.remote.data_transfer(key, vendor, _field(form, "message_id"), _field(form, "data"))
    if name == "set-variable":
        return await client.remote.set_variable(key, _field(form, "name"), _field(form, "value"))
    raise ApiError("NOT_FOUND", "", _("There is no such operation."))


def _field(form: FormData, name: str) -> str:
    value = form.get(name, "")
    return value.strip() if isinstance(value, str) else ""


def _whole(form: FormData, name: str) -> int:
    value = _field(form, name)
    return int(value) if value.isdecimal() and len(value) < 9 else 0
