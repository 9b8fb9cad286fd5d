"""StatisticsService."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator
from typing import Final

from control.convert import statistics as convert
from control.convert.names import read_name
from control.guard import Call
from control.paging import masked_fields, read_etag
from control.v1 import statistics_pb2
from csms.services.statistics import Statistics

DAYS: Final = 7


class StatisticsServicer:
    """A method is: convert, call one use case, convert."""

    service = statistics_pb2.DESCRIPTOR.services_by_name["StatisticsService"]

    def __init__(self, statistics: Statistics) -> None:
        self._statistics = statistics

    async def query_chart(
        self, call: Call, request: statistics_pb2.QueryChartRequest
    ) -> statistics_pb2.QueryChartResponse:
        """QueryChart."""
        return convert.chart(await self._statistics.chart(call.caller, convert.read_query(request)))

    async def get_dashboard(
        self, call: Call, request: statistics_pb2.GetDashboardRequest
    ) -> statistics_pb2.GetDashboardResponse:
        """GetDashboard."""
        found = await self._statistics.dashboard(call.caller, *_where(request))
        return statistics_pb2.GetDashboardResponse(dashboard=convert.dashboard(found))

    async def watch_dashboard(
        self, call: Call, request: statistics_pb2.WatchDashboardRequest
    ) -> AsyncGenerator[statistics_pb2.WatchDashboardResponse, None]:
        """WatchDashboard."""
        async with contextlib.aclosing(self._statistics.watch_dashboard(call.caller, *_where(request))) as figures:
            async for found in figures:
                yield statistics_pb2.WatchDashboardResponse(dashboard=convert.dashboard(found))

    async def get_statistics_settings(
        self, call: Call, request: statistics_pb2.GetStatisticsSettingsRequest
    ) -> statistics_pb2.GetStatisticsSettingsResponse:
        """GetStatisticsSettings."""
        found = await self._statistics.settings(call.caller)
        return statistics_pb2.GetStatisticsSettingsResponse(settings=convert.settings(found))

    async def update_statistics_settings(
        self, call: Call, request: statistics_pb2.UpdateStatisticsSettingsRequest
    ) -> statistics_pb2.UpdateStatisticsSettingsResponse:
        """UpdateStatisticsSettings."""
        made = await self._statistics.change_settings(
            call.caller,
            convert.read_settings(request.settings),
            masked_fields(request.update_mask.paths, convert.FIELDS),
            version=read_etag(request.settings.etag),
        )
        return statistics_pb2.UpdateStatisticsSettingsResponse(settings=convert.settings(made))

    async def get_storage_usage(
        self, call: Call, request: statistics_pb2.GetStorageUsageRequest
    ) -> statistics_pb2.GetStorageUsageResponse:
        """GetStorageUsage."""
        return convert.storage(await self._statistics.storage(call.caller))


def _where(
    request: statistics_pb2.GetDashboardRequest | statistics_pb2.WatchDashboardRequest,
) -> tuple[int | None, int | None, int, str]:
    return (
        read_name(request.place, "places") if request.place else None,
        read_name(request.group, "groups") if request.group else None,
        request.days or DAYS,
        request.time_zone,
    )
