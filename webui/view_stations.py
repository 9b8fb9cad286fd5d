"""Words for what the pages of stations show: levels of shares, jobs, events, sizes. Also filters of the templates."""

from __future__ import annotations

from webui import view
from webui.page import ENVIRONMENT
from webui.words import _


def share_level(word: str) -> str:
    """What a share lets somebody do."""
    return {"VIEW": _("sees it"), "OPERATE": _("operates it"), "MANAGE": _("manages it")}.get(word, word)


def job_kind(word: str) -> str:
    """What a job is."""
    return {
        "FIRMWARE_UPDATE": _("Firmware update"),
        "FIRMWARE_PUBLISHING": _("Publishing firmware"),
        "LOG_UPLOAD": _("Log"),
        "DEVICE_REPORT": _("Report of the device model"),
        "MONITORING_REPORT": _("Report of the monitors"),
        "CUSTOMER_INFORMATION": _("Customer information"),
        "CHARGING_PROFILES": _("Report of the charging profiles"),
        "DISPLAY_MESSAGES": _("Report of the display messages"),
        "DER_CONTROLS": _("Report of the DER controls"),
        "BATTERY_SWAP": _("Battery swap"),
    }.get(word, word)


def job_state(word: str) -> str:
    """Where a job is."""
    return {
        "REQUESTED": _("asked for"),
        "RUNNING": _("under way"),
        "SUCCEEDED": _("done"),
        "FAILED": _("failed"),
        "CANCELED": _("given up"),
    }.get(word, word)


def outlet_mode(word: str) -> str:
    """Who may charge at an outlet."""
    return {"OPEN": _("Open: anyone may charge"), "RFID": _("RFID: the tag decides")}.get(word, view.DASH)


def address_kind(word: str) -> str:
    """What an address is for; an unknown kind is told as it is."""
    return {
        "ocpp-j": _("OCPP by WebSocket"),
        "ocpp-j-tls": _("OCPP by WebSocket, encrypted"),
        "ocpp-1.5-soap": _("OCPP 1.5 by SOAP"),
        "files-http": _("Files by HTTP"),
        "files-https": _("Files by HTTPS"),
        "files-ftp": _("Files by FTP"),
        "files-ftps": _("Files by FTPS"),
    }.get(word, word)


def size(value: int) -> str:
    """A number of bytes with its unit."""
    if value < 1000:
        return f"{view.number(value)} B"
    if value < 1_000_000:
        return f"{view.number(value / 1000, 1)} kB"
    return f"{view.number(value / 1_000_000, 1)} MB"


ENVIRONMENT.filters.update(
    address_kind=address_kind,
    share_level=share_level,
    job_kind=job_kind,
    job_state=job_state,
    outlet_mode=outlet_mode,
    bytes_words=size,
)
