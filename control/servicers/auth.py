"""AuthService."""

from __future__ import annotations

from control.convert import auth as convert
from control.convert.common import moment, timestamp
from control.convert.names import read_name
from control.guard import Call
from control.paging import make_token, page_size, read_token
from control.v1 import auth_pb2
from csms.services.access import AccessControl

_KEYS = b"ListApiKeys"


class AuthServicer:
    """A method is: convert, call one use case, convert."""

    service = auth_pb2.DESCRIPTOR.services_by_name["AuthService"]

    def __init__(self, access: AccessControl) -> None:
        self._access = access

    async def sign_in(self, call: Call, request: auth_pb2.SignInRequest) -> auth_pb2.SignInResponse:
        """SignIn."""
        signed_in = await self._access.sign_in(request.email, request.password)
        call.caller = signed_in.principal
        return auth_pb2.SignInResponse(
            token=signed_in.token,
            expire_time=timestamp(signed_in.expires_at),
            caller=convert.caller(signed_in.principal),
        )

    async def sign_out(self, call: Call, request: auth_pb2.SignOutRequest) -> auth_pb2.SignOutResponse:
        """SignOut."""
        await self._access.sign_out(call.caller)
        return auth_pb2.SignOutResponse()

    async def get_caller(self, call: Call, request: auth_pb2.GetCallerRequest) -> auth_pb2.GetCallerResponse:
        """GetCaller."""
        return auth_pb2.GetCallerResponse(caller=convert.caller(self._access.caller(call.caller)))

    async def change_password(
        self, call: Call, request: auth_pb2.ChangePasswordRequest
    ) -> auth_pb2.ChangePasswordResponse:
        """ChangePassword."""
        await self._access.change_password(call.caller, request.current_password, request.new_password)
        return auth_pb2.ChangePasswordResponse()

    async def create_api_key(self, call: Call, request: auth_pb2.CreateApiKeyRequest) -> auth_pb2.CreateApiKeyResponse:
        """CreateApiKey."""
        wanted = request.api_key
        expires_at = moment(wanted.expire_time) if wanted.HasField("expire_time") else None
        key, secret = await self._access.create_api_key(
            call.caller, wanted.display_name, convert.role_of(wanted.role), expires_at
        )
        return auth_pb2.CreateApiKeyResponse(api_key=convert.api_key(key), secret=secret)

    async def list_api_keys(self, call: Call, request: auth_pb2.ListApiKeysRequest) -> auth_pb2.ListApiKeysResponse:
        """ListApiKeys."""
        size = page_size(request.page_size)
        place = read_token(request.page_token, _KEYS, (int,))
        before = None if place is None else int(place[0])
        keys = await self._access.page_api_keys(call.caller, size=size + 1, before=before)
        return auth_pb2.ListApiKeysResponse(
            api_keys=[convert.api_key(key) for key in keys[:size]],
            next_page_token=make_token([keys[size - 1].id], _KEYS) if len(keys) > size else "",
        )

    async def delete_api_key(self, call: Call, request: auth_pb2.DeleteApiKeyRequest) -> auth_pb2.DeleteApiKeyResponse:
        """DeleteApiKey."""
        await self._access.delete_api_key(call.caller, read_name(request.name, "apiKeys"))
        return auth_pb2.DeleteApiKeyResponse()
