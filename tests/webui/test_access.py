"""What the reader may do with stations."""

from __future__ import annotations

from tests.kit.portal_client import Portal
from webui.access import Access, access_to, my_access
from webui.api import Client
from webui.operations import OPERATIONS, offered


def test_an_administrator_may_do_everything(portal: Portal):
    token = portal.browser(signed_in="admin@example.org").cookies["chargehouse"]

    async def made() -> Client:
        return Client(portal.app.state.control, token)

    client = portal.run(made())
    found = portal.run(access_to(client, ["stations/101", "stations/104", "stations/101"]))
    assert list(found) == ["stations/101", "stations/104"]
    assert portal.run(my_access(client, "stations/101")).can_edit


def test_only_what_may_be_done_is_offered():
    assert offered(Access(), administers=False) == ()
    operating = offered(Access(can_operate=True), administers=False)
    assert {each.least for each in operating} == {"operate"}
    assert offered(Access(can_operate=True, can_configure=True), administers=True) == OPERATIONS
