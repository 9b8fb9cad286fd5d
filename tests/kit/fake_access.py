"""What the fake control plane says that its people may do with stations: by their role alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import grpc.aio

from control.v1 import auth_pb2, sharing_pb2, sharing_pb2_grpc

if TYPE_CHECKING:
    from tests.kit.fake_control import FakeControl

EDITORS = (auth_pb2.ROLE_ADMINISTRATOR, auth_pb2.ROLE_SITE_ADMINISTRATOR)


class Sharing(sharing_pb2_grpc.SharingServiceServicer):
    """Nothing is shared with anybody; all other methods are not implemented."""

    def __init__(self, fake: FakeControl) -> None:
        self.fake = fake

    async def ListMyAccess(
        self, request: sharing_pb2.ListMyAccessRequest, context: grpc.aio.ServicerContext
    ) -> sharing_pb2.ListMyAccessResponse:
        email = await self.fake.enter(context, "ListMyAccess")
        role = self.fake.people[email][2]
        staff, edits = role != auth_pb2.ROLE_EV_USER, role in EDITORS
        return sharing_pb2.ListMyAccessResponse(
            accesses=[
                sharing_pb2.StationAccess(
                    station=name,
                    can_operate=staff,
                    can_configure=staff,
                    can_edit=edits,
                    can_assign=edits,
                    can_admit=edits,
                    can_read_messages=staff,
                    can_read_alarms=staff,
                )
                for name in request.stations
            ]
        )
