"""One delivery on its way to the station: encoded, sent, answered, and its outcome told."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Final

import msgspec
import trio

from csms.actors.mailbox import Delivery
from csms.actors.world import ActorSettings, LinkLost, LinkPort, NotSent, World
from csms.domain.commands import Command, Outcome, RequestStartTransaction
from csms.domain.errors import DomainError
from csms.domain.station import StationState

LONGEST_CALL_SECONDS: Final = 600.0


class Carrier:
    """One actor's. `state`: its memory, as it is at the moment."""

    __slots__ = ("_settings", "_state", "_world")

    def __init__(self, world: World, settings: ActorSettings, state: Callable[[], StationState | None]) -> None:
        self._world = world
        self._settings = settings
        self._state = state

    async def carry_out(self, link: LinkPort, delivery: Delivery) -> None:
        """Bring one delivery to its outcome."""
        deadline = min(delivery.deadline, trio.current_time() + LONGEST_CALL_SECONDS)
        if trio.current_time() >= deadline:
            return delivery.settle(Outcome.EXPIRED)
        command = delivery.command
        if isinstance(command, RequestStartTransaction):
            command = self._expect(command)
        try:
            prepared = link.prepare(command)
        except DomainError as error:
            self._do_not_expect(command)
            return delivery.settle(Outcome.REFUSED, reason=error.reason, message=error.message)
        delivery.sent = True
        try:
            answer, latency = await link.call(prepared, deadline)
        except NotSent as error:
            return delivery.settle(Outcome.REFUSED, reason=error.reason, message=error.message)
        except (LinkLost, trio.TooSlowError):
            return delivery.settle(Outcome.UNKNOWN)
        if not answer.accepted:
            self._do_not_expect(command)
        return delivery.settle(Outcome.ANSWERED, answer, latency_s=latency)

    def _expect(self, command: RequestStartTransaction) -> RequestStartTransaction:
        """Before it is sent, because the transaction may begin before its answer is read. With the tag's group."""
        now = self._world.now()
        state = self._state()
        if state is not None:
            until = now + timedelta(seconds=self._settings.remote_start_valid)
            state.expect_remote_start(command.remote_start_id, command.id_token, until)
        group = command.group_id_token or self._world.tokens.decide(command.id_token, now).parent_id_token
        return msgspec.structs.replace(command, group_id_token=group)

    def _do_not_expect(self, command: Command) -> None:
        state = self._state()
        if isinstance(command, RequestStartTransaction) and state is not None:
            state.forget_remote_start(command.remote_start_id)
