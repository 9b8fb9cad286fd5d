"""The numbers that links are closed with."""

from __future__ import annotations

from websockets.frames import CloseCode

from csms.actors import world


def test_close_codes_are_those_of_the_standard() -> None:
    ours = {name: code for name, code in vars(world).items() if isinstance(code, int) and code >= 1000}
    assert len(ours) == 6
    for name, code in ours.items():
        assert CloseCode[name] == code
