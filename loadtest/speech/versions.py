"""The versions of OCPP that stations speak."""

from __future__ import annotations

from loadtest.speech.speech import Speech
from loadtest.speech.v2x import Speech2
from loadtest.speech.v15 import Speech15
from loadtest.speech.v16 import Speech16

_SPEECHES: dict[str, Speech] = {
    speech.version: speech for speech in (Speech15(), Speech16(), Speech2("2.0.1"), Speech2("2.1"))
}


def speech_for(version: str) -> Speech:
    """Raises ValueError for a version that stations do not speak."""
    speech = _SPEECHES.get(version)
    if speech is None:
        raise ValueError(f"stations speak OCPP {', '.join(_SPEECHES)}, not {version!r}")
    return speech
