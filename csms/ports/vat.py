"""Whose is a VAT number? A tax office, or whoever asks one for us."""

from __future__ import annotations

from typing import Protocol

from csms.domain.payment import Address


class VatRegister(Protocol):
    """Looks VAT numbers up."""

    async def lookup(self, vat_number: str) -> Address | None:
        """The company with this number (with its country's prefix, for example NL123456789B01); None: nobody has it.

        Raises Unavailable when it cannot be told now.
        """
