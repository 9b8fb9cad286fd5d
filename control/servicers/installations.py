"""InstallationService."""

from __future__ import annotations

from control.convert import installations as convert
from control.convert.names import read_name
from control.guard import Call
from control.paging import make_token, masked_fields, page_size, read_etag, read_token
from control.v1 import installations_pb2 as pb
from csms.services.installations import Installations


class InstallationServicer:
    """A method is: convert, call one use case, convert."""

    service = pb.DESCRIPTOR.services_by_name["InstallationService"]

    def __init__(self, installations: Installations) -> None:
        self._installations = installations

    async def get_installation(self, call: Call, request: pb.GetInstallationRequest) -> pb.GetInstallationResponse:
        """GetInstallation."""
        kept = await self._installations.get(call.caller, read_name(request.station, "stations"))
        return pb.GetInstallationResponse(installation=convert.installation(kept))

    async def update_installation(
        self, call: Call, request: pb.UpdateInstallationRequest
    ) -> pb.UpdateInstallationResponse:
        """UpdateInstallation."""
        kept = await self._installations.update(
            call.caller,
            convert.read_installation(request.installation),
            masked_fields(request.update_mask.paths, convert.FIELDS),
            version=read_etag(request.installation.etag),
        )
        return pb.UpdateInstallationResponse(installation=convert.installation(kept))

    async def list_inventory(self, call: Call, request: pb.ListInventoryRequest) -> pb.ListInventoryResponse:
        """ListInventory."""
        size = page_size(request.page_size)
        query = b"ListInventory" + request.filter.SerializeToString(deterministic=True)
        place = read_token(request.page_token, query, (str, int))
        found, total = await self._installations.page(
            call.caller,
            convert.inventory_filter(request.filter),
            place_id=read_name(request.filter.place, "places") if request.filter.place else None,
            group_id=read_name(request.filter.group, "groups") if request.filter.group else None,
            size=size + 1,
            after=None if place is None else (str(place[0]), int(place[1])),
        )
        shown = found[:size]
        last = shown[-1].station if len(found) > size else None
        return pb.ListInventoryResponse(
            items=map(convert.inventory_item, shown),
            next_page_token="" if last is None else make_token([last.identity, last.id], query),
            total_size=total,
        )

    async def reveal_station_secrets(
        self, call: Call, request: pb.RevealStationSecretsRequest
    ) -> pb.RevealStationSecretsResponse:
        """RevealStationSecrets."""
        secrets, has_ocpp_password = await self._installations.reveal(
            call.caller, read_name(request.station, "stations")
        )
        return pb.RevealStationSecretsResponse(
            master_password=secrets.master_password,
            access_code=secrets.access_code,
            has_ocpp_password=has_ocpp_password,
        )

    async def set_station_secrets(
        self, call: Call, request: pb.SetStationSecretsRequest
    ) -> pb.SetStationSecretsResponse:
        """SetStationSecrets."""
        kept = await self._installations.set_secrets(
            call.caller,
            read_name(request.station, "stations"),
            request.master_password if request.HasField("master_password") else None,
            request.access_code if request.HasField("access_code") else None,
        )
        return pb.SetStationSecretsResponse(installation=convert.installation(kept))
