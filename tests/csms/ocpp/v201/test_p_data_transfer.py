"""Block P: any JSON as data."""

from __future__ import annotations

from typing import Any

import pytest

from csms.domain.commands import DataTransfer
from csms.domain.errors import InvalidArgument
from csms.domain.facts import ACK, DataTransferred, DataTransferReply
from csms.ocpp.faults import LocalProtocolError
from csms.ocpp.routing import RoutedDialect
from tests.kit.dialects_2 import answer, both, fact_of, printed, replied

pytestmark = pytest.mark.feature("F-OCPP-4", "F-OCPP-5")


@both
@pytest.mark.parametrize(("told", "text"), [("x", "x"), ({"a": [1]}, '{"a":[1]}'), (7, "7"), (None, "null")])
def test_data_is_a_text_with_us_whatever_it_was(dialect: RoutedDialect, told: Any, text: str) -> None:
    payload = {"vendorId": "V", "messageId": "M", "data": told}
    assert fact_of(dialect, "DataTransfer", payload) == DataTransferred("V", "M", text)
    answered = answer(dialect, DataTransfer("V"), {"status": "Accepted", "data": told})
    assert (answered.accepted, answered.data) == (True, text)


@both
def test_data_may_be_missing(dialect: RoutedDialect) -> None:
    assert fact_of(dialect, "DataTransfer", {"vendorId": "V"}) == DataTransferred("V")
    assert replied(dialect, "DataTransfer", DataTransferReply("UnknownVendorId")) == {"status": "UnknownVendorId"}
    with pytest.raises(LocalProtocolError):
        replied(dialect, "DataTransfer", ACK)


@both
@pytest.mark.parametrize(("text", "sent"), [("x", "x"), ('{"a":1}', {"a": 1}), ("[1", "[1"), ("7", "7")])
def test_the_text_of_an_object_is_sent_as_that(dialect: RoutedDialect, text: str, sent: Any) -> None:
    assert printed(dialect, DataTransfer("V", "M", text)) == (
        "DataTransfer",
        {"vendorId": "V", "messageId": "M", "data": sent},
    )
    assert replied(dialect, "DataTransfer", DataTransferReply("Accepted", text))["data"] == sent


@both
def test_a_vendor_with_too_long_a_name_is_refused(dialect: RoutedDialect) -> None:
    with pytest.raises(InvalidArgument):
        printed(dialect, DataTransfer("V" * 256))
