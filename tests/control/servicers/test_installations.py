"""InstallationService over the wire."""

from __future__ import annotations

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from control.v1 import installations_pb2 as pb
from tests.kit.control_world import ControlWorld, Refused


async def test_an_installation_is_written_listed_and_its_secrets_are_shown_on_request(world: ControlWorld) -> None:
    stations = [f"stations/{await world.add_station(f'CP-{number}')}" for number in range(3)]
    wanted = pb.Installation(station=stations[1], material_number="M-1", installation_date="2026-03-01", phases=3)
    change = pb.UpdateInstallationRequest(installation=wanted, update_mask=FieldMask(paths=["*"]))
    kept = (await world.client.call("installations.UpdateInstallation", change)).installation
    assert (kept.material_number, kept.installation_date, kept.etag) == ("M-1", "2026-03-01", "1")
    got = await world.client.call("installations.GetInstallation", pb.GetInstallationRequest(station=stations[1]))
    assert got.installation == kept
    first = await world.client.call("installations.ListInventory", pb.ListInventoryRequest(page_size=2))
    rest = await world.client.call(
        "installations.ListInventory", pb.ListInventoryRequest(page_size=2, page_token=first.next_page_token)
    )
    items = [*first.items, *rest.items]
    assert [item.station.name for item in items] == stations
    assert (items[1].installation, rest.next_page_token, rest.total_size) == (kept, "", 3)
    found = pb.ListInventoryRequest(filter=pb.InventoryFilter(material_number="m-1"))
    assert (await world.client.call("installations.ListInventory", found)).total_size == 1
    secret = pb.SetStationSecretsRequest(station=stations[1], master_password="M!")
    assert (await world.client.call("installations.SetStationSecrets", secret)).installation.has_master_password
    shown = await world.client.call(
        "installations.RevealStationSecrets", pb.RevealStationSecretsRequest(station=stations[1])
    )
    assert (shown.master_password, shown.access_code, shown.has_ocpp_password) == ("M!", "", False)


async def test_a_date_that_is_none_is_told(world: ControlWorld) -> None:
    station = f"stations/{await world.add_station('CP-1')}"
    wanted = pb.Installation(station=station, warranty_date="next year")
    change = pb.UpdateInstallationRequest(installation=wanted, update_mask=FieldMask(paths=["warranty_date"]))
    with pytest.raises(Refused) as refused:
        await world.client.call("installations.UpdateInstallation", change)
    assert (refused.value.code, refused.value.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_DATE")
