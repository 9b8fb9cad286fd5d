"""ToleranceService."""

from __future__ import annotations

import trio

from control.convert import tolerance as convert
from control.convert.names import read_name
from control.guard import Call
from control.paging import make_token, masked_fields, page_size, read_etag, read_token
from control.v1 import tolerance_pb2
from csms.services.tolerance import Tolerances


class ToleranceServicer:
    """A method is: convert, call one use case, convert."""

    service = tolerance_pb2.DESCRIPTOR.services_by_name["ToleranceService"]

    def __init__(self, tolerances: Tolerances) -> None:
        self._tolerances = tolerances

    async def list_rules(self, call: Call, _request: tolerance_pb2.ListRulesRequest) -> tolerance_pb2.ListRulesResponse:
        """ListRules."""
        await trio.lowlevel.checkpoint()
        return tolerance_pb2.ListRulesResponse(rules=map(convert.rule, self._tolerances.rules(call.caller)))

    async def list_rule_sets(
        self, call: Call, request: tolerance_pb2.ListRuleSetsRequest
    ) -> tolerance_pb2.ListRuleSetsResponse:
        """ListRuleSets."""
        size = page_size(request.page_size)
        query = b"ListRuleSets"
        place = read_token(request.page_token, query, (str,))
        after = "" if place is None else str(place[0])
        found, total = await self._tolerances.page(call.caller, size=size + 1, after=after)
        shown = found[:size]
        return tolerance_pb2.ListRuleSetsResponse(
            rule_sets=map(convert.rule_set, shown),
            next_page_token=make_token([shown[-1].title], query) if len(found) > size else "",
            total_size=total,
        )

    async def create_rule_set(
        self, call: Call, request: tolerance_pb2.CreateRuleSetRequest
    ) -> tolerance_pb2.CreateRuleSetResponse:
        """CreateRuleSet."""
        kept = await self._tolerances.create(call.caller, convert.read_rule_set(request.rule_set))
        return tolerance_pb2.CreateRuleSetResponse(rule_set=convert.rule_set(kept))

    async def update_rule_set(
        self, call: Call, request: tolerance_pb2.UpdateRuleSetRequest
    ) -> tolerance_pb2.UpdateRuleSetResponse:
        """UpdateRuleSet."""
        kept = await self._tolerances.update(
            call.caller,
            read_name(request.rule_set.name, convert.COLLECTION),
            convert.read_rule_set(request.rule_set),
            masked_fields(request.update_mask.paths, convert.FIELDS),
            version=read_etag(request.rule_set.etag),
        )
        return tolerance_pb2.UpdateRuleSetResponse(rule_set=convert.rule_set(kept))

    async def delete_rule_set(
        self, call: Call, request: tolerance_pb2.DeleteRuleSetRequest
    ) -> tolerance_pb2.DeleteRuleSetResponse:
        """DeleteRuleSet."""
        await self._tolerances.delete(call.caller, read_name(request.name, convert.COLLECTION))
        return tolerance_pb2.DeleteRuleSetResponse()
