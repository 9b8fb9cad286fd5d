"""Orders about security."""

from __future__ import annotations

import pytest

from control.convert.station_security import network
from control.v1 import station_security_pb2 as pb
from csms.domain.errors import InvalidArgument
from csms.services.station_security import NetworkChoice


def test_what_is_left_out_is_as_usual() -> None:
    assert network(pb.NetworkChoice()) == NetworkChoice(0, "Wired0", "", 30)
    given = pb.NetworkChoice(
        configuration_slot=3, ocpp_interface="Wireless0", ocpp_csms_url="wss://x/", message_timeout_s=9
    )
    assert network(given) == NetworkChoice(3, "Wireless0", "wss://x/", 9)


@pytest.mark.parametrize("wrong", [{"configuration_slot": -1}, {"configuration_slot": 100}, {"message_timeout_s": -1}])
def test_numbers_that_make_no_sense(wrong: dict[str, int]) -> None:
    with pytest.raises(InvalidArgument):
        network(pb.NetworkChoice(**wrong))  # type: ignore[arg-type]
