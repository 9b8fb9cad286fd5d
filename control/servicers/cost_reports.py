"""CostReportService, with its download stream."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from control.convert import cost_reports as convert
from control.convert.names import read_name
from control.guard import Call
from control.paging import fitting, make_token, masked_fields, page_size, read_etag, read_token
from control.v1 import cost_reports_pb2
from csms.domain.cost_report import read_month, read_subject
from csms.ports.cost_reports import ReportFilter
from csms.services.cost_reports import CostReports, Format

PART_BYTES = 256 * 1024


class CostReportServicer:
    """A method is: convert, call one use case, convert."""

    service = cost_reports_pb2.DESCRIPTOR.services_by_name["CostReportService"]

    def __init__(self, reports: CostReports) -> None:
        self._reports = reports

    async def create_cost_report(
        self, call: Call, request: cost_reports_pb2.CreateCostReportRequest
    ) -> cost_reports_pb2.CreateCostReportResponse:
        """CreateCostReport."""
        made = await self._reports.create(
            call.caller,
            read_subject(request.subject),
            read_month(request.month),
            replace=request.replace,
            language=request.language,
        )
        return cost_reports_pb2.CreateCostReportResponse(report=convert.report(made))

    async def list_cost_reports(
        self, call: Call, request: cost_reports_pb2.ListCostReportsRequest
    ) -> cost_reports_pb2.ListCostReportsResponse:
        """ListCostReports."""
        key = f"CostReports {request.show_replaced} {request.month} {request.subject}".encode()
        place = read_token(request.page_token, key, (int,))
        wanted = ReportFilter(
            read_subject(request.subject) if request.subject else None,
            read_month(request.month) if request.month else None,
            request.show_replaced,
        )
        size = page_size(request.page_size)
        found = await self._reports.page(
            call.caller, wanted, size=size, before=None if place is None else int(place[0])
        )
        shown = fitting(convert.report(each) for each in found)
        response = cost_reports_pb2.ListCostReportsResponse(reports=shown)
        if len(shown) == size or len(shown) < len(found):
            response.next_page_token = make_token([found[len(shown) - 1].id], key)
        return response

    async def get_cost_report(
        self, call: Call, request: cost_reports_pb2.GetCostReportRequest
    ) -> cost_reports_pb2.GetCostReportResponse:
        """GetCostReport."""
        found = await self._reports.get(call.caller, read_name(request.name, "costReports"))
        return cost_reports_pb2.GetCostReportResponse(report=convert.report(found))

    async def download_cost_report(
        self, call: Call, request: cost_reports_pb2.DownloadCostReportRequest
    ) -> AsyncGenerator[cost_reports_pb2.DownloadCostReportResponse, None]:
        """DownloadCostReport."""
        form = Format.XLSX if request.format == cost_reports_pb2.REPORT_FORMAT_XLSX else Format.PDF
        made = await self._reports.file(call.caller, read_name(request.name, "costReports"), form)
        yield cost_reports_pb2.DownloadCostReportResponse(
            filename=made.filename, content_type=made.content_type, data=made.data[:PART_BYTES]
        )
        for start in range(PART_BYTES, len(made.data), PART_BYTES):
            yield cost_reports_pb2.DownloadCostReportResponse(data=made.data[start : start + PART_BYTES])

    async def list_report_subscriptions(
        self, call: Call, request: cost_reports_pb2.ListReportSubscriptionsRequest
    ) -> cost_reports_pb2.ListReportSubscriptionsResponse:
        """ListReportSubscriptions."""
        subject = read_subject(request.subject) if request.subject else None
        found = await self._reports.subscriptions(call.caller, subject)
        return cost_reports_pb2.ListReportSubscriptionsResponse(
            subscriptions=[convert.subscription(each) for each in found]
        )

    async def set_report_subscription(
        self, call: Call, request: cost_reports_pb2.SetReportSubscriptionRequest
    ) -> cost_reports_pb2.SetReportSubscriptionResponse:
        """SetReportSubscription."""
        made = await self._reports.subscribe(call.caller, convert.read_subscription(request.subscription))
        return cost_reports_pb2.SetReportSubscriptionResponse(subscription=convert.subscription(made))

    async def get_seller(
        self, call: Call, request: cost_reports_pb2.GetSellerRequest
    ) -> cost_reports_pb2.GetSellerResponse:
        """GetSeller."""
        return cost_reports_pb2.GetSellerResponse(seller=convert.seller(await self._reports.seller(call.caller)))

    async def update_seller(
        self, call: Call, request: cost_reports_pb2.UpdateSellerRequest
    ) -> cost_reports_pb2.UpdateSellerResponse:
        """UpdateSeller."""
        named = masked_fields(request.update_mask.paths, convert.SELLER_FIELDS)
        values = {field: getattr(request.seller, path) for path, field in convert.SELLER_FIELDS.items()}
        made = await self._reports.update_seller(
            call.caller,
            {field: value for field, value in values.items() if field in named},
            version=read_etag(request.seller.etag),
        )
        return cost_reports_pb2.UpdateSellerResponse(seller=convert.seller(made))
