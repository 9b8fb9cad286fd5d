"""What alarms say, in the reader's language: the server names its sentence and the values, the words are ours."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from webui import server_words, view
from webui.values_alarms import Alarm, LogEvent
from webui.words import N_, _

SENTENCES: Final = frozenset(
    (
        N_("The station has never connected."),
        N_("The station is not connected."),
        N_("{silent} of {stations} stations fell silent together."),
        N_("The newest good backup is of {time} UTC."),
        N_("{name} is set otherwise at the station than it accepted."),
        N_("{names} are set otherwise at the station than it accepted."),
        N_("{names} and {more} more are set otherwise at the station than it accepted."),
        N_("The lock of the connector fails. {info}"),
        N_("The vehicle does not answer. {info}"),
        N_("The residual current device has tripped. {info}"),
        N_("It is too hot inside. {info}"),
        N_("Internal error. {info}"),
        N_("The local list contradicts the central system. {info}"),
        N_("Error in the communication with the vehicle (mode 3). {info}"),
        N_("The overcurrent protection has tripped. {info}"),
        N_("The voltage is too high. {info}"),
        N_("The voltage is too low. {info}"),
        N_("The energy meter fails. {info}"),
        N_("The power switch fails. {info}"),
        N_("The card reader fails. {info}"),
        N_("A reset failed. {info}"),
        N_("The mobile network is weak. {info}"),
        N_("Somebody tampers with the station. {info}"),
        N_("Somebody tried an attack ({code}). {info}"),
        N_("Firmware was refused ({code}). {info}"),
        N_("{kind}: {told}."),
    )
)
"""What a server of this version says."""
VALUE: Final = re.compile(r"\{(\w+)\}")
_BEFORE: Final = {"AlarmRaised": "%s", "AlarmCleared": N_("Over: %s"), "AlarmAcknowledged": N_("Noticed: %s")}


def sentence(template: str, values: Mapping[str, str], kind: str, text: str) -> str:
    """In the reader's language; `text`, as the server put it, when the sentence is not known here or there is none."""
    if template not in SENTENCES:
        return text
    known = {"kind": view.alarm_kind(kind), **values}
    return VALUE.sub(lambda found: known.get(found[1], ""), _(template)).strip()


def of_alarm(alarm: Alarm) -> str:
    """What is wrong."""
    return sentence(alarm.sentence, alarm.sentence_values, alarm.kind, alarm.text)


def of_event(event: LogEvent) -> str:
    """A line of the event log; those about alarms are told as the alarms are."""
    before = _BEFORE.get(event.kind)
    if before is None or not event.alarm_text:
        return server_words.told(event.summary)
    told = sentence(event.sentence, event.sentence_values, event.alarm_kind, event.alarm_text)
    return (before if before == "%s" else _(before)) % f"{view.alarm_kind(event.alarm_kind)}. {told}"


FILTERS: Final = {"alarm_text": of_alarm, "event_text": of_event}
