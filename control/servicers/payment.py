"""PaymentService."""

from __future__ import annotations

from control.convert import payment as convert
from control.convert import remote
from control.convert.common import seconds
from control.convert.names import read_name
from control.guard import Call
from control.v1 import payment_pb2
from csms.services.payment import Payments


class PaymentServicer:
    """A method is: convert, call one use case, convert."""

    service = payment_pb2.DESCRIPTOR.services_by_name["PaymentService"]

    def __init__(self, payments: Payments) -> None:
        self._payments = payments

    async def cost_updated(
        self, call: Call, request: payment_pb2.CostUpdatedRequest
    ) -> payment_pb2.CostUpdatedResponse:
        """CostUpdated."""
        target = remote.target(request.target, call.remaining())
        session_id = read_name(request.session, "sessions")
        outcome = await self._payments.cost_updated(call.caller, target, session_id, request.total_cost)
        return payment_pb2.CostUpdatedResponse(result=remote.result(outcome))

    async def notify_web_payment_started(
        self, call: Call, request: payment_pb2.NotifyWebPaymentStartedRequest
    ) -> payment_pb2.NotifyWebPaymentStartedResponse:
        """NotifyWebPaymentStarted."""
        target = remote.target(request.target, call.remaining())
        wait_s = seconds(request.wait)
        outcome = await self._payments.notify_web_payment_started(call.caller, target, request.evse_id, wait_s)
        return payment_pb2.NotifyWebPaymentStartedResponse(result=remote.result(outcome))

    async def set_default_tariff(
        self, call: Call, request: payment_pb2.SetDefaultTariffRequest
    ) -> payment_pb2.SetDefaultTariffResponse:
        """SetDefaultTariff."""
        target = remote.target(request.target, call.remaining())
        tariff = convert.tariff(request.tariff)
        outcome = await self._payments.set_default_tariff(call.caller, target, request.evse_id, tariff)
        return payment_pb2.SetDefaultTariffResponse(result=remote.result(outcome))

    async def get_tariffs(self, call: Call, request: payment_pb2.GetTariffsRequest) -> payment_pb2.GetTariffsResponse:
        """GetTariffs."""
        target = remote.target(request.target, call.remaining())
        outcome, found = await self._payments.get_tariffs(call.caller, target, request.evse_id)
        return payment_pb2.GetTariffsResponse(
            result=remote.result(outcome), assignments=[convert.assignment(each) for each in found]
        )

    async def clear_tariffs(
        self, call: Call, request: payment_pb2.ClearTariffsRequest
    ) -> payment_pb2.ClearTariffsResponse:
        """ClearTariffs."""
        target = remote.target(request.target, call.remaining())
        evse_id = request.evse_id if request.HasField("evse_id") else None
        outcome = await self._payments.clear_tariffs(call.caller, target, tuple(request.tariff_ids), evse_id)
        return payment_pb2.ClearTariffsResponse(result=remote.result(outcome), results=convert.cleared(outcome.answer))

    async def change_transaction_tariff(
        self, call: Call, request: payment_pb2.ChangeTransactionTariffRequest
    ) -> payment_pb2.ChangeTransactionTariffResponse:
        """ChangeTransactionTariff."""
        target = remote.target(request.target, call.remaining())
        session_id = read_name(request.session, "sessions")
        tariff = convert.tariff(request.tariff)
        outcome = await self._payments.change_transaction_tariff(call.caller, target, session_id, tariff)
        return payment_pb2.ChangeTransactionTariffResponse(result=remote.result(outcome))
