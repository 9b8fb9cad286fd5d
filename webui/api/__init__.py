"""The only room that talks to the control plane: messages in, plain values (``webui.values``) out."""

from __future__ import annotations

from webui.api.channel import Control, Settings
from webui.api.client import Client

__all__ = ["Client", "Control", "Settings"]
