"""Tags."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from control.convert.common import moment, timestamp
from control.convert.names import print_name, read_name
from control.v1 import id_tokens_pb2 as pb
from csms.domain.authorization import TagKind, TagState, TagType, Token
from csms.domain.card_number import forms
from csms.ports.tokens import TokenFilter, TokenOrder
from csms.services.tokens import ImportReport, ImportRow

FIELDS: Final = {
    "alias": "alias",
    "blocked": "blocked",
    "expire_time": "expires_at",
    "parent_id_token": "parent_id_token",
    "allow_concurrent": "allow_concurrent",
    "note": "note",
    "user": "user_id",
    "type": "type",
    "valid_from_time": "valid_from",
    "valid_stations": "valid_station_ids",
    "valid_places": "valid_place_ids",
}
"""Paths of an update mask → fields of a Token."""

_KINDS: Final = {kind: pb.IdTokenKind.Value(f"ID_TOKEN_KIND_{kind.name}") for kind in TagKind}
_TYPES: Final = {each: pb.IdTokenType.Value(f"ID_TOKEN_TYPE_{each.name}") for each in TagType}
_STATES: Final = {state: pb.IdTokenState.Value(f"ID_TOKEN_STATE_{state.name}") for state in TagState}
_ORDERS: Final = {order: pb.IdTokenOrder.Value(f"ID_TOKEN_ORDER_{order.name}") for order in TokenOrder}
_READ_KINDS: Final = {number: kind for kind, number in _KINDS.items()}
_READ_TYPES: Final = {number: each for each, number in _TYPES.items()}
_READ_STATES: Final = {number: state for state, number in _STATES.items()}
_READ_ORDERS: Final = {number: order for order, number in _ORDERS.items()}


def id_token(token: Token, now: datetime) -> pb.IdToken:
    """All of it, as it counts now."""
    return pb.IdToken(
        name=print_name("idTokens", token.id),
        id_token=token.id_token,
        alias=token.alias,
        blocked=token.blocked,
        expire_time=timestamp(token.expires_at),
        parent_id_token=token.parent_id_token or "",
        allow_concurrent=token.allow_concurrent,
        note=token.note,
        user="" if token.user_id is None else print_name("users", token.user_id),
        create_time=timestamp(token.created_at),
        update_time=timestamp(token.updated_at),
        etag=str(token.version),
        kind=_KINDS[token.kind],
        type=_TYPES[token.type],
        valid_from_time=timestamp(token.valid_from),
        valid_stations=[print_name("stations", number) for number in token.valid_station_ids],
        valid_places=[print_name("places", number) for number in token.valid_place_ids],
        state=_STATES[token.state(now)],
        user_email=token.user_email,
        user_display_name=token.user_name,
        forms=[
            pb.CardForms(
                hexadecimal=each.hexadecimal,
                hexadecimal_reversed=each.hexadecimal_reversed,
                decimal=each.decimal,
                decimal_reversed=each.decimal_reversed,
            )
            for each in (forms(token.id_token) if token.kind is TagKind.PHYSICAL else ())
        ],
        blocked_by_user=token.blocked_by_user,
    )


def token(message: pb.IdToken) -> Token:
    """What people may write of it; the id is 0. Raises InvalidArgument."""
    return Token(
        0,
        message.id_token,
        alias=message.alias,
        blocked=message.blocked,
        expires_at=moment(message.expire_time) if message.HasField("expire_time") else None,
        parent_id_token=message.parent_id_token or None,
        allow_concurrent=message.allow_concurrent,
        note=message.note,
        user_id=read_name(message.user, "users") if message.user else None,
        kind=_READ_KINDS.get(message.kind, TagKind.PHYSICAL),
        type=_READ_TYPES.get(message.type, TagType.OTHER),
        valid_from=moment(message.valid_from_time) if message.HasField("valid_from_time") else None,
        valid_station_ids=tuple(read_name(name, "stations") for name in message.valid_stations),
        valid_place_ids=tuple(read_name(name, "places") for name in message.valid_places),
    )


def token_filter(request: pb.ListIdTokensRequest) -> TokenFilter:
    """Which tags, in which order. Raises InvalidArgument."""
    return TokenFilter(
        query=request.query.strip(),
        user_id=read_name(request.user, "users") if request.user else None,
        type=_READ_TYPES.get(request.type),
        kind=_READ_KINDS.get(request.kind),
        state=_READ_STATES.get(request.state),
        station_id=read_name(request.station, "stations") if request.station else None,
        parent_id_token=request.parent_id_token.strip().upper(),
        order=_READ_ORDERS.get(request.order, TokenOrder.ID_TOKEN),
        descending=request.descending,
    )


def import_rows(request: pb.ImportIdTokensRequest) -> list[ImportRow]:
    """Tags to be made. Raises InvalidArgument."""
    return [ImportRow(token(message), message.user_email) for message in request.id_tokens]


def import_report(report: ImportReport) -> pb.ImportIdTokensResponse:
    """What came of it."""
    return pb.ImportIdTokensResponse(
        imported=report.imported,
        errors=[
            pb.IdTokenImportError(row=each.row, reason=each.reason, message=each.message) for each in report.errors
        ],
    )
