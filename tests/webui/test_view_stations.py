"""Words of the stations' pages."""

from __future__ import annotations

from webui import view, view_stations


def test_sizes_have_the_unit_that_suits_them():
    assert [view_stations.size(n) for n in (512, 2048, 3_500_000)] == ["512 B", "2.0 kB", "3.5 MB"]


def test_a_word_that_is_not_known_yet_is_told_as_it_is():
    assert view_stations.job_kind("TELEPORT") == "TELEPORT"
    assert view.alarm_kind("ROOF_LEAKS") == "Roof leaks"
    assert view.alarm_kind("UNSPECIFIED") == view.DASH
    assert view_stations.address_kind("ocpp-by-pigeon") == "ocpp-by-pigeon"
