"""The configuration of stations as the pages want it (control.v1 configuration.proto), and the words for it."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import msgspec

from webui.words import N_, _

FAMILIES: Final = {"UNSPECIFIED": N_("Any version"), "1_6": N_("OCPP 1.x"), "2": N_("OCPP 2.x")}


# What the server warns of (csms/domain/known_variables.py), for the catalogues.
WARNINGS: Final = (
    N_("While offline, the station then takes tags that nobody knows. They may never be paid for."),
    N_("Charts, running costs and load management need these values. Short intervals cost data."),
    N_("Too short, and drivers cannot plug in before the authorisation runs out."),
    N_("This changes how load management is followed: fuses may rely on it."),
    N_(
        "Heartbeats set the station's clock and show that it lives. Longer than the time after which silence "
        "raises an alarm, it raises alarms for nothing."
    ),
    N_("This decides who charges while the station is offline, and nobody checks it then."),
    N_("This decides when sessions end by themselves."),
    N_("Transactions that the station cannot deliver are dropped sooner, and never billed."),
    N_(
        "Pings hold the connection open through routers and firewalls. Too rare or switched off, the station "
        "seems online when it is not; too frequent, they cost data."
    ),
    N_("This decides which certificates the station trusts; a wrong value can cut it off."),
    N_("The password with which the station signs in."),
    N_("Certificates name this. With another name the station's certificate is not accepted any more."),
    N_(
        "The station reconnects with other security, and stays away if the password or the certificate for it"
        " is missing. UpgradeSecurityProfile takes the steps in their order."
    ),
    N_(
        "The station leaves this central system for another address. A wrong value cuts the station off for "
        "good: somebody then has to go there."
    ),
    N_("A wrong value cuts the station off for good: somebody then has to go there."),
    N_("With this nobody has to show a tag: everybody charges, and sessions belong to nobody."),
    N_(
        "The station connects with these slots, in this order. A wrong value cuts the station off for good: "
        "somebody then has to go there."
    ),
    N_("How long the station waits before it connects again. A high value leaves it offline for that long."),
    N_("Tags of this group stop every session."),
    N_("This decides when sessions begin, and so what is billed."),
    N_("This decides when sessions end, and so what is billed."),
    N_("Without the right time certificates fail and sessions are dated wrongly."),
)


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """One configuration key or variable: what the station has, what is wanted, what it said to that."""

    name: str
    reported_value: str | None
    report_time: datetime | None
    desired_value: str | None
    state: str
    answer: str
    detail: str
    set_by: str
    set_time: datetime | None
    answer_time: datetime | None
    read_only: bool
    write_only: bool
    secret: bool
    data_type: str
    unit: str
    min_limit: float | None
    max_limit: float | None
    allowed_values: tuple[str, ...]
    reboot_required: bool
    warning: str
    differs: bool
    drift_time: datetime | None

    @property
    def fixed(self) -> bool:
        """Nothing can be wanted of it."""
        return self.read_only or self.write_only or self.secret

    @property
    def shown(self) -> str:
        """What its field begins with: what is wanted, else what the station has."""
        if self.desired_value is not None:
            return self.desired_value
        return self.reported_value or ""

    @property
    def options(self) -> tuple[str, ...]:
        """Values to choose from, with the one that is there; empty: it is typed."""
        known = self.allowed_values if self.data_type == "OptionList" else ()
        if self.data_type == "boolean":
            known = ("true", "false")
        if not known:
            return ()
        same = {each.casefold() for each in known}
        return known if self.shown.casefold() in same else (self.shown, *known)

    @property
    def untouched(self) -> str:
        """What its field says while nobody has changed it."""
        return next((each for each in self.options if each.casefold() == self.shown.casefold()), self.shown)

    @property
    def by_template(self) -> str:
        """The number of the template that wants it; empty: somebody wants it."""
        kind, _slash, number = self.set_by.partition("/")
        return number if kind == "configurationTemplates" else ""

    @property
    def warning_words(self) -> str:
        """What changing it can do, in the reader's language where we have it."""
        return _(self.warning) if self.warning else ""

    @property
    def state_word(self) -> tuple[str, str]:
        """(icon, words) for where it stands."""
        if self.desired_value is None:
            return "", ""
        if self.drift_time is not None:
            return "fault", _("Changed by the station")
        return {
            "PENDING": ("pending", _("Not sent yet")),
            "SENT": ("unknown", _("Sent, no answer")),
            "ACCEPTED": ("pending", _("Taken, not seen yet")) if self.differs else ("free", _("As wanted")),
            "REJECTED": ("cross", _("Refused")),
            "REBOOT_REQUIRED": ("occupied", _("Counts after a restart")),
            "NOT_SUPPORTED": ("cross", _("Not supported")),
            "UNKNOWN": ("cross", _("The station does not know it")),
        }.get(self.state, ("unknown", self.state))


