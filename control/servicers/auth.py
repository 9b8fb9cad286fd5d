"""AuthService."""

from __future__ import annotations

from control.convert import auth as convert
from control.convert.common import moment, timestamp
from control.convert.names import read_name
from control.guard import Call
from control.paging import make_token, page_size, read_token
from control.v1 import auth_pb2
from csms.domain.access import Principal
from csms.domain.errors import FailedPrecondition
from csms.services.access import AccessControl, Origin
from csms.services.api_keys import ApiKeys
from csms.services.invitations import Invitations
from csms.services.second_factor import SecondFactors
from csms.services.single_sign_on import SingleSignOn
from csms.services.users import Users

_KEYS = b"ListApiKeys"


class AuthServicer:
    """A method is: convert, call one use case, convert."""

    service = auth_pb2.DESCRIPTOR.services_by_name["AuthService"]

    def __init__(
        self,
        access: AccessControl,
        keys: ApiKeys,
        users: Users,
        invitations: Invitations,
        factors: SecondFactors,
        single: SingleSignOn,
    ) -> None:
        self._access = access
        self._keys = keys
        self._users = users
        self._invitations = invitations
        self._factors = factors
        self._single = single

    async def sign_in(self, call: Call, request: auth_pb2.SignInRequest) -> auth_pb2.SignInResponse:
        """SignIn."""
        signed_in = await self._access.sign_in(
            request.email,
            request.password,
            request.one_time_code,
            Origin(call.address, call.client),
            new_password=request.new_password,
        )
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

    # -- links and sign-in elsewhere ---------------------------------------------------------------------------------

    async def get_sign_in_options(
        self, call: Call, request: auth_pb2.GetSignInOptionsRequest
    ) -> auth_pb2.GetSignInOptionsResponse:
        """GetSignInOptions."""
        return auth_pb2.GetSignInOptionsResponse(
            password_reset=self._invitations.can_mail,
            single_sign_on=self._single.available,
            single_sign_on_display_name=self._single.display_name if self._single.available else "",
        )

    async def request_password_reset(
        self, call: Call, request: auth_pb2.RequestPasswordResetRequest
    ) -> auth_pb2.RequestPasswordResetResponse:
        """RequestPasswordReset."""
        await self._invitations.request_reset(request.email, call.address)
        return auth_pb2.RequestPasswordResetResponse()

    async def check_password_link(
        self, call: Call, request: auth_pb2.CheckPasswordLinkRequest
    ) -> auth_pb2.CheckPasswordLinkResponse:
        """CheckPasswordLink."""
        person = await self._invitations.check(request.token)
        return auth_pb2.CheckPasswordLinkResponse(
            email=person.email, invitation=not person.has_password, language=person.language
        )

    async def set_password(self, call: Call, request: auth_pb2.SetPasswordRequest) -> auth_pb2.SetPasswordResponse:
        """SetPassword."""
        call.caller = await self._invitations.set_password(request.token, request.new_password)
        return auth_pb2.SetPasswordResponse(email=call.caller.email)

    async def begin_single_sign_on(
        self, call: Call, request: auth_pb2.BeginSingleSignOnRequest
    ) -> auth_pb2.BeginSingleSignOnResponse:
        """BeginSingleSignOn."""
        url, state = await self._single.begin()
        return auth_pb2.BeginSingleSignOnResponse(authorization_url=url, state=state)

    async def complete_single_sign_on(
        self, call: Call, request: auth_pb2.CompleteSingleSignOnRequest
    ) -> auth_pb2.CompleteSingleSignOnResponse:
        """CompleteSingleSignOn."""
        signed_in = await self._single.complete(request.state, request.code, Origin(call.address, call.client))
        call.caller = signed_in.principal
        return auth_pb2.CompleteSingleSignOnResponse(
            token=signed_in.token,
            expire_time=timestamp(signed_in.expires_at),
            caller=convert.caller(signed_in.principal),
        )

    # -- second factors ----------------------------------------------------------------------------------------------

    async def enrol_second_factor(
        self, call: Call, request: auth_pb2.EnrolSecondFactorRequest
    ) -> auth_pb2.EnrolSecondFactorResponse:
        """EnrolSecondFactor."""
        made = await self._factors.enrol(call.caller)
        return auth_pb2.EnrolSecondFactorResponse(secret=made.secret, uri=made.uri, qr_svg=made.qr_svg)

    async def confirm_second_factor(
        self, call: Call, request: auth_pb2.ConfirmSecondFactorRequest
    ) -> auth_pb2.ConfirmSecondFactorResponse:
        """ConfirmSecondFactor."""
        codes = await self._factors.confirm(call.caller, request.one_time_code)
        return auth_pb2.ConfirmSecondFactorResponse(recovery_codes=codes)

    async def remove_second_factor(
        self, call: Call, request: auth_pb2.RemoveSecondFactorRequest
    ) -> auth_pb2.RemoveSecondFactorResponse:
        """RemoveSecondFactor."""
        await self._factors.remove(call.caller, self._access, request.password)
        return auth_pb2.RemoveSecondFactorResponse()

    # -- sessions ----------------------------------------------------------------------------------------------------

    async def list_sign_ins(self, call: Call, request: auth_pb2.ListSignInsRequest) -> auth_pb2.ListSignInsResponse:
        """ListSignIns."""
        user_id = read_name(request.user, "users") if request.user else _own_id(call.caller)
        found = await self._users.sign_ins(call.caller, user_id)
        return auth_pb2.ListSignInsResponse(
            sign_ins=[convert.sign_in(each, current=each.digest == call.caller.digest) for each in found]
        )

    async def delete_sign_in(self, call: Call, request: auth_pb2.DeleteSignInRequest) -> auth_pb2.DeleteSignInResponse:
        """DeleteSignIn."""
        user_id, sign_in_id = convert.read_sign_in_name(request.name)
        await self._users.end_sign_in(call.caller, user_id, sign_in_id)
        return auth_pb2.DeleteSignInResponse()

    # -- API keys ----------------------------------------------------------------------------------------------------

    async def create_api_key(self, call: Call, request: auth_pb2.CreateApiKeyRequest) -> auth_pb2.CreateApiKeyResponse:
        """CreateApiKey."""
        wanted = request.api_key
        expires_at = moment(wanted.expire_time) if wanted.HasField("expire_time") else None
        key, secret = await self._keys.create(
            call.caller,
            wanted.display_name,
            convert.role_of(wanted.role),
            expires_at,
            actions=convert.read_actions(wanted.actions),
            site_ids=frozenset(read_name(name, "places") for name in wanted.sites),
        )
        return auth_pb2.CreateApiKeyResponse(api_key=convert.api_key(key), secret=secret)

    async def list_api_keys(self, call: Call, request: auth_pb2.ListApiKeysRequest) -> auth_pb2.ListApiKeysResponse:
        """ListApiKeys."""
        size = page_size(request.page_size)
        place = read_token(request.page_token, _KEYS, (int,))
        before = None if place is None else int(place[0])
        keys = await self._keys.page(call.caller, size=size + 1, before=before)
        return auth_pb2.ListApiKeysResponse(
            api_keys=[convert.api_key(key) for key in keys[:size]],
            next_page_token=make_token([keys[size - 1].id], _KEYS) if len(keys) > size else "",
        )

    async def delete_api_key(self, call: Call, request: auth_pb2.DeleteApiKeyRequest) -> auth_pb2.DeleteApiKeyResponse:
        """DeleteApiKey."""
        await self._keys.delete(call.caller, read_name(request.name, "apiKeys"))
        return auth_pb2.DeleteApiKeyResponse()


def _own_id(caller: Principal) -> int:
    if caller.user_id is None:
        raise FailedPrecondition("An API key has no sessions of its own. Name a user.", reason="NOT_A_PERSON")
    return caller.user_id
