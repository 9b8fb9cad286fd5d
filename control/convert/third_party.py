"""Third-party services and roaming."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from control.convert.common import timestamp
from control.convert.names import print_name, read_name
from control.v1 import third_party_pb2
from csms.domain.errors import InvalidArgument
from csms.domain.roaming import Party, PartyState, RoamingToken
from csms.domain.third_party import (
    LocationDataSettings,
    PublishedSite,
    RoamingSettings,
    Service,
    ServiceKind,
    ServiceState,
)
from csms.ocpi.charging import Cdr
from csms.ocpi.envelope import read_object
from csms.ocpi.tokens import Token
from csms.ports.roaming import PartyCounts, Push, ReleasedObject
from csms.services.third_parties import ShownSite

LOCATION_DATA_PATHS: Final = {"key_required": "key_required", "new_key": "new_key"}
ROAMING_PATHS: Final = {name: name for name in RoamingSettings.__struct_fields__}
SITE_PATHS: Final = {name: name for name in ("published", "street", "city", "postal_code", "country")}
PARTY_PATHS: Final = {"display_name": "display_name", "state": "state"}

_KINDS: Final = {
    ServiceKind.LOCATION_DATA: third_party_pb2.SERVICE_KIND_LOCATION_DATA,
    ServiceKind.ROAMING: third_party_pb2.SERVICE_KIND_ROAMING,
}
_STATES: Final = {state: third_party_pb2.ServiceState.Value(f"SERVICE_STATE_{state.name}") for state in ServiceState}
_PARTY_STATES: Final = {
    state: third_party_pb2.RoamingPartyState.Value(f"ROAMING_PARTY_STATE_{state.name}") for state in PartyState
}
_READ_PARTY_STATES: Final = {number: state for state, number in _PARTY_STATES.items()}


def read_key(name: str) -> str:
    """`services/{key}` → key. Raises InvalidArgument."""
    collection, slash, key = name.partition("/")
    if collection != "services" or not slash or not key or len(key) > 64 or "\0" in key:
        raise InvalidArgument("Services are named like services/roaming.", reason="INVALID_NAME")
    return key


def service(found: Service, missing: Sequence[str], addresses: Mapping[str, str]) -> third_party_pb2.ThirdParty:
    """All of it but secrets."""
    message = third_party_pb2.ThirdParty(
        name=f"services/{found.key}",
        kind=_KINDS[found.kind],
        enabled=found.enabled,
        state=_STATES[found.state],
        missing=missing,
        last_error=found.last_error,
        last_error_time=timestamp(found.last_error_at),
        last_success_time=timestamp(found.last_success_at),
        addresses=addresses,
        etag=str(found.version),
    )
    settings = found.settings
    if isinstance(settings, LocationDataSettings):
        message.location_data.key_required = settings.key_required
        message.location_data.has_key = bool(settings.key_digest)
        return message
    message.roaming.CopyFrom(
        third_party_pb2.RoamingSettings(**{name: getattr(settings, name) for name in ROAMING_PATHS})
    )
    return message


def read_settings(message: third_party_pb2.ThirdParty) -> tuple[LocationDataSettings | RoamingSettings, str]:
    """The settings, and the new key of location data. Raises InvalidArgument."""
    match message.WhichOneof("settings"):
        case "location_data":
            return LocationDataSettings(message.location_data.key_required), message.location_data.new_key
        case "roaming":
            return RoamingSettings(**{name: getattr(message.roaming, name) for name in ROAMING_PATHS}), ""
    raise InvalidArgument("Give the settings of the service.", reason="INVALID_SETTINGS")


def site(shown: ShownSite) -> third_party_pb2.ServiceLocation:
    """All of it."""
    return third_party_pb2.ServiceLocation(
        place=print_name("places", shown.place.id),
        display_name=shown.place.name,
        published=shown.site.published,
        street=shown.site.street,
        city=shown.site.city,
        postal_code=shown.site.postal_code,
        country=shown.site.country,
        missing=shown.missing,
    )


def read_site(message: third_party_pb2.ServiceLocation) -> PublishedSite:
    """Raises InvalidArgument."""
    return PublishedSite(
        read_name(message.place, "places"),
        message.published,
        message.street.strip(),
        message.city.strip(),
        message.postal_code.strip(),
        message.country.strip(),
    )


def party(found: Party, counts: PartyCounts) -> third_party_pb2.RoamingParty:
    """All of it but secrets."""
    return third_party_pb2.RoamingParty(
        name=print_name("roamingParties", found.id),
        display_name=found.display_name,
        state=_PARTY_STATES[found.state],
        country_code=found.country_code,
        party_id=found.party_code,
        business_name=found.business_name,
        roles=list(dict.fromkeys(role.role for role in found.roles)),
        versions_url=found.versions_url,
        modules=[f"{each.identifier} {each.role}" for each in found.endpoints],
        register_time=timestamp(found.registered_at),
        tokens_read_time=timestamp(found.tokens_read_at),
        token_count=counts.tokens,
        waiting_pushes=counts.waiting,
        failed_pushes=counts.failed,
        last_error=found.last_error,
        last_error_time=timestamp(found.last_error_at),
        last_success_time=timestamp(found.last_success_at),
        create_time=timestamp(found.created_at),
        etag=str(found.version),
    )


def read_party(message: third_party_pb2.RoamingParty) -> Party:
    """What people may write of it."""
    state = _READ_PARTY_STATES.get(message.state, PartyState.INVITED)
    return Party(0, message.display_name, state, b"")


def token(found: RoamingToken) -> third_party_pb2.RoamingToken:
    """All of it."""
    told = read_object(Token, found.body.encode())
    return third_party_pb2.RoamingToken(
        party=print_name("roamingParties", found.party_id),
        uid=found.uid,
        type=found.type,
        contract_id=found.contract_id,
        issuer=told.issuer,
        visual_number=told.visual_number or "",
        valid=found.valid,
        whitelist=found.whitelist,
        update_time=timestamp(found.last_updated),
    )


def push(found: Push) -> third_party_pb2.RoamingPush:
    """All of it but what is sent."""
    return third_party_pb2.RoamingPush(
        id=found.id,
        party=print_name("roamingParties", found.draft.party_id),
        module=found.draft.module,
        key=found.draft.key,
        method=found.draft.method,
        create_time=timestamp(found.created_at),
        attempts=found.attempts,
        next_try_time=None if found.given_up_at is not None else timestamp(found.next_try_at),
        last_error=found.last_error,
    )


def cdr(found: ReleasedObject, *, delivered: bool) -> third_party_pb2.RoamingCdr:
    """What people look for in a record."""
    told = read_object(Cdr, found.body.encode())
    total = told.total_cost
    return third_party_pb2.RoamingCdr(
        id=told.id,
        party=print_name("roamingParties", found.party_id or 0),
        session=print_name("sessions", found.session_id or 0),
        start_time=timestamp(told.start_date_time),
        end_time=timestamp(told.end_date_time),
        energy_kwh=f"{told.total_energy:f}",
        currency=told.currency,
        total_excl_vat=f"{total.excl_vat:f}",
        total_incl_vat="" if total.incl_vat is None else f"{total.incl_vat:f}",
        credit=bool(told.credit),
        credit_of=told.credit_reference_id or "",
        create_time=timestamp(found.last_updated),
        delivered=delivered,
    )
