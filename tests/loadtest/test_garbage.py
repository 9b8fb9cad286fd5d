"""The garbage is what it says it is."""

from __future__ import annotations

import json
from random import Random

from loadtest.garbage import HUGE, pieces


def test_every_piece_comes_once_in_an_order_of_its_own() -> None:
    one, other = pieces(Random(1)), pieces(Random(2))
    assert one != other
    assert sorted(map(repr, one)) == sorted(map(repr, other))
    assert pieces(Random(1)) == one


def test_no_text_is_a_good_call() -> None:
    """An action that is there, with an object for a payload and an id of its own: at most its content is wrong."""
    for piece in pieces(Random(1)):
        if not isinstance(piece, str):
            continue
        try:
            message = json.loads(piece)
        except (ValueError, RecursionError):
            continue
        match message:
            case [2, str(message_id), "Heartbeat", {**extra}] if message_id:
                assert extra, piece


def test_frames_are_masked_and_some_are_no_text() -> None:
    frames = [piece for piece in pieces(Random(1)) if isinstance(piece, bytes)]
    assert {frame[0] for frame in frames} == {0x81, 0x82, 0x85, 0xC1}
    assert all(frame[1] & 0x80 for frame in frames)
    assert max(map(len, frames)) > HUGE
