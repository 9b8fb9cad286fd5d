"""What stations get wrong in OCPP 1.5, and what it is taken for. Each repair is a remark in the message log.

* Dates that are none for an XML parser but plain enough (`T24:00:00Z`, no seconds, a comma): as for JSON.
* Blanks around a word or number.
* `xsi:nil` where nothing is to be told: as if it were not there.
* MeterValues in the shape of OCPP 1.6 (`meterValue` / `sampledValue`).
"""

from __future__ import annotations

from typing import Final

from lxml import etree

from csms.ocpp.faults import ErrorCode, Fault, shorten
from csms.ocpp.schemas import parse_time
from csms.transport.soap.envelope import CS
from csms.transport.soap.xml import local_name

_NIL: Final = "{http://www.w3.org/2001/XMLSchema-instance}nil"
_ATTRIBUTES: Final = ("context", "format", "measurand", "location", "unit")
_AS_THEY_ARE: Final = frozenset({"data", "value"})


def repair(request: etree._Element) -> list[str]:
    """Change a request's element in place; what was done, as sentences. Raises Fault for a date that is none."""
    remarks: list[str] = []
    _meter_values_of_16(request, remarks)
    for element in list(request.iter()):
        if element is not request and element.get(_NIL, "").strip() in ("1", "true"):
            element.getparent().remove(element)
        elif len(element) == 0 and element.text:
            _text(element, remarks)
    return remarks


def _text(element: etree._Element, remarks: list[str]) -> None:
    name, text = local_name(element), str(element.text)
    if name in _AS_THEY_ARE:
        return
    if text != text.strip():
        element.text = text.strip()
        remarks.append(f"{name} had blanks around it: they were left out.")
    if name != "timestamp":
        return
    moment = parse_time(text.strip())
    if moment is None:
        raise Fault(ErrorCode.PROTOCOL_ERROR, f"timestamp: {shorten(text.strip(), 40)!r} is not a date and time.")
    element.text = moment.isoformat()


def _meter_values_of_16(request: etree._Element, remarks: list[str]) -> None:
    found = False
    for meter_value in request.findall(".//{*}meterValue"):
        found = True
        meter_value.tag = f"{{{CS}}}values"
        for sampled in meter_value.findall("{*}sampledValue"):
            sampled.tag = f"{{{CS}}}value"
            parts = {local_name(part): str(part.text or "") for part in sampled}
            for part in list(sampled):
                sampled.remove(part)
            sampled.text = parts.get("value", "")
            for name in _ATTRIBUTES:
                if name in parts:
                    sampled.set(name, parts[name])
    if found:
        remarks.append("The meter values came in the shape of OCPP 1.6: they were read so.")
