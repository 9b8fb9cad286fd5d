"""Tariffs in the words of 2.1."""

from __future__ import annotations

import msgspec
import pytest

from csms.domain import station_tariff
from csms.domain.station_tariff import ClearedTariff, StationTariff, TariffConditions
from csms.ocpp.faults import V21
from csms.ocpp.schemas import Direction, schemas_of

DEFINITIONS = {
    **schemas_of(V21).schema("SetDefaultTariff", Direction.REQUEST)["definitions"],
    **schemas_of(V21).schema("GetTariffs", Direction.RESPONSE)["definitions"],
    **schemas_of(V21).schema("ClearTariffs", Direction.RESPONSE)["definitions"],
}
NAMES = {
    "StationTariff": "TariffType",
    "ClearedTariff": "ClearTariffsResultType",
    "StatusReason": "StatusInfoType",
}


@pytest.mark.parametrize(
    "kind",
    [
        kind
        for kind in vars(station_tariff).values()
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct) and kind.__module__ == station_tariff.__name__
    ],
)
def test_each_value_has_the_properties_of_its_type_in_the_schema(kind: type[msgspec.Struct]) -> None:
    definition = DEFINITIONS[NAMES.get(kind.__name__, f"{kind.__name__}Type")]
    ours = {field.encode_name: field.required for field in msgspec.structs.fields(kind)}
    theirs = {name: name in definition.get("required", ()) for name in definition["properties"]}
    theirs.pop("customData", None)
    assert ours == theirs


def test_what_is_not_given_is_not_printed() -> None:
    assert msgspec.json.encode(StationTariff("a", "EUR")) == b'{"tariffId":"a","currency":"EUR"}'
    assert msgspec.json.encode(TariffConditions(min_power=0.0)) == b'{"minPower":0.0}'
    assert msgspec.json.decode(b'{"status":"Accepted"}', type=ClearedTariff) == ClearedTariff("Accepted")
