"""AuditService."""

from __future__ import annotations

from control.convert import audit as convert
from control.guard import Call
from control.paging import fitting, make_token, page_size, read_token
from control.v1 import audit_pb2
from csms.services.audit import AuditLog


class AuditServicer:
    """A method is: convert, call one use case, convert."""

    service = audit_pb2.DESCRIPTOR.services_by_name["AuditService"]

    def __init__(self, audit: AuditLog) -> None:
        self._audit = audit

    async def list_audit_entries(
        self, call: Call, request: audit_pb2.ListAuditEntriesRequest
    ) -> audit_pb2.ListAuditEntriesResponse:
        """ListAuditEntries."""
        size = page_size(request.page_size)
        query = b"ListAuditEntries" + request.filter.SerializeToString(deterministic=True)
        place = read_token(request.page_token, query, (int,))
        found = await self._audit.page(
            call.caller,
            convert.read_filter(request.filter),
            size=size + 1,
            before=None if place is None else int(place[0]),
        )
        fit = fitting(convert.audit_entry(entry) for entry in found[:size])
        more = len(found) > len(fit)
        return audit_pb2.ListAuditEntriesResponse(
            audit_entries=fit, next_page_token=make_token([found[len(fit) - 1].id], query) if more else ""
        )
