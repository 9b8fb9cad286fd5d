"""UserService."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence

import msgspec

from control.convert import users as convert
from control.convert.names import read_name
from control.guard import Call
from control.paging import make_token, masked_fields, page_size, read_etag, read_token
from control.v1 import users_pb2
from csms.domain.people import Person
from csms.services.account import Account
from csms.services.users import Users

TagsOf = Callable[[Sequence[int]], Awaitable[Mapping[int, Sequence[str]]]]
"""User ids → their tags, as they are printed."""


class UserServicer:
    """A method is: convert, call one use case, convert."""

    service = users_pb2.DESCRIPTOR.services_by_name["UserService"]

    def __init__(self, users: Users, account: Account, tags_of: TagsOf) -> None:
        self._users = users
        self._account = account
        self._tags_of = tags_of

    async def get_user(self, call: Call, request: users_pb2.GetUserRequest) -> users_pb2.GetUserResponse:
        """GetUser."""
        found = await self._users.get(call.caller, read_name(request.name, "users"))
        return users_pb2.GetUserResponse(user=await self._told(found))

    async def list_users(self, call: Call, request: users_pb2.ListUsersRequest) -> users_pb2.ListUsersResponse:
        """ListUsers."""
        size = page_size(request.page_size)
        query = b"ListUsers" + request.filter.SerializeToString(deterministic=True)
        place = read_token(request.page_token, query, (int,))
        found, total = await self._users.page(
            call.caller,
            convert.read_filter(request.filter),
            size=size + 1,
            after=0 if place is None else int(place[0]),
        )
        page = found[:size]
        tags = await self._tags_of([person.id for person in page])
        return users_pb2.ListUsersResponse(
            users=[convert.user(person, tags.get(person.id, ())) for person in page],
            next_page_token=make_token([page[-1].id], query) if len(found) > size else "",
            total_size=total,
        )

    async def create_user(self, call: Call, request: users_pb2.CreateUserRequest) -> users_pb2.CreateUserResponse:
        """CreateUser."""
        made, link = await self._users.create(
            call.caller,
            convert.read_user(request.user, need_role=True),
            invite=request.invite,
            password=request.password,
        )
        return users_pb2.CreateUserResponse(user=convert.user(made), invitation_link=link)

    async def update_user(self, call: Call, request: users_pb2.UpdateUserRequest) -> users_pb2.UpdateUserResponse:
        """UpdateUser."""
        fields = masked_fields(request.update_mask.paths, convert.FIELDS)
        made = await self._users.update(
            call.caller,
            read_name(request.user.name, "users"),
            convert.read_user(request.user, need_role="role" in fields),
            fields,
            version=read_etag(request.user.etag),
        )
        return users_pb2.UpdateUserResponse(user=await self._told(made))

    async def delete_user(self, call: Call, request: users_pb2.DeleteUserRequest) -> users_pb2.DeleteUserResponse:
        """DeleteUser."""
        await self._users.delete(call.caller, read_name(request.name, "users"))
        return users_pb2.DeleteUserResponse()

    async def invite_user(self, call: Call, request: users_pb2.InviteUserRequest) -> users_pb2.InviteUserResponse:
        """InviteUser."""
        link = await self._users.invite(call.caller, read_name(request.name, "users"))
        return users_pb2.InviteUserResponse(invitation_link=link)

    async def set_user_password(
        self, call: Call, request: users_pb2.SetUserPasswordRequest
    ) -> users_pb2.SetUserPasswordResponse:
        """SetUserPassword."""
        made = await self._users.set_password(call.caller, read_name(request.name, "users"), request.password)
        return users_pb2.SetUserPasswordResponse(user=await self._told(made))

    async def reset_second_factor(
        self, call: Call, request: users_pb2.ResetSecondFactorRequest
    ) -> users_pb2.ResetSecondFactorResponse:
        """ResetSecondFactor."""
        await self._users.remove_second_factor(call.caller, read_name(request.name, "users"))
        return users_pb2.ResetSecondFactorResponse()

    async def get_settings(self, call: Call, request: users_pb2.GetSettingsRequest) -> users_pb2.GetSettingsResponse:
        """GetSettings."""
        return users_pb2.GetSettingsResponse(settings=convert.settings(await self._account.settings(call.caller)))

    async def update_settings(
        self, call: Call, request: users_pb2.UpdateSettingsRequest
    ) -> users_pb2.UpdateSettingsResponse:
        """UpdateSettings."""
        made = await self._account.update_settings(
            call.caller,
            convert.read_settings(request.settings),
            masked_fields(request.update_mask.paths, convert.SETTINGS_FIELDS),
        )
        return users_pb2.UpdateSettingsResponse(settings=convert.settings(made))

    async def export_own_data(
        self, call: Call, request: users_pb2.ExportOwnDataRequest
    ) -> AsyncGenerator[users_pb2.ExportOwnDataResponse, None]:
        """ExportOwnData."""
        async with contextlib.aclosing(self._account.export(call.caller)) as pieces:
            async for piece in pieces:
                yield users_pb2.ExportOwnDataResponse(json=piece)

    async def delete_own_account(
        self, call: Call, request: users_pb2.DeleteOwnAccountRequest
    ) -> users_pb2.DeleteOwnAccountResponse:
        """DeleteOwnAccount."""
        await self._account.delete(call.caller, request.password, request.email_again)
        call.caller = msgspec.structs.replace(call.caller, display_name="", email="")  # not even the log knows the name
        return users_pb2.DeleteOwnAccountResponse()

    async def _told(self, person: Person) -> users_pb2.User:
        return convert.user(person, (await self._tags_of([person.id])).get(person.id, ()))
