"""What the pages of the own account, of keys and of the installation show."""

from __future__ import annotations

from datetime import datetime

import msgspec

from webui.values import Role


class OwnUser(msgspec.Struct, frozen=True, kw_only=True):
    """The reader as the operator knows them."""

    name: str = ""
    email: str = ""
    first_name: str = ""
    last_name: str = ""
    mobile: str = ""
    employee_number: str = ""
    customer_number: str = ""
    id_tokens: tuple[str, ...] = ()
    has_password: bool = True
    has_second_factor: bool = False
    has_single_sign_on: bool = False
    etag: str = ""


class OwnUserAnswer(msgspec.Struct, frozen=True):
    """Answer of GetUser."""

    user: OwnUser


class OwnSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How somebody wants the portal."""

    language: str = ""
    time_zone: str = ""
    theme: str = "UNSPECIFIED"
    share_usage: bool = False


class OwnSettingsAnswer(msgspec.Struct, frozen=True):
    """Answer of GetSettings."""

    settings: OwnSettings


class SignIn(msgspec.Struct, frozen=True, kw_only=True):
    """A browser or program that is signed in."""

    name: str
    create_time: datetime | None
    last_use_time: datetime | None
    address: str
    client: str
    current: bool

    @property
    def key(self) -> str:
        """The last part of `users/{id}/signIns/{id}`."""
        return self.name.rpartition("/")[2]

    @property
    def browser(self) -> str:
        """What it seems to be, of what it says of itself."""
        known = (
            ("Edg/", "Edge"),
            ("OPR/", "Opera"),
            ("Firefox/", "Firefox"),
            ("Chrome/", "Chrome"),
            ("Safari/", "Safari"),
        )
        systems = (
            ("iPhone", "iPhone"),
            ("iPad", "iPad"),
            ("Android", "Android"),
            ("Windows", "Windows"),
            ("Mac OS", "macOS"),
            ("Linux", "Linux"),
        )
        name = next((name for mark, name in known if mark in self.client), self.client[:60])
        system = next((name for mark, name in systems if mark in self.client), "")
        return f"{name} · {system}" if system else name


class SignInsAnswer(msgspec.Struct, frozen=True):
    """Answer of ListSignIns."""

    sign_ins: tuple[SignIn, ...] = ()


class AlarmMail(msgspec.Struct, frozen=True, kw_only=True):
    """The daily mail with active alarms."""

    wanted: bool
    hour: int
    can_send: bool


class AlarmMailAnswer(msgspec.Struct, frozen=True):
    """Answer of GetAlarmMail."""

    mail: AlarmMail | None = None


class Wish(msgspec.Struct, frozen=True):
    """Whether somebody is told of a kind."""

    kind: str
    wanted: bool


class WishesAnswer(msgspec.Struct, frozen=True):
    """Answer of GetNotificationSettings."""

    settings: tuple[Wish, ...] = ()


class Enrolment(msgspec.Struct, frozen=True):
    """What the authenticator app takes in."""

    secret: str
    uri: str
    qr_svg: str


class RecoveryCodes(msgspec.Struct, frozen=True):
    """Answer of ConfirmSecondFactor."""

    recovery_codes: tuple[str, ...]


class Piece(msgspec.Struct, frozen=True):
    """A part of the own data."""

    json: str


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """A key for an internal system."""

    name: str
    display_name: str
    role: Role
    hint: str
    create_time: datetime | None
    expire_time: datetime | None
    last_use_time: datetime | None
    actions: tuple[str, ...] = ()
    sites: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """The number of `apiKeys/{id}`."""
        return self.name.rpartition("/")[2]


class Keys(msgspec.Struct, frozen=True):
    """Answer of ListApiKeys."""

    api_keys: tuple[Key, ...]


class NewKey(msgspec.Struct, frozen=True):
    """Answer of CreateApiKey."""

    api_key: Key
    secret: str


class Address(msgspec.Struct, frozen=True):
    """An address to be copied into a station."""

    kind: str
    url: str


class Retention(msgspec.Struct, frozen=True):
    """How long what is kept, days; 0: for ever. `backup_count` is a number of proven backups."""

    message_log_days: int = 0
    meter_value_days: int = 0
    station_event_days: int = 0
    audit_days: int = 0
    backup_count: int = 0


class Installation(msgspec.Struct, frozen=True, kw_only=True):
    """Answer of GetSystemInfo."""

    version: str
    addresses: tuple[Address, ...]
    protocols: tuple[str, ...]
    unknown_station_policy: str
    station_password_required: bool
    database_available: bool
    database_bytes: int
    start_time: datetime | None
    mail_configured: bool
    retention: Retention = Retention()
    mail_sender: str = ""
    min_security_profile: int = 0
    identity_provider: str = ""


class ServerProcess(msgspec.Struct, frozen=True, kw_only=True):
    """One process of the installation."""

    display_name: str
    kind: str
    version: str
    host: str
    start_time: datetime | None
    station_count: int
    leases: tuple[str, ...]
    troubles: tuple[str, ...]
    silent: bool


class ServerProcesses(msgspec.Struct, frozen=True):
    """Answer of GetSystemProcesses."""

    processes: tuple[ServerProcess, ...]


class SystemSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What operators say of the installation."""

    title: str
    description: str
    organization: str
    support_email: str
    support_phone: str
    imprint: str
    privacy: str
    language: str
    time_zone: str
    update_time: datetime | None
    etag: str


class SystemSettingsAnswer(msgspec.Struct, frozen=True):
    """Answer of GetSystemSettings."""

    settings: SystemSettings


class Backup(msgspec.Struct, frozen=True, kw_only=True):
    """One backup."""

    name: str
    create_time: datetime | None
    size_bytes: int
    state: str
    verify_time: datetime | None
    error: str
    row_count: int

    @property
    def key(self) -> str:
        """The last part of `backups/{name}`."""
        return self.name.partition("/")[2]


class Backups(msgspec.Struct, frozen=True, kw_only=True):
    """Answer of ListBackups."""

    backups: tuple[Backup, ...] = ()
    running: bool = False
    next_backup_time: datetime | None = None
    stale: bool = False
    last_error: str = ""
