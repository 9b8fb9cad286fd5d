"""NewsService."""

from __future__ import annotations

from control.convert import news as convert
from control.convert.names import read_name
from control.guard import Call
from control.paging import (
    fitting,
    make_token,
    masked_fields,
    moment_value,
    page_size,
    read_etag,
    read_moment,
    read_token,
)
from control.v1 import news_pb2 as pb
from csms.services.notifications import NewsDesk, Notifications


class NewsServicer:
    """A method is: convert, call one use case, convert."""

    service = pb.DESCRIPTOR.services_by_name["NewsService"]

    def __init__(self, desk: NewsDesk, notifications: Notifications) -> None:
        self._desk = desk
        self._notifications = notifications

    async def list_news(self, call: Call, request: pb.ListNewsRequest) -> pb.ListNewsResponse:
        """ListNews."""
        size, query = page_size(request.page_size), b"ListNews"
        place = read_token(request.page_token, query, (str, int))
        after = None if place is None else (read_moment(place[0]), int(place[1]))
        found = await self._desk.page(call.caller, size=size + 1, after=after)
        shown = fitting(convert.news(each) for each in found[:size])
        token = ""
        if len(found) > len(shown):
            last = found[len(shown) - 1]
            token = make_token([moment_value(last.valid_from), last.id], query)
        return pb.ListNewsResponse(news=shown, next_page_token=token)

    async def create_news(self, call: Call, request: pb.CreateNewsRequest) -> pb.CreateNewsResponse:
        """CreateNews."""
        made = await self._desk.create(call.caller, convert.read_news(request.news, self._desk.now))
        return pb.CreateNewsResponse(news=convert.news(made))

    async def update_news(self, call: Call, request: pb.UpdateNewsRequest) -> pb.UpdateNewsResponse:
        """UpdateNews."""
        made = await self._desk.update(
            call.caller,
            read_name(request.news.name, "news"),
            convert.read_news(request.news, self._desk.now),
            masked_fields(request.update_mask.paths, convert.FIELDS),
            version=read_etag(request.news.etag),
        )
        return pb.UpdateNewsResponse(news=convert.news(made))

    async def delete_news(self, call: Call, request: pb.DeleteNewsRequest) -> pb.DeleteNewsResponse:
        """DeleteNews."""
        await self._desk.delete(call.caller, read_name(request.name, "news"))
        return pb.DeleteNewsResponse()

    async def list_my_news(self, call: Call, _request: pb.ListMyNewsRequest) -> pb.ListMyNewsResponse:
        """ListMyNews."""
        return pb.ListMyNewsResponse(news=fitting(convert.news(each) for each in await self._desk.mine(call.caller)))

    async def list_notifications(
        self, call: Call, request: pb.ListNotificationsRequest
    ) -> pb.ListNotificationsResponse:
        """ListNotifications."""
        size, query = page_size(request.page_size), f"ListNotifications{request.unread_only}".encode()
        place = read_token(request.page_token, query, (int,))
        found, unread = await self._notifications.page(
            call.caller,
            unread=request.unread_only,
            size=size + 1,
            before=None if place is None else int(place[0]),
        )
        shown = fitting(convert.notification(each) for each in found[:size])
        more = len(found) > len(shown)
        token = make_token([found[len(shown) - 1].id], query) if more else ""
        return pb.ListNotificationsResponse(notifications=shown, next_page_token=token, unread_count=unread)

    async def mark_notifications_read(
        self, call: Call, request: pb.MarkNotificationsReadRequest
    ) -> pb.MarkNotificationsReadResponse:
        """MarkNotificationsRead."""
        ids = [read_name(name, "notifications") for name in request.names]
        return pb.MarkNotificationsReadResponse(unread_count=await self._notifications.mark_read(call.caller, ids))

    async def get_notification_settings(
        self, call: Call, _request: pb.GetNotificationSettingsRequest
    ) -> pb.GetNotificationSettingsResponse:
        """GetNotificationSettings."""
        found = await self._notifications.settings(call.caller)
        return pb.GetNotificationSettingsResponse(settings=convert.settings(found))

    async def update_notification_settings(
        self, call: Call, request: pb.UpdateNotificationSettingsRequest
    ) -> pb.UpdateNotificationSettingsResponse:
        """UpdateNotificationSettings."""
        found = await self._notifications.choose(call.caller, convert.read_settings(request.settings))
        return pb.UpdateNotificationSettingsResponse(settings=convert.settings(found))