class SettingsPage(msgspec.Struct, frozen=True):
    """A page of settings, in the order of their names."""

    settings: tuple[Setting, ...]
    next_page_token: str
    total_size: int
    difference_count: int
    read_time: datetime | None
    failure: str
    upload_pending: bool


class Uploaded(msgspec.Struct, frozen=True):
    """The station's answers, a setting each."""

    settings: tuple[Setting, ...]
    queued: bool
    reboot_required: bool


class Refreshed(msgspec.Struct, frozen=True):
    """How reading it anew went."""

    complete: bool
    setting_count: int
    difference_count: int


class Cleared(msgspec.Struct, frozen=True):
    """How many wishes are gone."""

    cleared_count: int


class SettingValue(msgspec.Struct, frozen=True):
    """A setting and a value for it."""

    name: str
    value: str


class Template(msgspec.Struct, frozen=True, kw_only=True):
    """Wishes for stations of a kind."""

    name: str = ""
    display_name: str = ""
    vendor: str = ""
    model: str = ""
    firmware_version: str = ""
    family: str = "UNSPECIFIED"
    priority: int = 0
    enabled: bool = True
    variables: tuple[SettingValue, ...] = ()
    update_time: datetime | None = None
    etag: str = ""

    @property
    def key(self) -> str:
        """The number of ``configurationTemplates/{id}``."""
        return self.name.partition("/")[2]

    @property
    def family_label(self) -> str:
        """For which versions."""
        return _(FAMILIES.get(self.family, self.family))

    @property
    def for_whom(self) -> str:
        """The patterns in one line; empty: all."""
        return " · ".join(filter(None, (self.vendor, self.model, self.firmware_version)))


class Templates(msgspec.Struct, frozen=True):
    """All, the highest priority first."""

    templates: tuple[Template, ...] = ()


class TemplateAnswer(msgspec.Struct, frozen=True):
    """One."""

    template: Template


class Planned(msgspec.Struct, frozen=True):
    """What a template would make of a setting."""

    setting: Setting
    value: str
    template: str
    problem: str
    unchanged: bool


class Plan(msgspec.Struct, frozen=True):
    """What templates would make of a station."""

    settings: tuple[Planned, ...]


class Applied(msgspec.Struct, frozen=True):
    """For how many stations it is under way."""

    station_count: int


class Drift(msgspec.Struct, frozen=True, kw_only=True):
    """A station that is not as wanted."""

    station: str
    identity: str
    display_name: str
    online: bool
    drifted_count: int
    unsent_count: int
    refused_count: int
    reboot_count: int
    drifted_names: tuple[str, ...]
    drift_time: datetime | None

    @property
    def key(self) -> str:
        """The id of ``stations/{id}``."""
        return self.station.partition("/")[2]


class DriftPage(msgspec.Struct, frozen=True):
    """A page of them, in the order of their identities."""

    stations: tuple[Drift, ...]
    next_page_token: str
    total_size: int
