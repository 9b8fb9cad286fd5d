"""The months of a driver's own use."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from webui.pages.drive_use import months_until


def test_twelve_months_end_with_this_one_over_new_year_and_the_clocks_change():
    zone = ZoneInfo("Europe/Stockholm")
    begins = months_until(datetime(2026, 2, 28, 12, tzinfo=zone))
    assert len(begins) == 13
    assert begins[0] == datetime(2025, 3, 1, tzinfo=zone)
    assert begins[-2:] == [datetime(2026, 2, 1, tzinfo=zone), datetime(2026, 3, 1, tzinfo=zone)]
    assert {begin.hour for begin in begins} == {0}
