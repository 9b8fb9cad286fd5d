"""What an alarm says, taken apart: which of our sentences it is, and with which names and numbers.

The text of an alarm is in English. Who shows it to people puts the sentence into their language and the values into it;
a station's own words, and those of a rule that was made here, stay as they are.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Final, NamedTuple

from csms.domain import alarm_rules, silence
from csms.domain.alarms import BACKUP_OF, AlarmKind, words_of

SENTENCES: Final[tuple[str, ...]] = (
    silence.NEVER_CONNECTED,
    silence.NOT_CONNECTED,
    silence.SILENT_TOGETHER,
    BACKUP_OF,
    alarm_rules.ONE_DRIFTED,
    alarm_rules.MORE_DRIFTED,
    alarm_rules.SEVERAL_DRIFTED,
    *(rule.text for rule in alarm_rules.BUILT_IN if rule.text),
    alarm_rules.USUAL,
)
"""All that are ours; values stand in braces. The one that says more stands before the one that would fit as well."""
_VALUE: Final = re.compile(r"( ?)\{(\w+)\}")
_MAY_BE_MISSING: Final = "info"


class Said(NamedTuple):
    """One of SENTENCES, and what goes into it. Both empty: it is not one of ours."""

    sentence: str = ""
    values: Mapping[str, str] = MappingProxyType({})


def said(text: str, kind: AlarmKind) -> Said:
    """Which sentence `text` is. The word for the kind is not among the values, since whoever shows it has its own."""
    for sentence in SENTENCES:
        found = _pattern(sentence, words_of(kind)).fullmatch(text)
        if found is not None:
            return Said(sentence, {name: value or "" for name, value in found.groupdict().items()})
    return Said()


@cache
def _pattern(sentence: str, kind: str) -> re.Pattern[str]:
    parts, end = [], 0
    for value in _VALUE.finditer(sentence):
        parts.append(re.escape(sentence[end : value.start()]))
        blank, name, end = value[1], value[2], value.end()
        if name == "kind":
            parts.append(blank + re.escape(kind))
        elif name == _MAY_BE_MISSING:
            parts.append(f"(?:{blank}(?P<{name}>.+))?")
        else:
            parts.append(f"{blank}(?P<{name}>.+?)")
    return re.compile("".join([*parts, re.escape(sentence[end:])]), re.DOTALL)
