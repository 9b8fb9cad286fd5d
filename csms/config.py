"""Typed settings, read once.

What is read from where is in `csms.config_reading`.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from datetime import time
from pathlib import Path
from typing import Any

from csms.domain.networks import Networks


class SettingsError(ValueError):
    """A setting cannot be what it is; the message says which and what it may be."""


@dataclass(frozen=True, slots=True)
class Address:
    """HOST:PORT. Port 0 takes any free one."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @classmethod
    def parse(cls, text: str) -> Address:
        """From "127.0.0.1:9000", "[::1]:9000" or ":9000" (all interfaces). Raises ValueError with a sentence."""
        host, colon, port = text.rpartition(":")
        host = host.removeprefix("[").removesuffix("]")
        if not colon or not port.isdecimal() or int(port) > 65535:
            raise ValueError(f"{text!r} is no address. Write HOST:PORT, for example 127.0.0.1:9000.")
        return cls(host or "0.0.0.0", int(port))  # noqa: S104  asked for by leaving the host out


def _help(text: str, *, choices: tuple[str, ...] = (), secret: bool = False) -> dict[str, Any]:
    return {"help": text, "choices": choices, "secret": secret}


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that can be set for `serve`. Seconds and days unless a name says otherwise."""

    data_dir: Path = field(default=Path("data"), metadata=_help("folder of the embedded PostgreSQL and of files"))
    database_url: str = field(
        default="", metadata=_help("a PostgreSQL server to use instead of the embedded one", secret=True)
    )
    postgres_bin: str = field(default="", metadata=_help("bin folder of another PostgreSQL for the embedded one"))
    ocpp_listen: Address = field(default=Address("127.0.0.1", 9000), metadata=_help("where stations connect"))
    control_listen: Address = field(default=Address("127.0.0.1", 50051), metadata=_help("the gRPC control API"))
    portal_listen: Address = field(default=Address("127.0.0.1", 8080), metadata=_help("the web portal"))
    files_listen: Address = field(
        default=Address("127.0.0.1", 9001),
        metadata=_help("where stations leave logs and fetch firmware (HTTP; HTTPS too where they connect by TLS)"),
    )
    files_public_url: str = field(
        default="", metadata=_help("address of the file server as stations see it, when it differs (https://…)")
    )
    files_ftp_listen: str = field(
        default="", metadata=_help("the file server for stations that know only FTPS or FTP; empty: none")
    )
    files_ftp_security: str = field(
        default="required",
        metadata=_help("FTPS only (needs --ocpp-tls-listen), or FTP without TLS too", choices=("required", "optional")),
    )
    files_ftp_passive_ports: str = field(
        default="", metadata=_help("ports of FTP data connections, as 60000-60100; empty: any")
    )
    files_ftp_public_host: str = field(
        default="", metadata=_help("address of the FTP server as stations see it, when it differs")
    )
    portal: bool = field(default=True, metadata=_help("serve the portal too"))
    ocpp_public_url: str = field(
        default="", metadata=_help("address that people type into stations, when it differs from --ocpp-listen")
    )
    portal_public_url: str = field(default="", metadata=_help("address of the portal as browsers see it (https://…)"))
    control_tls_cert: str = field(default="", metadata=_help("certificate chain of the control API (PEM)"))
    control_tls_key: str = field(default="", metadata=_help("its private key (PEM)"))
    ocpp_tls_listen: str = field(
        default="",
        metadata=_help(
            "where stations connect by TLS (wss://); the same as --ocpp-listen: both on one port, told apart by the"
            " first byte"
        ),
    )
    ocpp_tls_cert: str = field(
        default="", metadata=_help("certificate chain for stations (PEM); without one our own authority issues it")
    )
    ocpp_tls_key: str = field(default="", metadata=_help("its private key (PEM, without a password)"))
    ocpp_tls_client_ca: str = field(
        default="",
        metadata=_help(
            "authorities whose station certificates are trusted beside our own one's (PEM files, divided by commas);"
            " for security profile 3; none: stations are asked for no certificate"
        ),
    )
    ocpp_tls_crl: str = field(
        default="", metadata=_help("lists of revoked station certificates (PEM or DER files, divided by commas)")
    )
    ocpp_tls_legacy_ciphers: bool = field(
        default=False, metadata=_help("also TLS_RSA_WITH_AES_*_GCM_*, for old 1.6 stations; no forward secrecy")
    )
    ocpp_tls_public_url: str = field(
        default="", metadata=_help("address that people type into stations for TLS, when it differs (wss://…)")
    )
    ocpp_certificate_names: str = field(
        default="either",
        metadata=_help(
            "what a station's certificate must name: its identity, the serial number that it told at its last boot,"
            " or either",
            choices=("identity", "serial", "either"),
        ),
    )
    ocpp_min_security_profile: int = field(
        default=0, metadata=_help("the least security profile of all stations, 0 to 3")
    )
    ocpp_trusted_proxies: str = field(
        default="",
        metadata=_help(
            "addresses and networks of balancers, with commas between, that may say where a station connects from"
            " (PROXY protocol 1 and 2); empty: none"
        ),
    )
    soap_trust_addresses: str = field(
        default="same-host",
        metadata=_help(
            "where commands to stations that speak SOAP (OCPP 1.5) go while no operator has set their address: nowhere;"
            " to the address that the station tells, if its host is the one that it comes from; or wherever it tells",
            choices=("none", "same-host", "any"),
        ),
    )
    soap_public_url: str = field(
        default="",
        metadata=_help("address of /Ocpp/CentralSystemService15 as stations see it, when it differs (http://…)"),
    )
    unknown_stations: str = field(
        default="pending",
        metadata=_help(
            "stations that nobody made known: refused, waiting for an operator, or accepted",
            choices=("refuse", "pending", "accept"),
        ),
    )
    station_passwords: str = field(
        default="optional",
        metadata=_help(
            "optional: a station that has a password must send it, others come without (security profile 0); "
            "required: all must send one (profile 1)",
            choices=("optional", "required"),
        ),
    )
    certificate_organization: str = field(
        default="",
        metadata=_help(
            "the organisation that stations' certificates name (CpoName, OrganizationName); empty: any is taken"
        ),
    )
    certificate_days: float = field(default=365.0, metadata=_help("how long certificates that are signed here count"))
    certificate_crl_url: str = field(
        default="", metadata=_help("where certificates that are signed here say that the list of revoked ones is")
    )
    certificate_authority_url: str = field(
        default="",
        metadata=_help(
            "another authority that signs stations' requests: POST of PEM (PKCS #10), answered with the PEM chain"
        ),
    )
    certificate_authority_token: str = field(
        default="", metadata=_help("bearer token for --certificate-authority-url", secret=True)
    )
    certificate_authority_root: str = field(
        default="", metadata=_help("root certificates of that authority (PEM file), which stations' ones then lead to")
    )
    certificate_renew_days: float = field(
        default=30.0,
        metadata=_help(
            "so long before its certificate ends a station is asked to renew it, days; 0: it must think of it"
        ),
    )
    contract_provider_url: str = field(
        default="", metadata=_help("service that has contract certificates for vehicles (ISO 15118, EXI in JSON)")
    )
    contract_provider_token: str = field(
        default="", metadata=_help("bearer token for --contract-provider-url", secret=True)
    )
    contract_roots: str = field(
        default="", metadata=_help("root certificates that contract certificates of vehicles lead to (PEM file)")
    )
    ocsp_hosts: str = field(
        default="",
        metadata=_help(
            "hosts that may be asked whether certificates are revoked (OCSP, CRL), with commas between; empty: none"
        ),
    )
    secret_key: str = field(
        default="",
        metadata=_help(
            "key that stations' secrets are kept with (44 characters); empty: the file secret.key in the data folder,"
            " made at the first start",
            secret=True,
        ),
    )
    admin_email: str = field(default="", metadata=_help("first administrator; made at the first start"))
    admin_password: str = field(default="", metadata=_help("the first administrator's password", secret=True))
    heartbeat_interval: int = field(default=300, metadata=_help("heartbeats of accepted stations, seconds"))
    boot_retry_interval: int = field(default=30, metadata=_help("boots of stations not accepted yet, seconds"))
    ping_interval: float = field(default=30.0, metadata=_help("WebSocket pings to silent stations, seconds"))
    ping_timeout: float = field(default=20.0, metadata=_help("a pinged station that stays silent is dropped after"))
    station_rate: float = field(
        default=50.0, metadata=_help("messages a second that one station may send; more are read more slowly")
    )
    durable_timeout: float = field(
        default=20.0, metadata=_help("how long answers wait for a database that is away before links close")
    )
    configuration_delay: float = field(
        default=5.0,
        metadata=_help("from the boot of a station until its settings are read by themselves, seconds"),
    )
    drain_timeout: float = field(default=8.0, metadata=_help("from SIGTERM to the end, seconds"))
    message_log: bool = field(default=True, metadata=_help("keep the message log"))
    message_log_days: int = field(default=30, metadata=_help("how long the message log is kept"))
    meter_value_days: int = field(default=0, metadata=_help("how long meter values are kept; 0: for ever"))
    station_event_days: int = field(
        default=365, metadata=_help("how long the events that stations told, and ended jobs, are kept; 0: for ever")
    )
    lost_session_offline_hours: float = field(
        default=72.0, metadata=_help("a session whose station has been offline for so long is closed; 0: never")
    )
    lost_session_free_minutes: float = field(
        default=30.0,
        metadata=_help("a session whose connector has been free and silent for so long is closed; 0: never"),
    )
    backup_daily: str = field(
        default="02:00", metadata=_help("time of day (UTC) of the daily backup, HH:MM; empty: only by hand")
    )
    backup_keep: int = field(default=14, metadata=_help("how many proven backups are kept"))
    backup_dir: str = field(default="", metadata=_help("where backups are kept; empty: in the data folder"))
    control_trusted_proxies: str = field(
        default="",
        metadata=_help(
            "addresses and networks of portals on other machines, with commas between, that may say where their"
            " browsers are (for the audit log); one on this machine always may"
        ),
    )
    smtp_host: str = field(default="", metadata=_help("mail server; empty: no mails are sent"))
    smtp_port: int = field(default=587, metadata=_help("its port"))
    smtp_security: str = field(
        default="starttls",
        metadata=_help("how the way to the mail server is encrypted", choices=("starttls", "tls", "none")),
    )
    smtp_user: str = field(default="", metadata=_help("user at the mail server; empty: none is needed"))
    smtp_password: str = field(default="", metadata=_help("password at the mail server", secret=True))
    mail_from: str = field(
        default="", metadata=_help("sender of mails, with or without a name (Chargehouse <noreply@example.org>)")
    )
    oidc_issuer: str = field(
        default="", metadata=_help("identity provider to sign in at (OpenID Connect issuer, https://…); empty: none")
    )
    oidc_client_id: str = field(default="", metadata=_help("what the identity provider calls this system"))
    oidc_client_secret: str = field(default="", metadata=_help("its secret there; empty: only PKCE", secret=True))
    oidc_name: str = field(default="Single sign-on", metadata=_help("what stands on the button"))
    oidc_role_claim: str = field(
        default="roles", metadata=_help("claim that roles are read from; dots go into objects (realm_access.roles)")
    )
    oidc_roles: str = field(
        default="",
        metadata=_help(
            "what values of that claim give, as VALUE=ROLE with commas between (cpo-admin=administrator); empty: roles"
            " are given here"
        ),
    )
    oidc_default_role: str = field(
        default="",
        metadata=_help(
            "role of people whom no value gives one; empty: they are not let in unless they are users here already",
            choices=("", "administrator", "site-administrator", "support", "ev-user"),
        ),
    )
    outgoing_private_addresses: bool = field(
        default=False,
        metadata=_help("roaming parties and their addresses may be in private networks, or on this machine"),
    )
    geocoder_url: str = field(
        default="",
        metadata=_help(
            "address search for sites: the search of a Nominatim-compatible server (https://…/search); empty: none, and"
            " nobody outside is asked"
        ),
    )
    audit_days: int = field(default=730, metadata=_help("how long the audit log is kept; 0: for ever"))
    vehicle_schedules: str = field(
        default="off",
        metadata=_help(
            "what a vehicle that tells its needs (ISO 15118) is sent: nothing, or a profile with up to three schedules",
            choices=("off", "propose"),
        ),
    )
    supply_voltage: float = field(default=230.0, metadata=_help("volts of a phase at stations, to reckon with"))
    supply_phases: int = field(default=3, metadata=_help("phases at stations, where profiles do not say (1 to 3)"))
    monitor_listen: str = field(
        default="",
        metadata=_help(
            "where /metrics (Prometheus), /livez and /readyz are answered, HOST:PORT, without credentials; empty:"
            " nowhere"
        ),
    )
    portal_monitor_listen: str = field(default="", metadata=_help("where the portal's own /metrics is; empty: nowhere"))
    trace_endpoint: str = field(
        default="",
        metadata=_help("OpenTelemetry collector that traces go to (OTLP over gRPC, http://host:4317); empty: none"),
    )
    trace_ratio: float = field(default=1.0, metadata=_help("part of the traces that is kept, 0 to 1"))
    log_format: str = field(
        default="console", metadata=_help("log lines for people or machines", choices=("console", "json"))
    )
    log_level: str = field(
        default="info", metadata=_help("least important log lines", choices=("debug", "info", "warning", "error"))
    )

    nats_urls: str = field(
        default="",
        metadata=_help(
            "NATS servers that the processes of one system meet at, with commas between (nats://… or tls://…); for"
            " the commands node and control"
        ),
    )
    nats_user: str = field(default="", metadata=_help("user at NATS"))
    nats_password: str = field(default="", metadata=_help("its password", secret=True))
    nats_credentials: str = field(
        default="", metadata=_help("credentials file for NATS, in place of user and password")
    )
    nats_ca: str = field(default="", metadata=_help("authority of the NATS servers' certificates (PEM file)"))
    nats_cert: str = field(default="", metadata=_help("certificate that this process shows to NATS (PEM file)"))
    nats_key: str = field(default="", metadata=_help("its private key (PEM file)"))
    nats_prefix: str = field(
        default="chargehouse", metadata=_help("what its subjects begin with; keeps several systems on one NATS apart")
    )
    nats_replicas: int = field(
        default=1, metadata=_help("on how many NATS servers keys and events are kept: 3 where there are three servers")
    )
    node_name: str = field(
        default="", metadata=_help("name of this process among the others, once in the system; empty: one is made up")
    )
    ocpp_reuse_port: bool = field(
        default=False, metadata=_help("several nodes of one machine listen on the same port (SO_REUSEPORT)")
    )
    workers: int = field(
        default=0,
        metadata=_help(
            "serve only: so many nodes on one port, with a NATS server and a control process of their own; 0:"
            " everything in one process"
        ),
    )

    def __post_init__(self) -> None:
        for each in dataclasses.fields(self):
            choices = each.metadata["choices"]
            if choices and getattr(self, each.name) not in choices:
                raise SettingsError(f"{each.name} must be one of {', '.join(choices)}.")
        if self.supply_voltage <= 0 or not 1 <= self.supply_phases <= 3:
            raise SettingsError("supply_voltage must be more than 0, and supply_phases 1 to 3.")
        for name in ("heartbeat_interval", "boot_retry_interval", "ping_interval", "ping_timeout", "durable_timeout"):
            if getattr(self, name) <= 0:
                raise SettingsError(f"{name} must be more than 0 seconds.")
        if self.backup_keep < 1:
            raise SettingsError("backup_keep must be at least 1.")
        try:
            _ = self.backup_time
        except ValueError:
            raise SettingsError(f"backup_daily is a time of day like 02:00, not {self.backup_daily!r}.") from None
        if self.certificate_days <= 0:
            raise SettingsError("certificate_days must be more than 0 days.")
        if self.certificate_renew_days < 0:
            raise SettingsError("certificate_renew_days must be 0 days or more.")
        for name in ("certificate_authority_url", "contract_provider_url", "certificate_crl_url", "geocoder_url"):
            if getattr(self, name) and not getattr(self, name).startswith(("http://", "https://")):
                raise SettingsError(f"{name} must be an address that begins with https:// (or http://).")
        self._check_security()
        self._check_people()
        self._check_files()
        self._check_monitoring()
        _ = self.ocpp_proxies, self.control_proxies

    @property
    def ocpp_proxies(self) -> Networks:
        """Balancers that say where a station connects from. Raises SettingsError."""
        return self._networks("ocpp_trusted_proxies")

    @property
    def control_proxies(self) -> Networks:
        """Portals that say where a browser is. Raises SettingsError."""
        return self._networks("control_trusted_proxies")

    def _networks(self, name: str) -> Networks:
        try:
            return Networks.parse(getattr(self, name))
        except ValueError as error:
            raise SettingsError(f"{name}: {error}") from None

    def _check_monitoring(self) -> None:
        for name in ("monitor_listen", "portal_monitor_listen"):
            try:
                _ = Address.parse(getattr(self, name)) if getattr(self, name) else None
            except ValueError as error:
                raise SettingsError(f"{name}: {error}") from None
        if not 0 <= self.trace_ratio <= 1:
            raise SettingsError("trace_ratio must be between 0 and 1.")
        if self.trace_endpoint and not self.trace_endpoint.startswith(("http://", "https://")):
            raise SettingsError("trace_endpoint must be an address that begins with http:// or https://.")

    def _check_files(self) -> None:
        if self.files_public_url and not self.files_public_url.startswith(("http://", "https://")):
            raise SettingsError("files_public_url must be an address that begins with https:// (or http://).")
        if self.files_ftp_listen and self.files_ftp_security == "required" and not self.ocpp_tls_listen:
            raise SettingsError("files_ftp_listen needs TLS: set ocpp_tls_listen, or files_ftp_security=optional.")
        try:
            _ = self.ftp_listen, self.ftp_passive_ports
        except ValueError as error:
            raise SettingsError(f"files_ftp_listen, files_ftp_passive_ports: {error}") from None

    def _check_people(self) -> None:
        if self.smtp_host and "@" not in self.mail_from:
            raise SettingsError("smtp_host needs mail_from, the address that mails come from.")
        if self.oidc_issuer:
            if not self.oidc_issuer.startswith(("https://", "http://127.0.0.1", "http://localhost")):
                raise SettingsError("oidc_issuer must be an address that begins with https://.")
            if not self.oidc_client_id or not self.portal_public_url:
                raise SettingsError("oidc_issuer needs oidc_client_id and portal_public_url.")
        _ = self.oidc_role_table

    @property
    def oidc_role_table(self) -> dict[str, str]:
        """Value of the claim → role."""
        table: dict[str, str] = {}
        roles = ("administrator", "site-administrator", "support", "ev-user")
        for part in filter(None, (part.strip() for part in self.oidc_roles.split(","))):
            value, equals, role = part.rpartition("=")
            if not equals or not value or role not in roles:
                raise SettingsError(f"oidc_roles: {part!r} is not VALUE=ROLE, with a role of {', '.join(roles)}.")
            table[value] = role
        return table

    def _check_security(self) -> None:
        for pair in (("ocpp_tls_cert", "ocpp_tls_key"), ("control_tls_cert", "control_tls_key")):
            if bool(getattr(self, pair[0])) != bool(getattr(self, pair[1])):
                raise SettingsError(f"{pair[0]} and {pair[1]} go together: set both or none.")
        if not 0 <= self.ocpp_min_security_profile <= 3:
            raise SettingsError("ocpp_min_security_profile must be 0, 1, 2 or 3.")
        if self.ocpp_min_security_profile >= 2 and not self.ocpp_tls_listen:
            raise SettingsError("ocpp_min_security_profile 2 and 3 need TLS: set ocpp_tls_listen.")
        try:
            _ = self.tls_listen
        except ValueError as error:
            raise SettingsError(f"ocpp_tls_listen: {error}") from None

    @property
    def backup_time(self) -> time | None:
        """When the daily backup is made (UTC); None: only by hand."""
        return time.fromisoformat(self.backup_daily) if self.backup_daily else None

    @property
    def tls_listen(self) -> Address | None:
        """Where stations connect by TLS, when anywhere."""
        return Address.parse(self.ocpp_tls_listen) if self.ocpp_tls_listen else None

    @property
    def ftp_listen(self) -> Address | None:
        """Where FTP(S) is served, when anywhere."""
        return Address.parse(self.files_ftp_listen) if self.files_ftp_listen else None

    @property
    def ftp_passive_ports(self) -> range:
        """Of data connections; empty: any."""
        if not self.files_ftp_passive_ports:
            return range(0)
        first, dash, last = self.files_ftp_passive_ports.partition("-")
        if not (dash and first.isdecimal() and last.isdecimal() and 1024 <= int(first) <= int(last) <= 65535):
            raise ValueError(f"{self.files_ftp_passive_ports!r} is no range of ports. Write 60000-60100.")
        return range(int(first), int(last) + 1)
