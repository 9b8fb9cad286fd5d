"""What a station keeps of a customer, asked for or cleared (OCPP 2.x block N, N09 and N10)."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from csms.domain.applying import Applied, Context, Handler, event
from csms.domain.certificates import CertificateHashData
from csms.domain.commands import Command
from csms.domain.facts import Fact
from csms.domain.ids import StationId
from csms.domain.records import JobKind, JobRecord


class CustomerInformation(Command, frozen=True):
    """Report what you keep of a customer, forget it, or both. One of the three says who: a token, an identifier of the
    vendor's, a certificate. `id_token_type` is OCPP's (ISO14443, eMAID, Central, …)."""

    request_id: int
    report: bool
    clear: bool
    id_token: str = ""
    id_token_type: str = ""
    customer_identifier: str = ""
    customer_certificate: CertificateHashData | None = None


class CustomerInformationReceived(Fact, frozen=True):
    """NotifyCustomerInformation: part `seq_no` of the text; `last` says that none follows it."""

    request_id: int
    generated_at: datetime
    seq_no: int
    last: bool
    data: str


def _received(fact: CustomerInformationReceived, station_id: StationId, context: Context) -> Applied:
    # The text stands in the job and nowhere else: it is about a person, and somebody may want it forgotten.
    step = JobRecord(
        station_id,
        JobKind.CUSTOMER_INFORMATION,
        context.now,
        fact.request_id,
        part=fact.seq_no,
        last=fact.last,
        detail=fact.data,
    )
    part = f"Part {fact.seq_no + 1} of customer information {fact.request_id} came"
    summary = f"{part}; it was the last." if fact.last else f"{part}."
    body = {"requestId": fact.request_id, "seqNo": fact.seq_no}
    told = event(station_id, context, "NotifyCustomerInformation", summary, at=fact.generated_at, body=body)
    return Applied(records=[step, told])


HANDLERS: Final[dict[type[Fact], Handler]] = {CustomerInformationReceived: _received}
