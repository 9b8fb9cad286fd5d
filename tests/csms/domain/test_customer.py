"""What comes of customer information."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest

from csms.domain.applying import Context
from csms.domain.authorization import AuthorizationStatus
from csms.domain.customer import HANDLERS, CustomerInformationReceived
from csms.domain.facts import IdTokenInfo
from csms.domain.ids import StationId
from csms.domain.records import EventRecord, JobKind, JobRecord

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)


@pytest.mark.feature("F-OCPP-4")
def test_the_text_goes_into_the_job_and_nowhere_else() -> None:
    context = Context(NOW, lambda _tag, _session: IdTokenInfo(AuthorizationStatus.ACCEPTED), lambda: 1)
    fact = CustomerInformationReceived(9, NOW, 1, last=True, data="Jo Public, 04A2")
    step, event = HANDLERS[CustomerInformationReceived](fact, StationId(3), context).records
    assert step == JobRecord(3, JobKind.CUSTOMER_INFORMATION, NOW, 9, part=1, last=True, detail="Jo Public, 04A2")
    assert isinstance(event, EventRecord)
    assert event.summary == "Part 2 of customer information 9 came; it was the last."
    assert b"Jo Public" not in msgspec.json.encode(event)
