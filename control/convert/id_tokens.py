"""Tags."""

from __future__ import annotations

from typing import Final

from control.convert.common import moment, timestamp
from control.convert.names import print_name, read_name
from control.v1 import id_tokens_pb2
from csms.domain.authorization import Token

FIELDS: Final = {
    "alias": "alias",
    "blocked": "blocked",
    "expire_time": "expires_at",
    "parent_id_token": "parent_id_token",
    "allow_concurrent": "allow_concurrent",
    "note": "note",
    "user": "user_id",
}
"""Paths of an update mask → fields of a Token."""


def id_token(token: Token) -> id_tokens_pb2.IdToken:
    """All of it."""
    return id_tokens_pb2.IdToken(
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
    )


def token(message: id_tokens_pb2.IdToken) -> Token:
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
    )
