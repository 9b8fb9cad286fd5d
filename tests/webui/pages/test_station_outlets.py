"""External ids as people type them."""

from __future__ import annotations

import pytest

from webui.pages.station_outlets import external_ids, typed_ids
from webui.values import ApiError
from webui.values_stations import ExternalId, Outlet


def test_each_line_is_a_service_and_its_id():
    found = external_ids("roaming: SE*CHH*E1\n\n  map:7 ")
    assert found == [{"service": "roaming", "external_id": "SE*CHH*E1"}, {"service": "map", "external_id": "7"}]


@pytest.mark.parametrize("typed", ["roaming", ": x", "roaming:"])
def test_a_line_without_both_is_refused(typed: str):
    with pytest.raises(ApiError, match="service: id"):
        external_ids(typed)


def test_what_is_kept_is_shown_as_it_is_typed():
    outlet = Outlet("outlets/1", 1, 1, "", "", "", "", "RFID", (ExternalId("a", "1"), ExternalId("b", "2")), False, "")
    assert typed_ids(outlet) == "a: 1\nb: 2"
