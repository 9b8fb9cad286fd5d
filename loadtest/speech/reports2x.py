"""Variables, reports and monitoring of a 2.x station (blocks B, K and N): what it answers and what follows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from loadtest.client import Answer, Json
from loadtest.limits import Kept
from loadtest.speech.speech import Commanded, number, part, parts, stamp, status, text
from loadtest.speech.variables import Variable, accepts, report_data, value_of, variables

ITEMS_PER_MESSAGE = 10


def get_variables(station: Commanded, payload: Json) -> Answer:
    """GetVariables (B06)."""
    found = list(variables(station))
    results: list[Json] = []
    for asked in parts(payload, "getVariableData"):
        word, variable = _look_up(found, asked)
        if word == "Accepted" and asked.get("attributeType", "Actual") != "Actual":
            word = "NotSupportedAttributeType"
        result: Json = {**_named(asked), "attributeStatus": word}
        if word == "Accepted" and variable is not None:
            result["attributeValue"] = value_of(station, variable)
        results.append(result)
    return Answer({"getVariableResult": results})


def set_variables(station: Commanded, payload: Json) -> Answer:
    """SetVariables (B05)."""
    found = list(variables(station))
    results: list[Json] = []
    changed: list[str] = []
    for wanted in parts(payload, "setVariableData"):
        value = text(wanted, "attributeValue")
        word, variable = _look_up(found, wanted)
        if variable is not None and word == "Accepted":
            if wanted.get("attributeType", "Actual") != "Actual":
                word = "NotSupportedAttributeType"
            elif not variable.writable or not accepts(variable, value):
                word = "Rejected"
            else:
                station.configuration.values[variable.setting] = value
                changed.append(variable.setting)
        results.append({**_named(wanted), "attributeStatus": word})

    def then() -> None:
        for key in changed:
            station.configured(key)

    return Answer({"setVariableResult": results}, then)


def _named(asked: Json) -> Json:
    named: Json = {"component": asked.get("component"), "variable": asked.get("variable")}
    if "attributeType" in asked:
        named["attributeType"] = asked["attributeType"]
    return named


def _look_up(found: Sequence[Variable], asked: Json) -> tuple[str, Variable | None]:
    """(the status, the variable when there is one)."""
    component, variable = part(asked, "component"), part(asked, "variable")
    evse = part(component, "evse").get("id") if "evse" in component else 0
    inside = [one for one in found if one.component == component.get("name") and one.evse == evse]
    if not inside or "instance" in component:
        return "UnknownComponent", None
    named = [one for one in inside if one.name == variable.get("name") and "instance" not in variable]
    return ("Accepted", named[0]) if named else ("UnknownVariable", None)


# -- reports ----------------------------------------------------------------------------------------------------------


def base_report(station: Commanded, payload: Json) -> Answer:
    """GetBaseReport (B07): NotifyReport in parts follows."""
    request_id, base = number(payload, "requestId"), text(payload, "reportBase")
    wanted: dict[str, Callable[[Variable], bool]] = {
        "ConfigurationInventory": lambda one: one.writable,
        "FullInventory": lambda one: True,
        "SummaryInventory": lambda one: one.name in ("Available", "AvailabilityState", "Problem"),
    }
    fits = wanted.get(base)
    if fits is None:
        return status("NotSupported")
    chosen = [one for one in variables(station) if fits(one)]
    return status("Accepted", partial(_report, station, request_id, chosen))


def report(station: Commanded, payload: Json) -> Answer:
    """GetReport (B08): of the components and variables asked for."""
    request_id = number(payload, "requestId")
    wanted = parts(payload, "componentVariable")
    chosen = [one for one in variables(station) if not wanted or any(_fits(one, each) for each in wanted)]
    criteria = payload.get("componentCriteria")
    if isinstance(criteria, list) and not wanted:
        chosen = [one for one in chosen if one.name in criteria]
    if not chosen:
        return status("EmptyResultSet")
    return status("Accepted", partial(_report, station, request_id, chosen))


def _fits(variable: Variable, wanted: Json) -> bool:
    component = part(wanted, "component")
    if component.get("name") != variable.component:
        return False
    if "evse" in component and part(component, "evse").get("id") != variable.evse:
        return False
    return "variable" not in wanted or part(wanted, "variable").get("name") == variable.name


def _report(station: Commanded, request_id: int, chosen: Sequence[Variable]) -> None:
    at = stamp(station.now())
    pieces = [chosen[first : first + ITEMS_PER_MESSAGE] for first in range(0, len(chosen), ITEMS_PER_MESSAGE)]
    for number_, piece in enumerate(pieces):
        payload: Json = {
            "requestId": request_id,
            "generatedAt": at,
            "seqNo": number_,
            "tbc": number_ < len(pieces) - 1,
            "reportData": [report_data(station, one) for one in piece],
        }
        station.say(("NotifyReport", payload))


def charging_profiles(station: Commanded, payload: Json) -> Answer:
    """GetChargingProfiles (K09): ReportChargingProfiles follows, a message per EVSE."""
    request_id, evse, criteria = number(payload, "requestId"), payload.get("evseId"), part(payload, "chargingProfile")
    ids = criteria.get("chargingProfileId")

    def wanted(kept: Kept) -> bool:
        return (
            evse in (None, kept.connector)
            and (not isinstance(ids, list) or kept.number in ids)
            and criteria.get("chargingProfilePurpose") in (None, kept.purpose)
            and criteria.get("stackLevel") in (None, kept.stack_level)
        )

    found = station.profiles.find(wanted)
    if not found:
        return status("NoProfiles")
    evses = sorted({kept.connector for kept in found})

    def then() -> None:
        for one in evses:
            profiles = [kept.profile for kept in found if kept.connector == one]
            told: Json = {
                "requestId": request_id,
                "chargingLimitSource": "CSO",
                "chargingProfile": profiles,
                "evseId": one,
                "tbc": one != evses[-1],
            }
            station.say(("ReportChargingProfiles", told))

    return status("Accepted", then)


def customer_information(station: Commanded, payload: Json) -> Answer:
    """CustomerInformation (N09): these stations keep nothing about anybody."""
    request_id = number(payload, "requestId")
    told: Json = {
        "data": "",
        "seqNo": 0,
        "generatedAt": stamp(station.now()),
        "requestId": request_id,
        "tbc": False,
    }
    return status("Accepted", partial(station.say, ("NotifyCustomerInformation", told)))


# -- what is not there ------------------------------------------------------------------------------------------------


def nothing_to_report(station: Commanded, payload: Json) -> Answer:
    """GetMonitoringReport (N02): no monitors."""
    return status("EmptyResultSet")


def not_supported(station: Commanded, payload: Json) -> Answer:
    """A status that says so."""
    return status("NotSupported")


def certificates(station: Commanded, payload: Json) -> Answer:
    """GetInstalledCertificateIds (M03): none."""
    return status("NotFound")


def set_monitoring(station: Commanded, payload: Json) -> Answer:
    """SetVariableMonitoring (N04): no variable can be watched."""
    found = list(variables(station))
    results: list[Json] = []
    for wanted in parts(payload, "setMonitoringData"):
        word, _ = _look_up(found, wanted)
        result: Json = {
            "status": "UnsupportedMonitorType" if word == "Accepted" else word,
            "type": wanted.get("type"),
            "severity": wanted.get("severity"),
            "component": wanted.get("component"),
            "variable": wanted.get("variable"),
        }
        if "id" in wanted:
            result["id"] = wanted["id"]
        results.append(result)
    return Answer({"setMonitoringResult": results})


def clear_monitoring(station: Commanded, payload: Json) -> Answer:
    """ClearVariableMonitoring (N06): none of them is here."""
    ids = payload.get("id")
    results = [{"id": one, "status": "NotFound"} for one in (ids if isinstance(ids, list) else ())]
    return Answer({"clearMonitoringResult": results})
