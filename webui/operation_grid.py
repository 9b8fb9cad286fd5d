"""Support of the grid in the table of remote operations (OCPP 2.1, R): limits, power factors, droop, gradients, curves.

Each is only shown where the station's version has it. `shape` makes the request of what the form says.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final
from uuid import uuid4

from webui.operation_fields import Field, Operation
from webui.values import ApiError
from webui.words import N_, _

OCPP_21: Final = ("ocpp2.1",)
SETTINGS: Final = {
    "EnterService": "enter_service",
    "FixedPFAbsorb": "fixed_pf_absorb",
    "FixedPFInject": "fixed_pf_inject",
    "FixedVar": "fixed_var",
    "FreqDroop": "freq_droop",
    "Gradients": "gradient",
    "LimitMaxDischarge": "limit_max_discharge",
}
"""The setting that a kind of control has; all others are curves."""
HYSTERESIS: Final = ("hysteresis_high", "hysteresis_low", "hysteresis_delay", "hysteresis_gradient")
REACTIVE: Final = ("v_ref", "autonomous_v_ref_enable", "autonomous_v_ref_time_constant")
HIGH_VOLTAGE: Final = ("hv10_min_mean_value", "hv10_min_mean_trip_delay", "power_during_cessation")

Asked = Mapping[str, object]


def _control(told: Asked, kind: str, setting: dict[str, object]) -> dict[str, object]:
    default = told.get("when") != "from"
    inside = {"priority": told.get("priority", 0), **setting}
    if not default:
        if not (told.get("start_time") and told.get("duration")):
            raise ApiError("INVALID_ARGUMENT", "", _("Say when it begins, and for how many minutes it holds."))
        inside |= {"start_time": told["start_time"], "duration": float(str(told["duration"])) * 60}
    control = {
        "control_id": told.get("control_id") or uuid4().hex[:12],
        "control_type": kind,
        "is_default": default,
        "setting": {SETTINGS.get(kind, "curve"): inside},
    }
    return {"control": control}


def discharge(told: Asked) -> dict[str, object]:
    """A limit of what vehicles give back. Raises ApiError."""
    return _control(told, "LimitMaxDischarge", {"pct_max_discharge_power": told["percent"]})


def reactive(told: Asked) -> dict[str, object]:
    """Fixed reactive power. Raises ApiError."""
    return _control(told, "FixedVar", {"setpoint": told["percent"], "unit": told["unit"]})


def curve(told: Asked) -> dict[str, object]:
    """Power, or how long to stay, by what the grid does. Raises ApiError."""
    setting = {"curve_data": told["points"], "y_unit": told["y_unit"]}
    if told.get("response_time") is not None:
        setting["response_time"] = told["response_time"]
    parts = (("hysteresis", HYSTERESIS), ("reactive_power_params", REACTIVE), ("voltage_params", HIGH_VOLTAGE))
    for part, names in parts:
        given = {name: told[name] for name in names if _was_said(told.get(name))}
        if given:
            setting[part] = given
    return _control(told, str(told["control_type"]), setting)


def _was_said(value: object) -> bool:
    """Not left empty, nor an empty tick; 0 is a number."""
    return value is not None and value is not False and value != ""


def power_factor(told: Asked) -> dict[str, object]:
    """A fixed cos φ. Raises ApiError."""
    kind, excitation = str(told["control_type"]), told["excitation"] == "over"
    return _control(told, kind, {"displacement": told["displacement"], "excitation": excitation})


def _plain(kind: str, *names: str) -> Callable[[Asked], dict[str, object]]:
    """A control whose setting has the fields as they are; those that are left out are not sent."""

    def shape(told: Asked) -> dict[str, object]:
        return _control(told, kind, {name: told[name] for name in names if told.get(name) is not None})

    return shape


_WHEN: Final = (
    Field(
        "when",
        N_("When"),
        "choice",
        (("always", N_("Always, unless another one is at work")), ("from", N_("From a time on"))),
    ),
    Field("start_time", N_("Begins"), "moment"),
    Field("duration", N_("Minutes"), "number"),
    Field("priority", N_("Priority (low is important)"), "number"),
    Field("control_id", N_("Id (empty: a new one)"), longest=36),
)
_ALWAYS: Final = tuple(each for each in _WHEN if each.name in ("priority", "control_id"))
"""Of controls that cannot begin later."""
_NUMBER: Final = N_("Enter a number.")
_LEFT: Final = N_("How it is left again (hysteresis)")
_VOLT_VAR: Final = N_("Reference voltage (VoltVar)")
_HIGH: Final = N_("High voltage")
_CURVES: Final = (
    ("FreqWatt", N_("FreqWatt: power by frequency")),
    ("VoltWatt", N_("VoltWatt: power by voltage")),
    ("VoltVar", N_("VoltVar: reactive power by voltage")),
    ("WattVar", N_("WattVar: reactive power by power")),
    ("WattPF", N_("WattPF: power factor by power")),
    ("HFMustTrip", N_("HFMustTrip: off at high frequency")),
    ("HFMayTrip", N_("HFMayTrip: may go off at high frequency")),
    ("LFMustTrip", N_("LFMustTrip: off at low frequency")),
    ("HVMustTrip", N_("HVMustTrip: off at high voltage")),
    ("HVMayTrip", N_("HVMayTrip: may go off at high voltage")),
    ("HVMomCess", N_("HVMomCess: a pause at high voltage")),
    ("LVMustTrip", N_("LVMustTrip: off at low voltage")),
    ("LVMayTrip", N_("LVMayTrip: may go off at low voltage")),
    ("LVMomCess", N_("LVMomCess: a pause at low voltage")),
    ("PowerMonitoringMustTrip", N_("PowerMonitoringMustTrip: off where the power is not kept")),
)
_Y_UNITS: Final = (
    ("PctMaxW", N_("Per cent of the greatest power")),
    ("PctWAvail", N_("Per cent of the power that there is")),
    ("PctMaxVar", N_("Per cent of the greatest reactive power")),
    ("PctVarAvail", N_("Per cent of the reactive power that there is")),
    ("PctEffectiveV", N_("Per cent of the effective voltage")),
    ("Not_Applicable", N_("as the kind of curve says")),
)
GRID: Final = (
    Operation(
        "der-discharge",
        N_("Limit what is given back to the grid"),
        N_("Set"),
        N_("At most this part of its power; 0 gives nothing back."),
        "DerService/SetDerControl",
        (Field("percent", N_("Per cent"), "decimal", demand=_NUMBER), *_WHEN),
        protocols=OCPP_21,
        shape=discharge,
        only_there=True,
    ),
    Operation(
        "der-reactive",
        N_("Fixed reactive power"),
        N_("Set"),
        N_("Supports the voltage of the grid. Positive values feed in."),
        "DerService/SetDerControl",
        (
            Field("percent", N_("Per cent"), "decimal", demand=_NUMBER),
            Field(
                "unit",
                N_("Of"),
                "choice",
                (
                    ("PctMaxVar", N_("the greatest reactive power")),
                    ("PctVarAvail", N_("the reactive power that there is")),
                    ("PctMaxW", N_("the greatest power")),
                    ("PctWAvail", N_("the power that there is")),
                ),
            ),
            *_WHEN,
        ),
        protocols=OCPP_21,
        shape=reactive,
        only_there=True,
    ),
    Operation(
        "der-curve",
        N_("Curve of grid support"),
        N_("Set"),
        N_("Up to ten points: what the station does follows what it measures, along the line between them."),
        "DerService/SetDerControl",
        (
            Field("control_type", N_("Curve"), "choice", _CURVES),
            Field("y_unit", N_("Unit of y"), "choice", _Y_UNITS),
            Field(
                "points",
                N_("Points"),
                "points",
                demand=N_("Enter at least one point of the curve."),
                hint=N_(
                    "x is a frequency (Hz), a voltage or power (per cent), and a time (s) for curves that switch off."
                    " Fill a line, and the next one appears."
                ),
            ),
            Field("response_time", N_("Seconds until it is followed (empty: as the station likes)"), "decimal"),
            Field("hysteresis_high", N_("Upper value"), "decimal", fold=_LEFT),
            Field("hysteresis_low", N_("Lower value"), "decimal", fold=_LEFT),
            Field("hysteresis_delay", N_("Wait (s)"), "decimal", fold=_LEFT),
            Field("hysteresis_gradient", N_("Change (per cent a second)"), "decimal", fold=_LEFT),
            Field("v_ref", N_("Reference (per cent)"), "decimal", fold=_VOLT_VAR),
            Field("autonomous_v_ref_enable", N_("It follows the voltage by itself"), "tick", fold=_VOLT_VAR),
            Field("autonomous_v_ref_time_constant", N_("Time constant (s)"), "decimal", fold=_VOLT_VAR),
            Field("hv10_min_mean_value", N_("Ten-minute mean (per cent)"), "decimal", fold=_HIGH),
            Field("hv10_min_mean_trip_delay", N_("Off after (s)"), "decimal", fold=_HIGH),
            Field(
                "power_during_cessation",
                N_("What stops"),
                "choice",
                (
                    ("", N_("as the station likes")),
                    ("Active", N_("active power")),
                    ("Reactive", N_("reactive power")),
                ),
                fold=_HIGH,
            ),
            *_WHEN,
        ),
        protocols=OCPP_21,
        shape=curve,
        only_there=True,
    ),
    Operation(
        "der-factor",
        N_("Fixed power factor"),
        N_("Set"),
        N_("Keeps cos φ while vehicles charge, or while they give power back."),
        "DerService/SetDerControl",
        (
            Field(
                "control_type",
                N_("While"),
                "choice",
                (("FixedPFAbsorb", N_("charging")), ("FixedPFInject", N_("giving back"))),
            ),
            Field("displacement", N_("cos φ"), "decimal", demand=_NUMBER),
            Field(
                "excitation",
                N_("Excitation"),
                "choice",
                (("over", N_("over-excited")), ("under", N_("under-excited"))),
            ),
            *_WHEN,
        ),
        protocols=OCPP_21,
        shape=power_factor,
        only_there=True,
    ),
    Operation(
        "der-droop",
        N_("Power by frequency (droop)"),
        N_("Set"),
        N_("Less power when the frequency is high, more when it is low, each beyond a limit."),
        "DerService/SetDerControl",
        (
            Field("over_freq", N_("Upper limit (Hz)"), "decimal", demand=_NUMBER),
            Field("under_freq", N_("Lower limit (Hz)"), "decimal", demand=_NUMBER),
            Field("over_droop", N_("Droop above (per cent)"), "decimal", demand=_NUMBER),
            Field("under_droop", N_("Droop below (per cent)"), "decimal", demand=_NUMBER),
            Field("response_time", N_("Seconds until it is followed"), "decimal", demand=_NUMBER),
            *_WHEN,
        ),
        protocols=OCPP_21,
        shape=_plain("FreqDroop", "over_freq", "under_freq", "over_droop", "under_droop", "response_time"),
        only_there=True,
    ),
    Operation(
        "der-gradient",
        N_("How fast power may change"),
        N_("Set"),
        N_("As a rule, and after a disturbance of the grid."),
        "DerService/SetDerControl",
        (
            Field("gradient", N_("Change (per cent a second)"), "decimal", demand=_NUMBER),
            Field("soft_gradient", N_("After a disturbance (per cent a second)"), "decimal", demand=_NUMBER),
            *_ALWAYS,
        ),
        protocols=OCPP_21,
        shape=_plain("Gradients", "gradient", "soft_gradient"),
        only_there=True,
    ),
    Operation(
        "der-enter",
        N_("When to join the grid again"),
        N_("Set"),
        N_("After it was off: within these limits of voltage and frequency, and so long after they hold."),
        "DerService/SetDerControl",
        (
            Field("high_voltage", N_("Highest voltage (per cent)"), "decimal", demand=_NUMBER),
            Field("low_voltage", N_("Lowest voltage (per cent)"), "decimal", demand=_NUMBER),
            Field("high_freq", N_("Upper limit (Hz)"), "decimal", demand=_NUMBER),
            Field("low_freq", N_("Lower limit (Hz)"), "decimal", demand=_NUMBER),
            Field("delay", N_("Wait (s)"), "decimal"),
            Field("random_delay", N_("At random up to so many seconds more"), "decimal"),
            Field("ramp_rate", N_("Seconds to full power"), "decimal"),
            *_ALWAYS,
        ),
        protocols=OCPP_21,
        shape=_plain(
            "EnterService",
            "high_voltage",
            "low_voltage",
            "high_freq",
            "low_freq",
            "delay",
            "random_delay",
            "ramp_rate",
        ),
        only_there=True,
    ),
    Operation(
        "der-report",
        N_("Report grid support"),
        N_("Ask"),
        N_("The station tells which controls of grid support it has."),
        "DerService/GetDerControl",
        answer="job",
        protocols=OCPP_21,
        only_there=True,
    ),
    Operation(
        "der-clear",
        N_("End grid support"),
        N_("End it"),
        N_("Takes one control away, or all of them."),
        "DerService/ClearDerControl",
        (
            Field("control_id", N_("Id (empty: all)"), longest=36),
            Field(
                "kind",
                N_("Which"),
                "choice",
                (("always", N_("those that always hold")), ("from", N_("those with a time"))),
            ),
        ),
        N_("Take it away?"),
        protocols=OCPP_21,
        shape=lambda told: {"control_id": told.get("control_id", ""), "is_default": told["kind"] == "always"},
        only_there=True,
    ),
)
