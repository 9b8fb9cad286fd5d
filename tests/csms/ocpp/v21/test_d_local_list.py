"""2.1's rows stand in place of 2.0.1's (what they say: tests/csms/ocpp/v201/test_d_local_list.py)."""

from __future__ import annotations

import pytest

from csms.domain.local_list import GetLocalListVersion, SendLocalList
from csms.ocpp.v21 import d_local_list
from csms.ocpp.v21.routes import Dialect21


@pytest.mark.feature("F-OCPP-5")
@pytest.mark.parametrize("kind", [SendLocalList, GetLocalListVersion])
def test_a_list_is_held_against_2_1s_schemas(kind: type[SendLocalList | GetLocalListVersion]) -> None:
    (row,) = Dialect21().outgoing[kind]
    assert row in d_local_list.OUTGOING
