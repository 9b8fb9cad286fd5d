"""Names of time zones are known, and looked up once."""

from __future__ import annotations

from csms.services.zones import known_zones


def test_zones_are_known_by_their_names_and_nothing_else_is() -> None:
    assert {"Europe/Stockholm", "America/Argentina/Buenos_Aires", "UTC"} <= known_zones()
    assert "Europe/Atlantis" not in known_zones()


def test_they_are_not_looked_up_for_each_service_anew() -> None:
    assert known_zones() is known_zones()
