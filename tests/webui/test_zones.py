"""What a form offers as time zones."""

from __future__ import annotations

from webui.zones import zones


def test_places_are_offered_in_order_and_no_offsets() -> None:
    offered = zones()
    assert list(offered) == sorted(offered)
    assert "Europe/Stockholm" in offered
    assert not {"UTC", "Etc/GMT+5"} & set(offered)
    assert zones() is offered, "looked up once"
