"""RemoteService."""

from __future__ import annotations

from control.convert import remote as convert
from control.convert.names import read_name
from control.convert.sessions import logbook
from control.convert.smart_charging import profile
from control.guard import Call
from control.v1 import remote_pb2
from csms.services.remote import Remote


class RemoteServicer:
    """A method is: convert, call one use case, convert."""

    service = remote_pb2.DESCRIPTOR.services_by_name["RemoteService"]

    def __init__(self, remote: Remote) -> None:
        self._remote = remote

    async def request_start_transaction(
        self, call: Call, request: remote_pb2.RequestStartTransactionRequest
    ) -> remote_pb2.RequestStartTransactionResponse:
        """RequestStartTransaction."""
        target = convert.target(request.target, call.remaining())
        outcome = await self._remote.request_start_transaction(
            call.caller,
            target,
            request.id_token,
            request.evse_id,
            token_type=request.id_token_type,
            group_id_token=request.group_id_token,
            charging_profile=profile(request.charging_profile) if request.HasField("charging_profile") else None,
            logbook=logbook(request.logbook) if request.HasField("logbook") else None,
        )
        return remote_pb2.RequestStartTransactionResponse(
            result=convert.result(outcome), transaction_id=convert.started_transaction(outcome)
        )

    async def request_stop_transaction(
        self, call: Call, request: remote_pb2.RequestStopTransactionRequest
    ) -> remote_pb2.RequestStopTransactionResponse:
        """RequestStopTransaction."""
        outcome = await self._remote.request_stop_transaction(
            call.caller,
            convert.target(request.target, call.remaining()) if request.target.station else None,
            read_name(request.session, "sessions"),
            timeout_s=convert.timeout_of(request.target, call.remaining()),
        )
        return remote_pb2.RequestStopTransactionResponse(result=convert.result(outcome))

    async def get_transaction_status(
        self, call: Call, request: remote_pb2.GetTransactionStatusRequest
    ) -> remote_pb2.GetTransactionStatusResponse:
        """GetTransactionStatus."""
        outcome = await self._remote.get_transaction_status(
            call.caller,
            convert.target(request.target, call.remaining()) if request.target.station else None,
            read_name(request.session, "sessions") if request.session else None,
            timeout_s=convert.timeout_of(request.target, call.remaining()),
        )
        return convert.transaction_status(outcome)

    async def reset(self, call: Call, request: remote_pb2.ResetRequest) -> remote_pb2.ResetResponse:
        """Reset."""
        target = convert.target(request.target, call.remaining())
        outcome = await self._remote.reset(call.caller, target, convert.reset_type(request.type), request.evse_id)
        return remote_pb2.ResetResponse(result=convert.result(outcome))

    async def change_availability(
        self, call: Call, request: remote_pb2.ChangeAvailabilityRequest
    ) -> remote_pb2.ChangeAvailabilityResponse:
        """ChangeAvailability."""
        target = convert.target(request.target, call.remaining())
        status = convert.operational_status(request.operational_status)
        outcome = await self._remote.change_availability(
            call.caller, target, request.evse_id, status, request.connector_id
        )
        return remote_pb2.ChangeAvailabilityResponse(result=convert.result(outcome))

    async def unlock_connector(
        self, call: Call, request: remote_pb2.UnlockConnectorRequest
    ) -> remote_pb2.UnlockConnectorResponse:
        """UnlockConnector."""
        target = convert.target(request.target, call.remaining())
        outcome = await self._remote.unlock_connector(call.caller, target, request.evse_id, request.connector_id or 1)
        return remote_pb2.UnlockConnectorResponse(result=convert.result(outcome))

    async def clear_cache(self, call: Call, request: remote_pb2.ClearCacheRequest) -> remote_pb2.ClearCacheResponse:
        """ClearCache."""
        outcome = await self._remote.clear_cache(call.caller, convert.target(request.target, call.remaining()))
        return remote_pb2.ClearCacheResponse(result=convert.result(outcome))

    async def trigger_message(
        self, call: Call, request: remote_pb2.TriggerMessageRequest
    ) -> remote_pb2.TriggerMessageResponse:
        """TriggerMessage."""
        target = convert.target(request.target, call.remaining())
        outcome = await self._remote.trigger_message(
            call.caller,
            target,
            request.requested_message,
            request.evse_id,
            request.connector_id,
            request.custom_trigger,
        )
        return remote_pb2.TriggerMessageResponse(result=convert.result(outcome))

    async def get_variables(
        self, call: Call, request: remote_pb2.GetVariablesRequest
    ) -> remote_pb2.GetVariablesResponse:
        """GetVariables."""
        target = convert.target(request.target, call.remaining())
        outcome = await self._remote.get_variables(call.caller, target, request.names)
        return remote_pb2.GetVariablesResponse(
            result=convert.result(outcome),
            variables=[convert.variable(known) for known in outcome.answer.variables],
            unknown_names=outcome.answer.unknown_names,
        )

    async def set_variables(
        self, call: Call, request: remote_pb2.SetVariablesRequest
    ) -> remote_pb2.SetVariablesResponse:
        """SetVariables."""
        target = convert.target(request.target, call.remaining())
        wanted = [convert.set_variable(variable) for variable in request.variables]
        outcomes = await self._remote.set_variables(call.caller, target, wanted)
        return remote_pb2.SetVariablesResponse(results=[convert.variable_outcome(outcome) for outcome in outcomes])

    async def data_transfer(
        self, call: Call, request: remote_pb2.DataTransferRequest
    ) -> remote_pb2.DataTransferResponse:
        """DataTransfer."""
        target = convert.target(request.target, call.remaining())
        outcome = await self._remote.data_transfer(
            call.caller, target, request.vendor_id, request.message_id, request.data or None
        )
        return remote_pb2.DataTransferResponse(result=convert.result(outcome), data=outcome.answer.data or "")
