"""Notifications in words, and where each leads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from webui import alarm_words, view
from webui.words import N_, _

ADDRESSES: Final = {
    "alarms": "/alarms/{}",
    "stations": "/stations/{}",
    "reservations": "/reservations/{}",
    "operations": "/operations/{}",
    "sessions": "/sessions/{}",
    "costReports": "/reports/{}.pdf",
    "news": "/notifications",
}
"""Page of a thing by its collection."""
SENTENCES: Final = {
    "ALARM": N_("Alarm at %(where)s: %(text)s"),
    "ALARM_CLEARED": N_("The alarm at %(where)s is over: %(text)s"),
    "RESERVATION": N_("Reservation at %(where)s: %(event)s"),
    "FIRMWARE": N_("Firmware %(version)s at %(where)s: %(event)s"),
    "OPERATION": N_("%(operation)s has ended: %(succeeded)s succeeded, %(failed)s failed."),
    "REPORT": N_("A report is ready: %(title)s %(period)s"),
    "NEWS": N_("News: %(title)s"),
}
EVENTS: Final = {
    "accepted": N_("accepted"),
    "begun": N_("it has begun"),
    "cancelled": N_("cancelled"),
    "confirmed": N_("confirmed"),
    "ended": N_("it has ended"),
    "expired": N_("it has expired"),
    "failed": N_("it failed"),
    "installed": N_("installed"),
    "missed": N_("nobody came"),
    "refused": N_("refused"),
    "reminder": N_("it begins soon"),
}


class _Values(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return "–"


def sentence(kind: str, values: Mapping[str, str]) -> str:
    """A notification's sentence; values that a newer server left out are a dash."""
    known = _Values({name: value for name, value in values.items() if value})
    if "period" in known:
        known["period"] = view.month_words(known["period"])
    known["where"] = known.get("station") or known.get("place") or "–"
    if "event" in known:
        word = known["event"].lower().replace("_", " ")
        known["event"] = _(EVENTS[word]) if word in EVENTS else word
    if "alarm_kind" in known:
        word = known["alarm_kind"]
        known["text"] = alarm_words.sentence(
            known.get("sentence", ""), values, word, known.get("text", view.alarm_kind(word))
        )
    return _(SENTENCES.get(kind, N_("Something happened at %(where)s."))) % known


def address(target: str) -> str:
    """The page of what a notification is about; empty when there is none."""
    collection, _slash, key = target.partition("/")
    pattern = ADDRESSES.get(collection, "")
    return pattern.format(key) if key.isascii() and key.isalnum() else ""
