"""TariffService."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal

from control.convert import tariffs as convert
from control.convert.common import moment, seconds
from control.convert.names import read_name
from control.guard import Call
from control.paging import fitting, make_token, masked_fields, page_size, read_etag, read_token
from control.v1 import tariffs_pb2
from csms.domain.errors import InvalidArgument
from csms.domain.tariff_book import Assignment, read_target
from csms.services.session_costs import SessionCosts
from csms.services.tariffs import Draft, Tariffs

_FIELDS = {"display_name": "name", "description": "description", "terms": "terms"}


class TariffServicer:
    """A method is: convert, call one use case, convert."""

    service = tariffs_pb2.DESCRIPTOR.services_by_name["TariffService"]

    def __init__(self, tariffs: Tariffs, costs: SessionCosts, now: Callable[[], datetime]) -> None:
        self._tariffs = tariffs
        self._costs = costs
        self._now = now

    async def list_tariffs(
        self, call: Call, request: tariffs_pb2.ListTariffsRequest
    ) -> tariffs_pb2.ListTariffsResponse:
        """ListTariffs."""
        key = f"Tariffs {request.show_retired} {request.query}".encode()
        place = read_token(request.page_token, key, (str, int))
        after = None if place is None else (str(place[0]), int(place[1]))
        size = page_size(request.page_size)
        found, total = await self._tariffs.page(
            call.caller, query=request.query, retired=request.show_retired, size=size, after=after
        )
        shown = fitting(convert.tariff(each, self._now()) for each in found)
        response = tariffs_pb2.ListTariffsResponse(tariffs=shown, total_size=total)
        if len(shown) == size or len(shown) < len(found):
            last = found[len(shown) - 1]
            response.next_page_token = make_token([last.name.lower(), last.id], key)
        return response

    async def get_tariff(self, call: Call, request: tariffs_pb2.GetTariffRequest) -> tariffs_pb2.GetTariffResponse:
        """GetTariff."""
        found, held = await self._tariffs.get(call.caller, read_name(request.name, "tariffs"))
        return tariffs_pb2.GetTariffResponse(
            tariff=convert.tariff(found, self._now()),
            versions=[convert.version(each) for each in reversed(found.versions)],
            assignments=[convert.assignment(each, found.name) for each in held],
        )

    async def create_tariff(
        self, call: Call, request: tariffs_pb2.CreateTariffRequest
    ) -> tariffs_pb2.CreateTariffResponse:
        """CreateTariff."""
        wanted = request.tariff
        made = await self._tariffs.create(
            call.caller, wanted.display_name, wanted.description, convert.read_terms(wanted.terms), _valid_from(wanted)
        )
        return tariffs_pb2.CreateTariffResponse(tariff=convert.tariff(made, self._now()))

    async def update_tariff(
        self, call: Call, request: tariffs_pb2.UpdateTariffRequest
    ) -> tariffs_pb2.UpdateTariffResponse:
        """UpdateTariff."""
        wanted = request.tariff
        named = masked_fields(request.update_mask.paths, _FIELDS)
        values = {"name": wanted.display_name, "description": wanted.description}
        made = await self._tariffs.update(
            call.caller,
            read_name(wanted.name, "tariffs"),
            {name: value for name, value in values.items() if name in named},
            convert.read_terms(wanted.terms) if "terms" in named else None,
            _valid_from(wanted),
            version=read_etag(wanted.etag),
        )
        return tariffs_pb2.UpdateTariffResponse(tariff=convert.tariff(made, self._now()))

    async def delete_tariff(
        self, call: Call, request: tariffs_pb2.DeleteTariffRequest
    ) -> tariffs_pb2.DeleteTariffResponse:
        """DeleteTariff."""
        await self._tariffs.delete(call.caller, read_name(request.name, "tariffs"))
        return tariffs_pb2.DeleteTariffResponse()

    async def retire_tariff(
        self, call: Call, request: tariffs_pb2.RetireTariffRequest
    ) -> tariffs_pb2.RetireTariffResponse:
        """RetireTariff."""
        made = await self._tariffs.retire(call.caller, read_name(request.name, "tariffs"))
        return tariffs_pb2.RetireTariffResponse(tariff=convert.tariff(made, self._now()))

    async def assign_tariff(
        self, call: Call, request: tariffs_pb2.AssignTariffRequest
    ) -> tariffs_pb2.AssignTariffResponse:
        """AssignTariff."""
        tariff_id = read_name(request.tariff, "tariffs")
        made = await self._tariffs.assign(call.caller, read_target(request.target), tariff_id)
        return tariffs_pb2.AssignTariffResponse(assignment=(await self._assignments([made] if made else []))[0])

    async def unassign_tariff(
        self, call: Call, request: tariffs_pb2.UnassignTariffRequest
    ) -> tariffs_pb2.UnassignTariffResponse:
        """UnassignTariff."""
        await self._tariffs.assign(call.caller, read_target(request.target), None)
        return tariffs_pb2.UnassignTariffResponse()

    async def list_tariff_assignments(
        self, call: Call, request: tariffs_pb2.ListTariffAssignmentsRequest
    ) -> tariffs_pb2.ListTariffAssignmentsResponse:
        """ListTariffAssignments."""
        found = await self._tariffs.assignments(
            call.caller,
            tariff_id=read_name(request.tariff, "tariffs") if request.tariff else None,
            target=read_target(request.target) if request.target else None,
        )
        return tariffs_pb2.ListTariffAssignmentsResponse(assignments=await self._assignments(list(found)))

    async def get_tariff_for(
        self, call: Call, request: tariffs_pb2.GetTariffForRequest
    ) -> tariffs_pb2.GetTariffForResponse:
        """GetTariffFor."""
        if request.id_token and request.user:
            raise InvalidArgument("Name a tag or a user, not both.", reason="TAG_OR_USER")
        held, zone = await self._tariffs.in_force(
            call.caller,
            read_name(request.station, "stations"),
            request.evse_id,
            id_token=request.id_token,
            user_id=read_name(request.user, "users") if request.user else None,
            at=moment(request.time) if request.HasField("time") else None,
        )
        if held is None:
            return tariffs_pb2.GetTariffForResponse(time_zone=zone)
        return tariffs_pb2.GetTariffForResponse(
            version=convert.version(held.version),
            tariff_display_name=held.name,
            target=str(held.target),
            time_zone=zone,
        )

    async def preview_cost(
        self, call: Call, request: tariffs_pb2.PreviewCostRequest
    ) -> tariffs_pb2.PreviewCostResponse:
        """PreviewCost."""
        if bool(request.tariff) == request.HasField("draft"):
            raise InvalidArgument("Name a tariff or give a draft of one.", reason="TARIFF_OR_DRAFT")
        draft = Draft(
            moment(request.start_time) if request.HasField("start_time") else self._now(),
            timedelta(seconds=seconds(request.charging)),
            timedelta(seconds=seconds(request.parked)),
            request.energy_wh,
        )
        terms, cost = await self._tariffs.preview(
            call.caller,
            read_name(request.tariff, "tariffs") if request.tariff else convert.read_terms(request.draft),
            draft,
            zone=request.time_zone,
            place_id=read_name(request.place, "places") if request.place else None,
        )
        return tariffs_pb2.PreviewCostResponse(cost=convert.cost(cost, terms.vat_percent))

    async def get_session_cost(
        self, call: Call, request: tariffs_pb2.GetSessionCostRequest
    ) -> tariffs_pb2.GetSessionCostResponse:
        """GetSessionCost."""
        last, earlier = await self._costs.get(call.caller, read_name(request.session, "sessions"))
        return tariffs_pb2.GetSessionCostResponse(
            session_cost=convert.session_cost(last), earlier=[convert.session_cost(each) for each in earlier]
        )

    async def recompute_session_cost(
        self, call: Call, request: tariffs_pb2.RecomputeSessionCostRequest
    ) -> tariffs_pb2.RecomputeSessionCostResponse:
        """RecomputeSessionCost."""
        made = await self._costs.recompute(
            call.caller,
            read_name(request.session, "sessions"),
            request.reason,
            read_name(request.tariff, "tariffs") if request.tariff else None,
        )
        return tariffs_pb2.RecomputeSessionCostResponse(session_cost=convert.session_cost(made))

    async def get_running_cost(
        self, call: Call, request: tariffs_pb2.GetRunningCostRequest
    ) -> tariffs_pb2.GetRunningCostResponse:
        """GetRunningCost."""
        cost, held = await self._costs.running(call.caller, read_name(request.session, "sessions"))
        percent = Decimal(0) if held is None else held.version.terms.vat_percent
        return tariffs_pb2.GetRunningCostResponse(
            cost=convert.cost(cost, percent),
            tariff_version="" if held is None else convert.version_name(held.version),
            tariff_display_name="" if held is None else held.name,
        )

    async def _assignments(self, found: list[Assignment]) -> list[tariffs_pb2.TariffAssignment]:
        names = await self._tariffs.names(each.tariff_id for each in found)
        return [convert.assignment(each, names.get(each.tariff_id, "")) for each in found]


def _valid_from(wanted: tariffs_pb2.Tariff) -> datetime | None:
    return moment(wanted.valid_from_time) if wanted.HasField("valid_from_time") else None
