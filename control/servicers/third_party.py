"""ThirdPartyService."""

from __future__ import annotations

from control.convert import third_party as convert
from control.convert.names import read_name
from control.guard import Call
from control.paging import make_token, masked_fields, moment_value, page_size, read_etag, read_moment, read_token
from control.v1 import third_party_pb2 as pb
from csms.domain.third_party import LocationDataSettings, Service, missing_settings
from csms.services.roaming_parties import RoamingParties
from csms.services.third_parties import ThirdParties
from csms.services.third_party_work import RoamingWork


class ThirdPartyServicer:
    """A method is: convert, call one use case, convert."""

    service = pb.DESCRIPTOR.services_by_name["ThirdPartyService"]

    def __init__(self, services: ThirdParties, parties: RoamingParties, work: RoamingWork) -> None:
        self._services = services
        self._parties = parties
        self._work = work

    # -- services ----------------------------------------------------------------------------------------------------

    async def list_services(self, call: Call, _request: pb.ListServicesRequest) -> pb.ListServicesResponse:
        """ListServices."""
        found = await self._services.all(call.caller)
        return pb.ListServicesResponse(services=[self._shown(each) for each in found])

    async def get_service(self, call: Call, request: pb.GetServiceRequest) -> pb.GetServiceResponse:
        """GetService."""
        found = await self._services.get(call.caller, convert.read_key(request.name))
        return pb.GetServiceResponse(service=self._shown(found))

    async def update_service(self, call: Call, request: pb.UpdateServiceRequest) -> pb.UpdateServiceResponse:
        """UpdateService."""
        settings, new_key = convert.read_settings(request.service)
        is_map = isinstance(settings, LocationDataSettings)
        paths = convert.LOCATION_DATA_PATHS if is_map else convert.ROAMING_PATHS
        kept = await self._services.update(
            call.caller,
            convert.read_key(request.service.name),
            settings,
            masked_fields(request.update_mask.paths, paths),
            new_key=new_key,
            version=read_etag(request.service.etag),
        )
        return pb.UpdateServiceResponse(service=self._shown(kept))

    async def enable_service(self, call: Call, request: pb.EnableServiceRequest) -> pb.EnableServiceResponse:
        """EnableService."""
        kept = await self._services.enable(call.caller, convert.read_key(request.name))
        return pb.EnableServiceResponse(service=self._shown(kept))

    async def disable_service(self, call: Call, request: pb.DisableServiceRequest) -> pb.DisableServiceResponse:
        """DisableService."""
        kept = await self._services.disable(call.caller, convert.read_key(request.name))
        return pb.DisableServiceResponse(service=self._shown(kept))

    async def test_service(self, call: Call, request: pb.TestServiceRequest) -> pb.TestServiceResponse:
        """TestService."""
        found = await self._services.test(call.caller, convert.read_key(request.name))
        return pb.TestServiceResponse(ok=found.ok, findings=found.sentences)

    async def list_service_locations(
        self, call: Call, _request: pb.ListServiceLocationsRequest
    ) -> pb.ListServiceLocationsResponse:
        """ListServiceLocations."""
        found = await self._services.sites(call.caller)
        return pb.ListServiceLocationsResponse(locations=[convert.site(each) for each in found])

    async def update_service_location(
        self, call: Call, request: pb.UpdateServiceLocationRequest
    ) -> pb.UpdateServiceLocationResponse:
        """UpdateServiceLocation."""
        shown = await self._services.update_site(
            call.caller,
            convert.read_site(request.location),
            masked_fields(request.update_mask.paths, convert.SITE_PATHS),
        )
        return pb.UpdateServiceLocationResponse(location=convert.site(shown))

    # -- parties -----------------------------------------------------------------------------------------------------

    async def list_roaming_parties(
        self, call: Call, _request: pb.ListRoamingPartiesRequest
    ) -> pb.ListRoamingPartiesResponse:
        """ListRoamingParties."""
        found = await self._parties.all(call.caller)
        return pb.ListRoamingPartiesResponse(parties=[convert.party(*each) for each in found])

    async def get_roaming_party(self, call: Call, request: pb.GetRoamingPartyRequest) -> pb.GetRoamingPartyResponse:
        """GetRoamingParty."""
        found = await self._parties.get(call.caller, _party(request.name))
        return pb.GetRoamingPartyResponse(party=convert.party(*found))

    async def invite_roaming_party(
        self, call: Call, request: pb.InviteRoamingPartyRequest
    ) -> pb.InviteRoamingPartyResponse:
        """InviteRoamingParty."""
        made = await self._parties.invite(call.caller, request.display_name)
        shown = await self._parties.get(call.caller, made.party.id)
        return pb.InviteRoamingPartyResponse(
            party=convert.party(*shown), token=made.token, versions_url=made.versions_url
        )

    async def register_at_roaming_party(
        self, call: Call, request: pb.RegisterAtRoamingPartyRequest
    ) -> pb.RegisterAtRoamingPartyResponse:
        """RegisterAtRoamingParty."""
        made = await self._parties.register(call.caller, request.display_name, request.versions_url, request.token)
        self._work.pull_soon(made[0])
        return pb.RegisterAtRoamingPartyResponse(party=convert.party(*made))

    async def update_roaming_party(
        self, call: Call, request: pb.UpdateRoamingPartyRequest
    ) -> pb.UpdateRoamingPartyResponse:
        """UpdateRoamingParty."""
        kept = await self._parties.update(
            call.caller,
            _party(request.party.name),
            convert.read_party(request.party),
            masked_fields(request.update_mask.paths, convert.PARTY_PATHS),
            version=read_etag(request.party.etag),
        )
        await self._work.reload_tokens()
        return pb.UpdateRoamingPartyResponse(party=convert.party(*kept))

    async def renew_roaming_party(
        self, call: Call, request: pb.RenewRoamingPartyRequest
    ) -> pb.RenewRoamingPartyResponse:
        """RenewRoamingParty."""
        kept = await self._parties.renew(call.caller, _party(request.name))
        return pb.RenewRoamingPartyResponse(party=convert.party(*kept))

    async def delete_roaming_party(
        self, call: Call, request: pb.DeleteRoamingPartyRequest
    ) -> pb.DeleteRoamingPartyResponse:
        """DeleteRoamingParty."""
        remark = await self._parties.delete(call.caller, _party(request.name))
        await self._work.reload_tokens()
        return pb.DeleteRoamingPartyResponse(remark=remark)

    async def pull_roaming_tokens(
        self, call: Call, request: pb.PullRoamingTokensRequest
    ) -> pb.PullRoamingTokensResponse:
        """PullRoamingTokens."""
        return pb.PullRoamingTokensResponse(tokens=await self._work.pull(call.caller, _party(request.name)))

    # -- what they have and get --------------------------------------------------------------------------------------

    async def list_roaming_tokens(
        self, call: Call, request: pb.ListRoamingTokensRequest
    ) -> pb.ListRoamingTokensResponse:
        """ListRoamingTokens."""
        size = page_size(request.page_size)
        query = f"ListRoamingTokens {request.party} {request.query}".encode()
        place = read_token(request.page_token, query, (str, str))
        found, total = await self._services.tokens(
            call.caller,
            _party(request.party),
            query=request.query,
            size=size + 1,
            after=None if place is None else (str(place[0]), str(place[1])),
        )
        shown = found[:size]
        token = make_token([shown[-1].uid, shown[-1].type], query) if len(found) > size else ""
        return pb.ListRoamingTokensResponse(
            tokens=[convert.token(each) for each in shown], next_page_token=token, total_size=total
        )

    async def list_roaming_pushes(
        self, call: Call, request: pb.ListRoamingPushesRequest
    ) -> pb.ListRoamingPushesResponse:
        """ListRoamingPushes."""
        size = page_size(request.page_size)
        query = f"ListRoamingPushes {request.party}".encode()
        place = read_token(request.page_token, query, (int,))
        found = await self._services.pushes(
            call.caller,
            _party(request.party) if request.party else None,
            size=size + 1,
            after=0 if place is None else int(place[0]),
        )
        shown = found[:size]
        token = make_token([shown[-1].id], query) if len(found) > size else ""
        return pb.ListRoamingPushesResponse(pushes=[convert.push(each) for each in shown], next_page_token=token)

    async def retry_roaming_pushes(
        self, call: Call, request: pb.RetryRoamingPushesRequest
    ) -> pb.RetryRoamingPushesResponse:
        """RetryRoamingPushes."""
        return pb.RetryRoamingPushesResponse(pushes=await self._work.retry(call.caller, _party(request.party)))

    async def list_roaming_cdrs(self, call: Call, request: pb.ListRoamingCdrsRequest) -> pb.ListRoamingCdrsResponse:
        """ListRoamingCdrs."""
        size = page_size(request.page_size)
        query = f"ListRoamingCdrs {request.party}".encode()
        place = read_token(request.page_token, query, (str, str))
        found = await self._services.cdrs(
            call.caller,
            _party(request.party) if request.party else None,
            size=size + 1,
            before=None if place is None else (read_moment(place[0]), str(place[1])),
        )
        shown = found[:size]
        last = shown[-1][0] if len(found) > size else None
        token = "" if last is None else make_token([moment_value(last.last_updated), last.key], query)
        return pb.ListRoamingCdrsResponse(
            cdrs=[convert.cdr(each, delivered=delivered) for each, delivered in shown], next_page_token=token
        )

    def _shown(self, found: Service) -> pb.ThirdParty:
        return convert.service(found, missing_settings(found.settings), self._services.addresses(found))


def _party(name: str) -> int:
    return read_name(name, "roamingParties")
