"""IdTokenService."""

from __future__ import annotations

from control.convert import id_tokens as convert
from control.convert.names import read_name
from control.guard import Call
from control.paging import make_token, masked_fields, page_size, read_etag, read_token
from control.v1 import id_tokens_pb2
from csms.services.tokens import Tokens


class IdTokenServicer:
    """A method is: convert, call one use case, convert."""

    service = id_tokens_pb2.DESCRIPTOR.services_by_name["IdTokenService"]

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens

    async def get_id_token(
        self, call: Call, request: id_tokens_pb2.GetIdTokenRequest
    ) -> id_tokens_pb2.GetIdTokenResponse:
        """GetIdToken."""
        token = await self._tokens.get(call.caller, read_name(request.name, "idTokens"))
        return id_tokens_pb2.GetIdTokenResponse(id_token=convert.id_token(token))

    async def list_id_tokens(
        self, call: Call, request: id_tokens_pb2.ListIdTokensRequest
    ) -> id_tokens_pb2.ListIdTokensResponse:
        """ListIdTokens."""
        size = page_size(request.page_size)
        query = b"ListIdTokens" + request.query.encode()
        place = read_token(request.page_token, query, (str,))
        after = "" if place is None else str(place[0])
        page = await self._tokens.page(call.caller, query=request.query.strip(), size=size + 1, after=after)
        shown = page.tokens[:size]
        return id_tokens_pb2.ListIdTokensResponse(
            id_tokens=[convert.id_token(token) for token in shown],
            next_page_token=make_token([shown[-1].id_token], query) if len(page.tokens) > size else "",
            total_size=page.total,
        )

    async def create_id_token(
        self, call: Call, request: id_tokens_pb2.CreateIdTokenRequest
    ) -> id_tokens_pb2.CreateIdTokenResponse:
        """CreateIdToken."""
        token = await self._tokens.create(call.caller, convert.token(request.id_token))
        return id_tokens_pb2.CreateIdTokenResponse(id_token=convert.id_token(token))

    async def update_id_token(
        self, call: Call, request: id_tokens_pb2.UpdateIdTokenRequest
    ) -> id_tokens_pb2.UpdateIdTokenResponse:
        """UpdateIdToken."""
        token = await self._tokens.update(
            call.caller,
            read_name(request.id_token.name, "idTokens"),
            convert.token(request.id_token),
            masked_fields(request.update_mask.paths, convert.FIELDS),
            version=read_etag(request.id_token.etag),
        )
        return id_tokens_pb2.UpdateIdTokenResponse(id_token=convert.id_token(token))

    async def delete_id_token(
        self, call: Call, request: id_tokens_pb2.DeleteIdTokenRequest
    ) -> id_tokens_pb2.DeleteIdTokenResponse:
        """DeleteIdToken."""
        await self._tokens.delete(call.caller, read_name(request.name, "idTokens"))
        return id_tokens_pb2.DeleteIdTokenResponse()
