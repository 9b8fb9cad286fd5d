"""What a register of VAT numbers promises, shown on the simplest one: a table."""

from __future__ import annotations

import pytest

from csms.domain.errors import Unavailable
from csms.domain.payment import Address, VatNumberAsked
from csms.ports.vat import VatRegister
from csms.services.consulting import Consulting
from csms.services.payment import VatNumbers

ACME = Address("Acme", "Way 1", "Delft", "NL")


class TableRegister:
    """Companies by number. `away`: it cannot be asked now."""

    def __init__(self, known: dict[str, Address], *, away: bool = False) -> None:
        self._known = known
        self._away = away

    async def lookup(self, vat_number: str) -> Address | None:
        if self._away:
            raise Unavailable("The tax office does not answer. Try again later.")
        return self._known.get(vat_number)


async def test_a_number_has_a_company_or_nobody() -> None:
    register: VatRegister = TableRegister({"NL1": ACME})
    assert await register.lookup("NL1") == ACME
    assert await register.lookup("NL2") is None


async def test_a_register_that_is_away_leaves_the_question_open() -> None:
    register: VatRegister = TableRegister({}, away=True)
    with pytest.raises(Unavailable):
        await register.lookup("NL1")
    consulting = Consulting()
    consulting.ask(VatNumberAsked, VatNumbers(register).answer)
    assert await consulting.consult(1, VatNumberAsked("NL1")) is None
