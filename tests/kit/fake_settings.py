"""The own settings, as the fake control plane keeps them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import grpc.aio

from control.v1 import users_pb2, users_pb2_grpc

if TYPE_CHECKING:
    from tests.kit.fake_control import FakeControl


class Settings(users_pb2_grpc.UserServiceServicer):
    """Preferences only; all other methods are not implemented."""

    def __init__(self, fake: FakeControl) -> None:
        self.fake = fake
        self.kept: dict[str, dict[str, str]] = {}

    async def GetSettings(
        self, request: users_pb2.GetSettingsRequest, context: grpc.aio.ServicerContext
    ) -> users_pb2.GetSettingsResponse:
        email = await self.fake.enter(context, "GetSettings")
        return users_pb2.GetSettingsResponse(settings=self._of(email))

    async def UpdateSettings(
        self, request: users_pb2.UpdateSettingsRequest, context: grpc.aio.ServicerContext
    ) -> users_pb2.UpdateSettingsResponse:
        email = await self.fake.enter(context, "UpdateSettings")
        merged = {**self.kept.get(email, {}), **request.settings.preferences}
        self.kept[email] = {name: value for name, value in merged.items() if value}
        return users_pb2.UpdateSettingsResponse(settings=self._of(email))

    def _of(self, email: str) -> users_pb2.UserSettings:
        return users_pb2.UserSettings(preferences=self.kept.get(email, {}))
