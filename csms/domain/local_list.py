"""Local authorisation lists (OCPP 2.x block D; 1.6 Local Auth List Management)."""

from __future__ import annotations
