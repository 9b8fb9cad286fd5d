"""What was changed in a table of settings, and an upload in one sentence."""

from __future__ import annotations

from starlette.datastructures import FormData, QueryParams

from tests.webui.test_values_configuration import setting
from webui.pages.station_configuration import Change, View, answered, changes_of
from webui.values_configuration import Uploaded


def test_only_what_was_changed_becomes_a_wish():
    form = FormData(
        [
            ("name", "A"),
            ("was", "1"),
            ("value", "1 "),
            ("name", "B"),
            ("was", "1"),
            ("value", "2"),
            ("new_name", "C"),
            ("new_value", "3"),
        ]
    )
    assert changes_of(form) == [Change("B", "1", "2"), Change("C", "", "3")]


def test_nonsense_in_the_address_counts_as_not_given():
    view = View.parse("7", QueryParams("show=everything&q=Heart"))
    assert view.filters == {"query": "Heart", "only_differences": False, "only_desired": False}
    assert view.url(show="differences") == "/stations/7/configuration?q=Heart&show=differences"


def test_an_upload_is_told_in_one_sentence():
    one = setting(state="ACCEPTED")
    assert answered(Uploaded((), False, False)) == "The station has everything that is wanted. Nothing was sent."
    assert answered(Uploaded((one, setting(state="REJECTED")), False, False)) == "2 settings were sent; 1 taken."
    assert answered(Uploaded((one,), True, False)).startswith("The station is offline. 1 setting is sent")
