"""What may be written of an outlet."""

from __future__ import annotations

import msgspec
import pytest

from csms.domain.errors import InvalidArgument
from csms.domain.outlet import ExternalId, Outlet, OutletMode, checked_outlet

GOOD = Outlet(1, 2, 1, 1, "6BA7B810-9DAD-11D1-80B4-00C04FD430C8")


@pytest.mark.feature("F-STA-10")
def test_blanks_go_and_ids_stand_in_order() -> None:
    ids = (ExternalId("roaming", " DE*1 "), ExternalId("maps", "7"))
    made = checked_outlet(msgspec.structs.replace(GOOD, outlet_id=" A1 ", external_ids=ids))
    assert (made.outlet_id, made.uuid) == ("A1", GOOD.uuid.lower())
    assert made.external_ids == (ExternalId("maps", "7"), ExternalId("roaming", "DE*1"))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("uuid", "no-uuid"),
        ("parking", "x" * 201),
        ("outlet_id", "a\0b"),
        ("external_ids", (ExternalId("", "1"),)),
        ("external_ids", (ExternalId("maps", " "),)),
        ("external_ids", (ExternalId("maps", "1"), ExternalId("maps", "2"))),
        ("external_ids", tuple(ExternalId(f"s{n}", "1") for n in range(51))),
    ],
)
def test_what_makes_no_sense_is_refused(field: str, value: object) -> None:
    with pytest.raises(InvalidArgument):
        checked_outlet(msgspec.structs.replace(GOOD, **{field: value}))


def test_free_vend_opens_what_its_mode_keeps_shut() -> None:
    assert not GOOD.open
    assert msgspec.structs.replace(GOOD, mode=OutletMode.OPEN).open
    assert msgspec.structs.replace(GOOD, free_vend=True).open
