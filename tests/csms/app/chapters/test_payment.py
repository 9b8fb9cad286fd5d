"""VAT numbers are asked about, even while nobody knows them."""

from __future__ import annotations

import trio

from csms.app.chapters import payment
from csms.domain.payment import VatNumberAsked
from tests.kit.service_world import ServiceWorld
from tests.kit.some_parts import some_parts


async def test_vat_numbers_are_asked_about_and_nobody_answers_yet() -> None:
    async with trio.open_nursery() as ground:
        parts = some_parts(ServiceWorld(), ground)
        assert [servicer.service.name for servicer in payment.build(parts)] == ["PaymentService"]
        assert await parts.consulting.consult(1, VatNumberAsked("NL1")) is None
