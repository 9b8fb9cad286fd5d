"""NewsService over the wire."""

from __future__ import annotations

import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from control.v1 import news_pb2 as pb
from csms.domain.access import Role
from csms.domain.notifications import NotificationKind
from tests.kit.control_world import ControlWorld, Refused

pytestmark = pytest.mark.feature("F-NEWS-1")


async def test_news_over_the_wire(world: ControlWorld) -> None:
    call = world.client.call
    wanted = pb.News(title="Works on Monday", text="From 8.", roles=["ev-user"], priority=pb.NEWS_PRIORITY_URGENT)
    made = (await call("news.CreateNews", pb.CreateNewsRequest(news=wanted))).news
    assert made.HasField("valid_from_time")
    made.title = "Works on Tuesday"
    update = pb.UpdateNewsRequest(news=made, update_mask=FieldMask(paths=["title"]))
    changed = (await call("news.UpdateNews", update)).news
    assert (changed.title, changed.text) == ("Works on Tuesday", "From 8.")
    assert list((await call("news.ListNews", pb.ListNewsRequest())).news) == [changed]
    assert not (await call("news.ListMyNews", pb.ListMyNewsRequest())).news
    administrator, world.client.token = world.client.token, world.bearer[Role.EV_USER]
    assert [each.name for each in (await call("news.ListMyNews", pb.ListMyNewsRequest())).news] == [made.name]
    world.client.token = administrator
    await call("news.DeleteNews", pb.DeleteNewsRequest(name=made.name))
    with pytest.raises(Refused) as refused:
        await call("news.CreateNews", pb.CreateNewsRequest(news=pb.News(title="x", roles=["king"])))
    assert refused.value.reason == "INVALID_ROLE"


async def test_notifications_over_the_wire(world: ControlWorld) -> None:
    call = world.client.call
    user = await world.access_store.find_user_by_email("administrator@example.org")
    assert user is not None
    for number in range(3):
        await world.notifications.notify([user.id], NotificationKind.REPORT, {"title": f"May {number}"}, target="x")
    request = pb.ListNotificationsRequest(page_size=2)
    first = await call("news.ListNotifications", request)
    request.page_token = first.next_page_token
    second = await call("news.ListNotifications", request)
    found = [*first.notifications, *second.notifications]
    assert [each.values["title"] for each in found] == ["May 2", "May 1", "May 0"]
    assert first.unread_count == 3
    left = await call("news.MarkNotificationsRead", pb.MarkNotificationsReadRequest(names=[found[0].name]))
    assert left.unread_count == 2
    unread = await call("news.ListNotifications", pb.ListNotificationsRequest(unread_only=True))
    assert found[0].name not in [each.name for each in unread.notifications]
    chosen = [pb.NotificationSetting(kind=pb.NOTIFICATION_KIND_ALARM, wanted=True)]
    request_ = pb.UpdateNotificationSettingsRequest(settings=chosen)
    settings = (await call("news.UpdateNotificationSettings", request_)).settings
    assert chosen[0] in settings
    assert (await call("news.GetNotificationSettings", pb.GetNotificationSettingsRequest())).settings == settings
