"""Rule sets, there and back."""

from __future__ import annotations

import msgspec

from control.convert.tolerance import FIELDS, read_rule_set, rule_set
from csms.ports.tolerance import RuleSet
from csms.services.tolerance import EDITABLE


def test_all_that_people_write_goes_there_and_back() -> None:
    kept = RuleSet(7, "T", "v", "m", "f", ("words",), "+02:00", True, "note", 3)
    message = rule_set(kept)
    assert (message.name, message.etag) == ("ruleSets/7", "3")
    assert read_rule_set(message) == msgspec.structs.replace(kept, id=0, version=1)


def test_every_editable_field_has_a_path() -> None:
    assert set(FIELDS.values()) == set(EDITABLE)
