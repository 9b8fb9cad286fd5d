"""Any call, over a real channel to the fake control plane."""

from __future__ import annotations

import msgspec
import pytest

from tests.kit.portal_client import Portal
from webui.api import Client
from webui.values import ApiError


class Person(msgspec.Struct, frozen=True):
    email: str


class WhoAmI(msgspec.Struct, frozen=True):
    caller: Person


class Found(msgspec.Struct, frozen=True):
    identity: str


class Stations(msgspec.Struct, frozen=True):
    stations: tuple[Found, ...]
    total_size: int


def test_calls_by_name_answer_with_values(portal: Portal, client: Client):
    found = portal.run(client.desk.ask("StationService/ListStations", Stations, page_size=1))
    assert (len(found.stations), found.total_size > 1) == (1, True)
    assert portal.run(client.desk.ask("AuthService/GetCaller", WhoAmI)).caller.email == "admin@example.org"


def test_a_refusal_is_the_portals_error(portal: Portal, client: Client):
    with pytest.raises(ApiError) as refused:
        portal.run(client.desk.do("StationService/DeleteStation", name="stations/999999"))
    assert refused.value.code == "NOT_FOUND"


def test_a_method_that_is_not_there_is_our_own_mistake(portal: Portal, client: Client):
    for wrong in ("StationService/MakeCoffee", "CoffeeService/Make"):
        with pytest.raises(LookupError):
            portal.run(client.desk.do(wrong))
