"""Tariffs are as control.v1 wants them, and every one holds somewhere."""

from __future__ import annotations

from google.protobuf.json_format import ParseDict

from control.v1 import tariffs_pb2
from loadtest.demo.prices import assignments, drafts


def test_every_draft_is_a_tariff_and_is_assigned() -> None:
    titles = [str(draft["display_name"]) for draft in drafts()]
    for draft in drafts():
        assert ParseDict(draft, tariffs_pb2.Tariff()).terms.elements
    assert {title for *_, title in assignments()} == set(titles)
    assert len({(where, evse) for where, evse, _ in assignments()}) == len(assignments())
