"""Rules and rule sets."""

from __future__ import annotations

from typing import Final

from control.convert.common import timestamp
from control.convert.names import print_name
from control.v1 import tolerance_pb2
from csms.ocpp.tolerance import Rule
from csms.ports.tolerance import RuleSet

COLLECTION: Final = "ruleSets"
FIELDS: Final = {
    "title": "title",
    "vendor_pattern": "vendor",
    "model_pattern": "model",
    "firmware_pattern": "firmware",
    "rule_ids": "rules",
    "time_zone": "time_zone",
    "enabled": "enabled",
    "note": "note",
}
"""Paths of an update mask → fields of a RuleSet."""


def rule(known: Rule) -> tolerance_pb2.Rule:
    """For people."""
    return tolerance_pb2.Rule(rule_id=known.name, description=known.sentence, always=known.always)


def rule_set(kept: RuleSet) -> tolerance_pb2.RuleSet:
    """All of it."""
    return tolerance_pb2.RuleSet(
        name=print_name(COLLECTION, kept.id),
        title=kept.title,
        vendor_pattern=kept.vendor,
        model_pattern=kept.model,
        firmware_pattern=kept.firmware,
        rule_ids=kept.rules,
        time_zone=kept.time_zone,
        enabled=kept.enabled,
        note=kept.note,
        create_time=timestamp(kept.created_at),
        update_time=timestamp(kept.updated_at),
        etag=str(kept.version),
    )


def read_rule_set(message: tolerance_pb2.RuleSet) -> RuleSet:
    """What people may write of it; the id is 0."""
    return RuleSet(
        0,
        message.title,
        message.vendor_pattern,
        message.model_pattern,
        message.firmware_pattern,
        tuple(message.rule_ids),
        message.time_zone,
        message.enabled,
        message.note,
    )
