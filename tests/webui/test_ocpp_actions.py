"""Every message that the server knows of a version can be chosen in the message log."""

from __future__ import annotations

import pytest

from csms.ocpp.v15 import routes as v15
from csms.ocpp.v16 import routes as v16
from csms.ocpp.v21 import routes as v21
from csms.ocpp.v201 import routes as v201
from webui.ocpp_actions import ACTIONS, actions_of


@pytest.mark.parametrize(
    ("protocol", "routes"), [("ocpp1.5", v15), ("ocpp1.6", v16), ("ocpp2.0.1", v201), ("ocpp2.1", v21)]
)
def test_the_actions_are_those_of_the_version(protocol, routes):
    known = {row.action for row in (*routes.INCOMING, *routes.OUTGOING)}
    assert actions_of(protocol) == tuple(sorted(known))


def test_a_station_that_never_connected_has_those_of_1_6():
    assert actions_of("") == ACTIONS["ocpp1.6"]
