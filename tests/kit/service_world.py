"""All use cases over stores in memory, and a caller of each role."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import argon2
import trio
from cryptography.fernet import Fernet

from csms.cluster.local import LocalFeed
from csms.cluster.roll_call import OnlyThis
from csms.domain.access import Principal, Role, User
from csms.domain.commands import GetVariables, SetVariables
from csms.domain.facts import ConnectorStatus, RegistrationStatus, StationBooted
from csms.domain.ids import SessionId, StationId
from csms.domain.records import BootRecord, StatusRecord
from csms.domain.transaction import Transaction
from csms.outbox.report_files import ReportFiles
from csms.ports.processes import Process
from csms.services.access import AccessControl
from csms.services.account import Account
from csms.services.alarm_settings import AlarmSettingsDesk
from csms.services.alarms import Alarms
from csms.services.api_keys import ApiKeys
from csms.services.audit import AuditLog
from csms.services.backups import Backups
from csms.services.battery_swap import BatterySwaps
from csms.services.certificates import Certificates
from csms.services.cost_reports import CostReports
from csms.services.der import DerControls
from csms.services.device_model import DeviceModel, StationPortions
from csms.services.display import Displays
from csms.services.files import Files
from csms.services.firmware_images import FirmwareImages
from csms.services.groups import Groups
from csms.services.installations import Installations
from csms.services.inventory import StationInventory
from csms.services.invitations import Invitations
from csms.services.limits import Limits
from csms.services.local_lists import LocalLists
from csms.services.mails import Mails
from csms.services.maintenance import Maintenance
from csms.services.messages import Messages
from csms.services.monitoring import Monitoring
from csms.services.notifications import NewsDesk, Notifications
from csms.services.operation_schedules import OperationSchedules
from csms.services.operations import Operations
from csms.services.outlets import Outlets
from csms.services.payment import Payments
from csms.services.pictures import Pictures
from csms.services.places import Places
from csms.services.remote import Remote
from csms.services.reports import Reports
from csms.services.reservations import Reservations
from csms.services.rights import Rights
from csms.services.second_factor import SecondFactors
from csms.services.session_costs import SessionCosts
from csms.services.session_editing import LostRule, SessionEditing
from csms.services.sessions import Sessions
from csms.services.sharing import Sharing
from csms.services.single_sign_on import RoleRules, SingleSignOn
from csms.services.smart_charging import SmartCharging
from csms.services.soap import SoapAddressing
from csms.services.station_security import Listeners, StationSecurity
from csms.services.stations import Stations, UnknownStationPolicy
from csms.services.statistics import Statistics
from csms.services.system import Retention, System, SystemFacts
from csms.services.tariffs import Tariffs
from csms.services.tokens import MemoryTokenIndex, Tokens
from csms.services.tolerance import ToleranceIndex, Tolerances
from csms.services.transfers import FileProtocol, Transfers
from csms.services.users import Users
from csms.services.watch import Watching
from csms.services.webhooks import Webhooks
from csms.storage.sealing import MarkedCipher
from csms.transport.x509 import X509Reader
from tests.kit.certificates import an_authority
from tests.kit.configuration_world import ConfigurationWorld
from tests.kit.counting_access import CountingAccess
from tests.kit.fake_alarms import FakeAlarms, FakeAlarmSettings
from tests.kit.fake_backups import FakeBackups
from tests.kit.fake_certificates import FakeCertificates
from tests.kit.fake_directory import FakeDirectory
from tests.kit.fake_files import FakeDraughtsman, FakeFiles, FakeFirmwareImages, FakePictures, FakeVault
from tests.kit.fake_installations import FakeInstallations
from tests.kit.fake_inventory import FakeInventory
from tests.kit.fake_load_groups import FakeLoadGroups, load_groups_on
from tests.kit.fake_message_log import FakeMessageLog
from tests.kit.fake_operations import FakeOperations
from tests.kit.fake_outlets import FakeLimits, FakeOutlets
from tests.kit.fake_people import (
    FakeAudit,
    FakeIdentityProvider,
    FakeMailer,
    FakeMailQueue,
    FakeOwnData,
    FakePeople,
)
from tests.kit.fake_places import FakePlaces
from tests.kit.fake_queries import FakeSessionQueries, FakeStationQueries
from tests.kit.fake_reservations import FakeLocalLists, FakeReservations
from tests.kit.fake_session_changes import FakeSessionChanges
from tests.kit.fake_sharing import FakeSharing
from tests.kit.fake_soap import FakeSoapAddresses
from tests.kit.fake_statistics import FakeStatistics
from tests.kit.fake_stores import FakeRequests, FakeStations, FakeTokens, FakeTransactions
from tests.kit.fake_system import FakeSystemSettings
from tests.kit.fake_tables import FakeTables
from tests.kit.fake_tariffs import FakeReports, FakeSessionCosts, FakeTariffs
from tests.kit.fake_tolerance import FakeTolerance
from tests.kit.fake_webhooks import FakeCaller, FakeNews, FakeNotifications, FakeWebhooks
from tests.kit.records import a_meter_record
from tests.kit.roaming_world import RoamingWorld

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
CALLERS = {role: Principal(f"users/{number}", role.value, role) for number, role in enumerate(Role, 1)}
ADMIN, SUPPORT, DRIVER = CALLERS[Role.ADMINISTRATOR], CALLERS[Role.SUPPORT], CALLERS[Role.EV_USER]
STRANGER = Principal("apiKeys/9", "a key for nothing", Role.SUPPORT, actions=frozenset())
HASHER = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
PASSWORD = "charge-2-go"
KEY = Fernet.generate_key()
FACTS = SystemFacts(
    "0.1.0",
    ("ws://192.0.2.1:9000/ocpp/",),
    UnknownStationPolicy.PENDING,
    False,
    ("ocpp1.6",),
    retention=Retention(message_log_days=30, backup_count=14),
    mail_sender="csms@example.org",
    min_security_profile=1,
    identity_provider="Company",
)


def plain_hash(secret: bytes, *, generated: bool) -> str:
    """Stands for the slow one."""
    return f"{'generated' if generated else 'chosen'}:{secret.decode()}"


class ServiceWorld:
    """`time` is what the services take for now."""

    def __init__(self) -> None:
        self.time = datetime.now(UTC)
        self.draining = False
        self.tables = FakeTables()
        self.station_store = FakeStations(self.tables)
        self.station_queries = FakeStationQueries(self.tables)
        self.session_queries = FakeSessionQueries(self.tables)
        self.transactions = FakeTransactions(self.tables)
        self.access_store = CountingAccess()
        self.token_store = FakeTokens(self.tables, self.access_store.everybody)
        self.requests = FakeRequests()
        self.log = FakeMessageLog()
        self.feed = LocalFeed(lambda: NOW)
        self.directory = FakeDirectory(self.tables)
        self.index = MemoryTokenIndex()
        self.tag_changes = 0
        self.place_store = FakePlaces(self.tables)
        self.sharing = FakeSharing(self.tables, self.access_store.everybody)
        self.places = Places(self.place_store, self.feed, self.directory, self.sharing)
        self.scopes = self.places.scopes
        self.stations = Stations(
            self.station_store,
            self.station_queries,
            self.directory,
            self.feed,
            self.scopes,
            hash_password=plain_hash,
            generate_password=lambda: "generated-password-1",
        )
        self.remote = Remote(self.directory, self.station_store, self.session_queries, self.scopes, now=lambda: NOW)
        self.backup_store = FakeBackups()
        self.backups = Backups(self.backup_store, daily_at=None, now=lambda: NOW)
        self.shares = Sharing(self.sharing, self.scopes, self.feed)
        self.groups = Groups(self.sharing, self.scopes, self.feed)
        self.soap_addresses = FakeSoapAddresses(lambda station_id: station_id in self.tables.stations)
        self.soap = SoapAddressing(self.soap_addresses, self.feed, self.scopes)
        self.session_changes = FakeSessionChanges(self.tables)
        self.inventory_store = FakeInventory(self.tables)
        self.sessions = Sessions(
            self.session_queries,
            self.feed,
            self.scopes,
            self.session_changes,
            self.inventory_store,
            now=lambda: self.time,
        )
        self.session_editing = SessionEditing(
            self.session_changes,
            self.session_queries,
            self.feed,
            self.scopes,
            self.directory,
            rule=LostRule(offline_for=3600.0, available_for=1800.0),
            now=lambda: self.time,
        )
        self.remote.ask_before_start(self.session_editing)
        self._people()
        self._tags()
        self._tariffs()
        self._chapters()

    def _tags(self) -> None:
        """Who may charge where."""
        self.outlet_store = FakeOutlets(self.tables)
        self.outlets = Outlets(self.outlet_store, self.index, self.scopes, self.feed)
        self.limit_store = FakeLimits(self.tables, self.access_store.everybody)
        self.limits = Limits(self.limit_store, self.index, time_zone=lambda: "", now=lambda: self.time)
        self.tokens = Tokens(
            self.token_store,
            self.index,
            scopes=self.scopes,
            people=self.people_store,
            reread=self.outlets.refresh,
            now=lambda: self.time,
        )

    def _people(self) -> None:
        """Who signs in, and what is written down of it."""
        self.people_store = FakePeople(self.access_store)
        self.factors = SecondFactors(self.people_store, MarkedCipher(KEY), now=lambda: self.time)
        self.access = AccessControl(
            self.access_store, hasher=HASHER, second_factor=self.factors.verify, now=lambda: self.time
        )
        self.keys = ApiKeys(self.access_store, self.access, now=lambda: self.time)
        self.audit_store = FakeAudit()
        self.audit = AuditLog(self.audit_store, now=lambda: self.time)
        self.mail_queue = FakeMailQueue()
        self.mailer = FakeMailer()
        self.mails = Mails(self.mail_queue, self.mailer, now=lambda: self.time)
        self.own_data = FakeOwnData()
        self.arrange_people()

    def _tariffs(self) -> None:
        """Tariffs, costs, monthly reports."""
        self.tariff_store = FakeTariffs(self.tables)
        self.cost_store = FakeSessionCosts(self.tables, self.tariff_store)
        self.report_store = FakeReports(self.tables, self.mail_queue)
        self.tariffs = Tariffs(
            self.tariff_store,
            self.station_queries,
            self.people_store,
            self.scopes,
            lambda: self.places.tree,
            now=lambda: self.time,
        )
        self.costs = SessionCosts(
            self.cost_store, self.tariff_store, self.scopes, lambda: self.places.tree, now=lambda: self.time
        )
        self.report_news = FakeNotifications()
        self.cost_reports = CostReports(
            self.report_store,
            self.people_store,
            ReportFiles(),
            lambda: self.places.tree,
            now=lambda: self.time,
            notifier=Notifications(self.report_news, now=lambda: self.time),
        )

    def _chapters(self) -> None:
        """What stations tell, and what is ordered of them."""
        self.messages = Messages(self.log, self.station_store, self.scopes)
        self.certified: set[int] = set()
        self.station_security = StationSecurity(
            self.station_store,
            self.station_queries,
            self.remote,
            self.inventory_store,
            self.feed,
            listeners=Listeners("ws://192.0.2.1:9000/ocpp/", "wss://192.0.2.1:9443/ocpp/", asks_for_certificates=True),
            hash_password=plain_hash,
            generate_password=lambda: "generated-password-2",
            has_certificate=self.has_certificate,
        )
        self.inventory = StationInventory(self.inventory_store, self.station_store, self.scopes, now=lambda: NOW)
        self.issued = FakeCertificates()
        self.authority = an_authority()
        self.certificates = Certificates(
            self.remote,
            self.directory,
            self.station_store,
            self.inventory_store,
            self.issued,
            self.authority,
            X509Reader(),
            now=lambda: NOW,
        )
        self._orders()
        self.configuration = ConfigurationWorld(
            self.tables, self.inventory_store, self.remote, self.device_model, self.scopes, lambda: self.time
        )

    def _alarms(self) -> None:
        """Alarms, webhooks, news and notifications."""
        self.alarm_store, self.alarm_setting_store = FakeAlarms(self.tables), FakeAlarmSettings()
        self.webhook_store, self.webhook_caller = FakeWebhooks(), FakeCaller()
        self.alarm_store.webhooks = self.webhook_store
        self.notification_store, self.news_store = FakeNotifications(), FakeNews()
        self.notifications = Notifications(self.notification_store, now=lambda: self.time)
        self.webhooks = Webhooks(
            self.webhook_store, self.webhook_caller, lambda: self.places.tree, now=lambda: self.time
        )
        self.alarms = Alarms(
            self.alarm_store,
            self.webhook_store,
            self.scopes,
            lambda: self.places.tree,
            self.feed,
            now=lambda: self.time,
        )
        self.watching = Watching(
            self.feed, self.station_queries, self.session_queries, self.alarm_store, self.scopes, now=lambda: NOW
        )
        self.alarm_settings = AlarmSettingsDesk(self.alarm_setting_store, can_send=True)
        self.news = NewsDesk(self.news_store, lambda: self.places.tree, now=lambda: self.time)

    def _files(self) -> None:
        """The file server's insides; its addresses are made up."""
        self.vault = FakeVault()
        self.file_store = FakeFiles(self.tables, self.inventory_store)
        self.image_store = FakeFirmwareImages(self.file_store, self.inventory_store)
        self.picture_store = FakePictures(self.file_store, self.tables)
        self.transfers = Transfers(
            self.file_store, self.vault, self.station_queries, self.inventory_store, now=lambda: self.time
        )
        self.transfers.addresses = {FileProtocol.HTTP: "http://files.test/", FileProtocol.FTPS: "ftps://files.test/"}
        self.files = Files(self.file_store, self.vault, self.transfers, self.scopes)
        self.firmware_images = FirmwareImages(
            self.image_store,
            self.file_store,
            self.vault,
            self.transfers,
            self.station_queries,
            self.scopes,
            now=lambda: self.time,
        )
        self.pictures = Pictures(
            self.picture_store,
            self.file_store,
            self.vault,
            self.transfers,
            FakeDraughtsman(),
            self.places,
            self.feed,
            now=lambda: self.time,
        )

    def _orders(self) -> None:
        """Reports, charging, reservations and the rest."""
        self.reports = Reports(self.remote, self.inventory_store, now=lambda: self.time)
        portions = StationPortions(self.inventory_store, self.station_queries)
        self.device_model = DeviceModel(
            self.remote, self.reports, self.inventory_store, self.station_queries, now=lambda: self.time
        )
        self.monitoring = Monitoring(self.remote, self.reports, self.inventory_store, portions, now=lambda: self.time)
        self.remote.portion_by(portions)
        self.remote.after(GetVariables, self.device_model.after_get_variables)
        self.remote.after(SetVariables, self.device_model.after_set_variables)
        self.smart_charging = SmartCharging(
            self.remote, self.inventory_store, self.station_queries, self.session_queries, now=lambda: NOW
        )
        self.reservation_store = FakeReservations(self.tables)
        self.reservations = Reservations(self.reservation_store, self.remote, now=lambda: NOW)
        self.local_list_store = FakeLocalLists(self.tables)
        self.local_lists = LocalLists(
            self.local_list_store,
            self.token_store,
            self.remote,
            self.inventory_store,
            self.station_store,
            self.station_queries,
            now=lambda: NOW,
        )
        self._files()
        self._alarms()
        self.maintenance = Maintenance(
            self.remote,
            self.inventory_store,
            self.station_queries,
            self.transfers,
            self.image_store,
            now=lambda: NOW,
        )
        self._operations()
        self.statistics_store = FakeStatistics(self.tables)
        self.statistics = Statistics(
            self.statistics_store,
            self.scopes,
            lambda: self.places.tree,
            self.feed,
            keep_days={"meter_values": 90},
            now=lambda: NOW,
        )
        self.third = RoamingWorld(lambda: self.places.tree, lambda: self.time)
        self.tolerance_index = ToleranceIndex()
        self.tolerance_store = FakeTolerance(self.tables)
        self.tolerances = Tolerances(self.tolerance_store, self.tolerance_index)
        self.installations = Installations(FakeInstallations(self.tables), self.station_queries, self.scopes)
        self.system_settings = FakeSystemSettings(self.tables)
        self.system = System(
            FACTS,
            self.system_settings,
            database_available=lambda: not self.tables.away,
            draining=lambda: self.draining,
            processes=OnlyThis(lambda: Process("node-1", "serve", "0.1.0", started_at=NOW, stations=2)),
        )

    def _operations(self) -> None:
        """Orders to many stations."""
        self.displays = Displays(self.remote, self.inventory_store, now=lambda: NOW)
        self.payments = Payments(self.remote, self.session_queries, self.inventory_store, now=lambda: NOW)
        self.battery_swaps = BatterySwaps(self.remote, self.inventory_store, now=lambda: NOW)
        self.der = DerControls(self.remote, self.inventory_store, self.station_store, now=lambda: NOW)
        self.load_store = FakeLoadGroups(self.tables)
        self.load_groups = load_groups_on(self.load_store, self.station_queries, self.scopes, lambda: self.time)
        self.rights = Rights(self.access_store, now=lambda: self.time)
        self.operation_store = FakeOperations(self.tables, self.inventory_store._jobs.get)
        self.operations = Operations(
            self.operation_store, self.scopes, self.image_store, self.rights.of, now=lambda: self.time
        )
        self.operation_schedules = OperationSchedules(
            self.operation_store, self.operations, self.scopes, now=lambda: self.time
        )

    async def _count_tag_changes(self) -> None:
        await trio.lowlevel.checkpoint()
        self.tag_changes += 1

    def arrange_people(self, provider: FakeIdentityProvider | None = None, rules: RoleRules | None = None) -> None:
        """The use cases of people; once more after a test has put other parts in."""
        self.invitations = Invitations(
            self.people_store, self.access, self.mails, portal_url="https://portal.example.org/", now=lambda: self.time
        )
        self.users = Users(
            self.people_store,
            self.access,
            self.invitations,
            self.own_data,
            tree=lambda: self.places.tree,
            now=lambda: self.time,
            tags_changed=self._count_tag_changes,
        )
        self.account = Account(
            self.people_store, self.audit_store, self.access, self.users, self.own_data, now=lambda: self.time
        )
        self.single = SingleSignOn(
            provider,
            self.people_store,
            self.access_store,
            self.access,
            rules or RoleRules(),
            display_name="Example ID",
            now=lambda: self.time,
        )

    async def has_certificate(self, station_id: int) -> bool:
        """Stations in `certified` have a certificate of their own."""
        await trio.lowlevel.checkpoint()
        return station_id in self.certified

    async def add_station(
        self,
        identity: str,
        registration: RegistrationStatus = RegistrationStatus.ACCEPTED,
        *,
        online: bool = True,
    ) -> int:
        """Booted, with two connectors of which the second charges."""
        row = await self.station_store.create(identity, registration)
        self.tables.stations[row.id].online = online
        self.tables.write([BootRecord(row.id, NOW, StationBooted("Vendor", "Model", serial_number="S1"))])
        for evse, status in enumerate((ConnectorStatus.AVAILABLE, ConnectorStatus.AVAILABLE, ConnectorStatus.CHARGING)):
            self.tables.write([StatusRecord(row.id, evse, 1, status, "NoError", "", "", "", NOW, NOW)])
        return row.id

    def add_session(self, number: int, station_id: int, *, ended: bool = False, values: int = 0) -> Transaction:
        """Began `number` minutes after NOW on EVSE 2 with the tag TAG."""
        at = NOW + timedelta(minutes=number)
        transaction = Transaction(
            SessionId(number), StationId(station_id), f"CP-{station_id}", at, at, evse_id=2, transaction_id=str(number)
        )
        transaction.id_token = "TAG"
        transaction.start(at, 1000.0, at)
        if ended:
            transaction.end(at + timedelta(hours=1), 2000.0, "Local", at + timedelta(hours=1))
        self.tables.sessions[number] = transaction
        for minute in range(1, values + 1):
            moment = at + timedelta(minutes=minute)
            self.tables.write([a_meter_record(station_id, moment, 1000.0 + minute, session_id=number, evse_id=2)])
        return transaction

    async def add_user(self, role: Role, email: str) -> User:
        """With the password PASSWORD."""
        return await self.access_store.create_user(email, role.value, HASHER.hash(PASSWORD), role)
