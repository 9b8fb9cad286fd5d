"""An example of a plug-in: it answers what chargers of the vendor "com.example.acme" send as DataTransfer.

Beside it lies what `pip install` would have written: the metadata of a distribution whose entry point names it.
"""

from __future__ import annotations

import json

from csms.services.vendor_messages import VendorAnswer, VendorMessage


async def answer(message: VendorMessage) -> VendorAnswer | None:
    """`ParkingPrice` tells what parking costs an hour; `Fail` is for trying out what a bug does."""
    if message.message_id == "ParkingPrice":
        hours = json.loads(message.data or "{}").get("hours", 1)
        return VendorAnswer(data=json.dumps({"price": 2.5 * hours, "currency": "EUR"}))
    if message.message_id == "Fail":
        raise ZeroDivisionError("a bug in a plug-in")
    return None
