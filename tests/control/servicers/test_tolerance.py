"""ToleranceService over the wire."""

from __future__ import annotations

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from control.v1 import tolerance_pb2 as pb
from tests.kit.control_world import ControlWorld, Refused


async def create(world: ControlWorld, title: str) -> pb.RuleSet:
    wanted = pb.RuleSet(title=title, vendor_pattern="Vend*", rule_ids=["words", "nulls"], enabled=True)
    made = await world.client.call("tolerance.CreateRuleSet", pb.CreateRuleSetRequest(rule_set=wanted))
    return made.rule_set  # type: ignore[no-any-return]


async def test_rules_are_listed_with_sentences(world: ControlWorld) -> None:
    listed = await world.client.call("tolerance.ListRules", pb.ListRulesRequest())
    rules = {rule.rule_id: rule for rule in listed.rules}
    assert rules["padded-tags"].always
    assert not rules["words"].always
    assert rules["words"].description


async def test_a_rule_set_is_made_changed_paged_and_removed(world: ControlWorld) -> None:
    station = await world.add_station("CP-1")
    made = await create(world, "Beta")
    await create(world, "Alpha")
    assert (list(made.rule_ids), made.etag) == (["nulls", "words"], "1")
    assert world.tolerance_index.rules_of(station) is not None
    first = await world.client.call("tolerance.ListRuleSets", pb.ListRuleSetsRequest(page_size=1))
    rest = await world.client.call(
        "tolerance.ListRuleSets", pb.ListRuleSetsRequest(page_size=1, page_token=first.next_page_token)
    )
    assert [each.title for each in [*first.rule_sets, *rest.rule_sets]] == ["Alpha", "Beta"]
    assert (rest.next_page_token, rest.total_size) == ("", 2)
    change = pb.RuleSet(name=made.name, model_pattern="Other", etag=made.etag)
    request = pb.UpdateRuleSetRequest(rule_set=change, update_mask=FieldMask(paths=["model_pattern"]))
    changed = await world.client.call("tolerance.UpdateRuleSet", request)
    assert (changed.rule_set.model_pattern, changed.rule_set.title) == ("Other", "Beta")
    with pytest.raises(Refused) as refused:
        await world.client.call("tolerance.UpdateRuleSet", request)
    assert refused.value.code is grpc.StatusCode.ABORTED
    await world.client.call("tolerance.DeleteRuleSet", pb.DeleteRuleSetRequest(name=made.name))
    with pytest.raises(Refused) as refused:
        await world.client.call("tolerance.DeleteRuleSet", pb.DeleteRuleSetRequest(name=made.name))
    assert refused.value.code is grpc.StatusCode.NOT_FOUND


async def test_what_makes_no_sense_is_told(world: ControlWorld) -> None:
    await create(world, "Alpha")
    for wanted, code in (
        (pb.RuleSet(title="Alpha", rule_ids=["words"]), grpc.StatusCode.ALREADY_EXISTS),
        (pb.RuleSet(title="New", rule_ids=["make-coffee"]), grpc.StatusCode.INVALID_ARGUMENT),
    ):
        with pytest.raises(Refused) as refused:
            await world.client.call("tolerance.CreateRuleSet", pb.CreateRuleSetRequest(rule_set=wanted))
        assert refused.value.code is code
