"""What stations get wrong in OCPP 1.5, and what it is taken for."""

from __future__ import annotations

import pytest
from lxml import etree

from csms.ocpp.faults import Fault
from csms.transport.soap.repair import repair
from csms.transport.soap.service import CentralSystemService
from tests.csms.transport.soap.messages import CS

SERVICE = CentralSystemService()


def request(name: str, content: str) -> etree._Element:
    return etree.fromstring(
        f'<c:{name}Request xmlns:c="{CS}" xmlns:i="http://www.w3.org/2001/XMLSchema-instance">{content}</c:{name}Request>'
    )


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("2026-03-01T24:00:00Z", "2026-03-02T00:00:00+00:00"),
        ("2026-03-01T12:00Z", "2026-03-01T12:00:00+00:00"),
        ("2026-03-01 12:00:00,5+01:00", "2026-03-01T12:00:00.500000+01:00"),
        ("2026-03-01T12:00:60Z", "2026-03-01T12:00:59+00:00"),
        (" 2026-03-01T12:00:00 ", "2026-03-01T12:00:00"),
    ],
)
def test_odd_dates_are_read(text: str, read: str) -> None:
    element = request("stopTransaction", f"<c:timestamp>{text}</c:timestamp>")
    repair(element)
    assert element[0].text == read


@pytest.mark.parametrize("text", ["yesterday", "2026-13-01T00:00:00Z", "2026-03-01T25:00:00Z", "0"])
def test_what_is_no_date_is_refused(text: str) -> None:
    with pytest.raises(Fault, match="timestamp"):
        repair(request("stopTransaction", f"<c:timestamp>{text}</c:timestamp>"))


def test_blanks_around_a_tag_are_left_out_and_remarked() -> None:
    element = request("authorize", "<c:idTag> TAG </c:idTag>")
    assert repair(element) == ["idTag had blanks around it: they were left out."]
    assert SERVICE.decode(element) == {"idTag": "TAG"}


def test_a_vendors_data_is_nobodys_business() -> None:
    element = request("dataTransfer", "<c:vendorId>V</c:vendorId><c:data> x </c:data>")
    assert repair(element) == []
    assert SERVICE.decode(element)["data"] == " x "


def test_nil_is_not_there() -> None:
    element = request("dataTransfer", '<c:vendorId>V</c:vendorId><c:data i:nil="true"/>')
    repair(element)
    assert SERVICE.decode(element) == {"vendorId": "V"}


def test_meter_values_in_the_shape_of_1_6_and_without_namespace() -> None:
    element = request(
        "meterValues",
        "<connectorId>1</connectorId><meterValue><timestamp>2026-03-01T12:00:00Z</timestamp><sampledValue>"
        "<value>12</value><unit>kWh</unit><context>Sample.Clock</context></sampledValue></meterValue>",
    )
    (remark,) = repair(element)
    assert "OCPP 1.6" in remark
    payload = SERVICE.decode(element)
    assert payload["connectorId"] == 1
    (values,) = payload["values"]  # type: ignore[misc]
    assert values["value"] == [{"value": "12", "context": "Sample.Clock", "unit": "kWh"}]
