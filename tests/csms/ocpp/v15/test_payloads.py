"""OCPP 1.5: the shapes of messages."""

from __future__ import annotations

from csms.ocpp.v15 import payloads
from csms.ocpp.v15.routes import INCOMING
from csms.transport.soap.service import OPERATIONS


def test_requests_have_the_elements_of_the_schema() -> None:
    for row in INCOMING:
        fields = {name for name, _, _ in OPERATIONS[row.action][0]}
        assert set(payloads.fields(row.shape)) == fields, row.action


def test_texts_become_numbers() -> None:
    read = payloads.read({"key": "K", "readonly": "false"}, payloads.KeyValue)
    assert (read.readonly, read.value) == (False, None)
