"""IdTokenService."""

from __future__ import annotations

from control.convert import id_tokens as convert
from control.convert.names import read_name
from control.guard import Call
from control.paging import make_token, masked_fields, page_size, read_etag, read_token
from control.v1 import id_tokens_pb2
from csms.ports.tokens import TagPolicy, place_of
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
        return id_tokens_pb2.GetIdTokenResponse(id_token=convert.id_token(token, self._tokens.now))

    async def list_id_tokens(
        self, call: Call, request: id_tokens_pb2.ListIdTokensRequest
    ) -> id_tokens_pb2.ListIdTokensResponse:
        """ListIdTokens."""
        size = page_size(request.page_size)
        wanted = convert.token_filter(request)
        query = b"ListIdTokens" + repr(wanted).encode()
        place = read_token(request.page_token, query, (str, int))
        after = None if place is None else (str(place[0]), int(place[1]))
        page = await self._tokens.page(call.caller, wanted, size=size + 1, after=after)
        shown = page.tokens[:size]
        more = len(page.tokens) > size
        return id_tokens_pb2.ListIdTokensResponse(
            id_tokens=[convert.id_token(token, self._tokens.now) for token in shown],
            next_page_token=make_token(place_of(shown[-1], wanted.order), query) if more else "",
            total_size=page.total,
        )

    async def create_id_token(
        self, call: Call, request: id_tokens_pb2.CreateIdTokenRequest
    ) -> id_tokens_pb2.CreateIdTokenResponse:
        """CreateIdToken."""
        token = await self._tokens.create(call.caller, convert.token(request.id_token))
        return id_tokens_pb2.CreateIdTokenResponse(id_token=convert.id_token(token, self._tokens.now))

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
        return id_tokens_pb2.UpdateIdTokenResponse(id_token=convert.id_token(token, self._tokens.now))

    async def delete_id_token(
        self, call: Call, request: id_tokens_pb2.DeleteIdTokenRequest
    ) -> id_tokens_pb2.DeleteIdTokenResponse:
        """DeleteIdToken."""
        await self._tokens.delete(call.caller, read_name(request.name, "idTokens"))
        return id_tokens_pb2.DeleteIdTokenResponse()

    async def look_up_id_token(
        self, call: Call, request: id_tokens_pb2.LookUpIdTokenRequest
    ) -> id_tokens_pb2.LookUpIdTokenResponse:
        """LookUpIdToken."""
        token = await self._tokens.look_up(call.caller, request.text)
        return id_tokens_pb2.LookUpIdTokenResponse(id_token=convert.id_token(token, self._tokens.now))

    async def import_id_tokens(
        self, call: Call, request: id_tokens_pb2.ImportIdTokensRequest
    ) -> id_tokens_pb2.ImportIdTokensResponse:
        """ImportIdTokens."""
        rows = convert.import_rows(request)
        return convert.import_report(await self._tokens.import_rows(call.caller, rows, dry_run=request.dry_run))

    async def get_tag_policy(
        self, call: Call, request: id_tokens_pb2.GetTagPolicyRequest
    ) -> id_tokens_pb2.GetTagPolicyResponse:
        """GetTagPolicy."""
        policy = await self._tokens.policy(call.caller)
        return id_tokens_pb2.GetTagPolicyResponse(
            policy=id_tokens_pb2.TagPolicy(users_register_tags=policy.users_register_tags)
        )

    async def set_tag_policy(
        self, call: Call, request: id_tokens_pb2.SetTagPolicyRequest
    ) -> id_tokens_pb2.SetTagPolicyResponse:
        """SetTagPolicy."""
        policy = await self._tokens.set_policy(call.caller, TagPolicy(request.policy.users_register_tags))
        return id_tokens_pb2.SetTagPolicyResponse(
            policy=id_tokens_pb2.TagPolicy(users_register_tags=policy.users_register_tags)
        )
