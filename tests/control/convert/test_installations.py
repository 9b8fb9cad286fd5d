"""Installations on the wire."""

from __future__ import annotations

from datetime import date

import msgspec

from control.convert.installations import FIELDS, installation, read_installation
from csms.domain.installation import EDITABLE, Installation
from tests.kit.service_world import NOW

KEPT = Installation(
    3, NOW, "P", "M", "S", "V", date(2026, 3, 1), "I", date(2028, 3, 1), "G", 63, 3, "N", True, True, 2, NOW
)


def test_all_of_it_comes_and_goes() -> None:
    message = installation(KEPT)
    assert len(message.ListFields()) == len(message.DESCRIPTOR.fields)
    read = read_installation(message)
    assert all(getattr(read, name) == getattr(KEPT, name) for name in EDITABLE)
    empty = Installation(3)
    assert read_installation(installation(empty)) == msgspec.structs.replace(empty, version=0)


def test_every_field_that_people_edit_can_be_named_in_a_mask() -> None:
    assert tuple(FIELDS.values()) == EDITABLE
