"""What a form offers as time zones."""

from __future__ import annotations

from webui.zones import options, zones


def test_places_are_offered_in_order_and_no_offsets() -> None:
    offered = zones()
    assert list(offered) == sorted(offered)
    assert "Europe/Stockholm" in offered
    assert not {"UTC", "Etc/GMT+5"} & set(offered)
    assert zones() is offered, "looked up once"


def test_the_zone_that_holds_is_selected_and_no_other() -> None:
    assert options().count("<option>") == len(zones())
    chosen = options("Europe/Amsterdam")
    assert "<option selected>Europe/Amsterdam</option>" in chosen
    assert chosen.count("selected") == 1
    assert options("<b>") == options() == options("Amsterdam")
