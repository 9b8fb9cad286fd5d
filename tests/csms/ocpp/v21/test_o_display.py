"""2.1's rows stand in place of 2.0.1's (what they say: tests/csms/ocpp/v201/test_o_display.py)."""

from __future__ import annotations

import pytest

from csms.domain.commands import Command
from csms.domain.display import ClearDisplayMessage, GetDisplayMessages, SetDisplayMessage
from csms.ocpp.v21 import o_display
from csms.ocpp.v21.routes import Dialect21


@pytest.mark.feature("F-OCPP-5")
@pytest.mark.parametrize("kind", [SetDisplayMessage, GetDisplayMessages, ClearDisplayMessage])
def test_a_message_is_held_against_2_1s_schemas(kind: type[Command]) -> None:
    (row,) = Dialect21().outgoing[kind]
    assert row in o_display.OUTGOING
