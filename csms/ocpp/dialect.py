"""The contract of a version: decode(call) → fact, reply(result), encode(command), outcome(answer).

Whoever handles stations speaks in facts and commands of `csms.domain`; a dialect is the only one that knows a
version's messages. Dialects have no state, so one serves all connections.
"""

from __future__ import annotations

from typing import Protocol

import msgspec

from csms.domain.commands import Answer, Command
from csms.domain.facts import Fact, Reply
from csms.ocpp.faults import Edition
from csms.ocpp.frame import Call, Send


class Dialect(Protocol):
    """One version of OCPP."""

    @property
    def edition(self) -> Edition:
        """What the version says about frames and errors: for the connection's Exchange."""
        ...

    @property
    def subprotocol(self) -> str:
        """The WebSocket subprotocol, "ocpp1.6"."""
        ...

    def decode(self, call: Call | Send) -> Fact:
        """What a CALL (or SEND) of a station means.

        Raises Fault: NotImplemented for an action that the version does not know, NotSupported for one that we do not
        take in, and the specification's code for a payload that breaks its schema.
        """
        ...

    def reply(self, call: Call, reply: Reply) -> bytes:
        """The payload of the CALLRESULT. Raises LocalProtocolError when `reply` does not answer that action."""
        ...

    def encode(self, command: Command) -> tuple[str, bytes]:
        """(action, payload) of the CALL that carries out a command.

        Raises NotSupported if the version lacks it, InvalidArgument if it cannot say these values.
        """
        ...

    def outcome(self, command: Command, payload: bytes | msgspec.Raw) -> Answer:
        """What the station's CALLRESULT says. Raises Fault when it is not valid."""
        ...
