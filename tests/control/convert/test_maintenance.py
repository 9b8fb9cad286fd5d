"""Orders, as they come over the wire."""

from __future__ import annotations

from control.convert.maintenance import firmware_order, log_order
from control.v1 import maintenance_pb2 as pb
from csms.domain.maintenance import LogType
from csms.services.maintenance import FirmwareOrder, LogOrder, Retrying


def test_what_is_left_out_is_left_to_the_station() -> None:
    assert firmware_order(pb.UpdateFirmwareRequest(location="x")) == FirmwareOrder("x")
    assert log_order(pb.GetLogRequest(location="x")) == LogOrder(LogType.DIAGNOSTICS, "x")


def test_no_retry_is_not_the_same_as_nothing_said() -> None:
    assert firmware_order(pb.UpdateFirmwareRequest(location="x", retries=0)).retrying == Retrying(0)
