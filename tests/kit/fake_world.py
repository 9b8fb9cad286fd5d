"""A believable installation for the portal's tests: stations, sessions, tags and messages as control.v1 messages.

Everything follows from the seed and ``now``, so that two worlds made alike are alike.
"""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from control.v1 import alarms_pb2, auth_pb2, id_tokens_pb2, messages_pb2, sessions_pb2, stations_pb2

NOW = datetime(2026, 5, 12, 9, 30, tzinfo=UTC)

PLACES = ("Harbour", "Station Square", "Depot North", "Library", "Arena", "Mill Lane")
MAKERS = (("Voltera", "Wall 22"), ("Kilowerk", "Duo 2×22"), ("Nordlade", "HPC 150"))
PEOPLE = ("Ada", "Björn", "Chloé", "Dmitri", "Elif", "Femke", "Goran", "Hana", "Ingrid", "Jonas", "Katja", "Liam")


def stamp(moment: datetime) -> Timestamp:
    """A time as a message."""
    message = Timestamp()
    message.FromDatetime(moment)
    return message


class World:
    """The installation's state. Tests change it and then call ``FakeControl.publish_…``."""

    def __init__(self, now: datetime = NOW, stations: int = 24, sessions: int = 160, seed: int = 7) -> None:
        self.now = now
        self.random = random.Random(seed)
        self.stations: dict[str, stations_pb2.Station] = {}
        self.sessions: dict[str, sessions_pb2.Session] = {}
        self.meter_values: dict[str, list[sessions_pb2.MeterValue]] = {}
        self.tags: dict[str, id_tokens_pb2.IdToken] = {}
        self.messages: dict[str, list[messages_pb2.MessageLogEntry]] = {}
        self.variables: dict[str, tuple[str, bool]] = dict(VARIABLES)
        self.keys: dict[str, auth_pb2.ApiKey] = {}
        self.alarms: dict[str, alarms_pb2.Alarm] = {}
        self.sequence = 0
        if stations:
            self._fill(stations, sessions)

    # ---- making things

    def _fill(self, stations: int, sessions: int) -> None:
        for index, person in enumerate(PEOPLE * 3):
            self.add_tag(f"04{index:02d}A7C31F{index * 7 % 256:02X}80", f"{person} {1 + index // len(PEOPLE)}")
        self.tags["3"].blocked = True
        for number in range(1, stations + 1):
            self.add_station(number)
        for identity in ("WB-22-00871", "WB-22-00915"):
            self.add_pending(identity)
        accepted = [
            s for s in self.stations.values() if s.registration_state == stations_pb2.REGISTRATION_STATE_ACCEPTED
        ]
        for age in range(sessions, 0, -1):
            self._past_session(self.random.choice(accepted), age)
        for station in accepted:
            for evse in station.evses:
                if evse.connectors[0].status == stations_pb2.CONNECTOR_STATUS_CHARGING:
                    self.begin_session(station, evse, self.random.randint(12, 95))
        for station in accepted[:4]:
            self._chatter(station)

    def add_tag(self, id_token: str, alias: str = "") -> id_tokens_pb2.IdToken:
        """A tag."""
        key = str(len(self.tags) + 1)
        tag = id_tokens_pb2.IdToken(
            name=f"idTokens/{key}", id_token=id_token.upper(), alias=alias, update_time=stamp(self.now), etag="1"
        )
        self.tags[key] = tag
        return tag

    def add_station(self, number: int) -> stations_pb2.Station:
        """An accepted station; its number decides what it is doing."""
        vendor, model = MAKERS[number % len(MAKERS)]
        key = str(100 + number)
        online = number % 8 != 0
        seen = self.now - (timedelta(seconds=number * 3) if online else timedelta(hours=number))
        station = stations_pb2.Station(
            name=f"stations/{key}",
            identity=f"{vendor[:2].upper()}-{model.split()[-1].replace('×', 'x')}-{number:04d}",
            display_name=f"{PLACES[number % len(PLACES)]} {1 + number // len(PLACES)}",
            address=f"{PLACES[number % len(PLACES)]}, bay {number}",
            registration_state=stations_pb2.REGISTRATION_STATE_ACCEPTED,
            connection_state=stations_pb2.CONNECTION_STATE_ONLINE if online else stations_pb2.CONNECTION_STATE_OFFLINE,
            protocol="ocpp1.6",
            remote_address=f"10.20.0.{number}",
            last_seen_time=stamp(seen),
            boot_info=stations_pb2.BootInfo(
                vendor=vendor,
                model=model,
                serial_number=f"SN{number:06d}",
                firmware_version=f"4.{number % 5}.1",
                meter_type="Eastron SDM630",
                meter_serial_number=f"M{number:05d}",
                iccid="8946071600001234567",
                boot_time=stamp(self.now - timedelta(days=number)),
            ),
            status=stations_pb2.CONNECTOR_STATUS_AVAILABLE,
            create_time=stamp(self.now - timedelta(days=200 + number)),
            update_time=stamp(self.now - timedelta(days=number)),
            has_password=number % 2 == 0,
            etag="1",
        )
        if online:
            station.connect_time.CopyFrom(stamp(self.now - timedelta(hours=5 * number)))
        for evse_id in (1, 2) if number % 3 == 1 else (1,):
            self._evse(station, evse_id, number + evse_id)
        self.stations[key] = station
        return station

    def _evse(self, station: stations_pb2.Station, evse_id: int, kind: int) -> None:
        status = (
            stations_pb2.CONNECTOR_STATUS_AVAILABLE,
            stations_pb2.CONNECTOR_STATUS_CHARGING,
            stations_pb2.CONNECTOR_STATUS_AVAILABLE,
            stations_pb2.CONNECTOR_STATUS_SUSPENDED_EV,
            stations_pb2.CONNECTOR_STATUS_CHARGING,
            stations_pb2.CONNECTOR_STATUS_PREPARING,
            stations_pb2.CONNECTOR_STATUS_AVAILABLE,
            stations_pb2.CONNECTOR_STATUS_UNAVAILABLE,
            stations_pb2.CONNECTOR_STATUS_FINISHING,
            stations_pb2.CONNECTOR_STATUS_FAULTED,
            stations_pb2.CONNECTOR_STATUS_RESERVED,
        )[kind % 11]
        if station.connection_state != stations_pb2.CONNECTION_STATE_ONLINE:
            status = stations_pb2.CONNECTOR_STATUS_AVAILABLE
        faulted = status == stations_pb2.CONNECTOR_STATUS_FAULTED
        connector = stations_pb2.Connector(
            connector_id=1,
            status=status,
            error_code="GroundFailure" if faulted else "NoError",
            info="Residual current device tripped" if faulted else "",
            vendor_error_code="E-113" if faulted else "",
            status_time=stamp(self.now - timedelta(minutes=7 * kind)),
        )
        station.evses.append(
            stations_pb2.Evse(name=f"{station.name}/evses/{evse_id}", evse_id=evse_id, connectors=[connector])
        )

    def add_pending(self, identity: str) -> stations_pb2.Station:
        """A station that waits for an operator."""
        key = str(900 + len(self.stations))
        vendor, model = MAKERS[0]
        station = stations_pb2.Station(
            name=f"stations/{key}",
            identity=identity,
            registration_state=stations_pb2.REGISTRATION_STATE_PENDING,
            connection_state=stations_pb2.CONNECTION_STATE_ONLINE,
            protocol="ocpp1.6",
            remote_address="10.20.1.77",
            last_seen_time=stamp(self.now - timedelta(seconds=40)),
            boot_info=stations_pb2.BootInfo(vendor=vendor, model=model, serial_number=identity),
            connection_attempts=3,
            create_time=stamp(self.now - timedelta(minutes=6)),
            etag="1",
        )
        self.stations[key] = station
        return station

    def _past_session(self, station: stations_pb2.Station, age: int) -> None:
        tag = self.random.choice(list(self.tags.values()))
        start = self.now - timedelta(hours=4 * age, minutes=self.random.randint(0, 170))
        minutes = self.random.randint(20, 220)
        peak = self.random.choice((3700.0, 7400.0, 11000.0, 22000.0))
        energy = round(peak * minutes / 60 * 0.72)
        odd = age % 29 == 0
        session = self._session(station, 1, tag, start, peak)
        session.state = sessions_pb2.SESSION_STATE_ENDED
        session.stop_time.CopyFrom(stamp(start + timedelta(minutes=minutes)))
        session.energy_wh = energy
        session.meter_stop_wh = session.meter_start_wh + energy
        session.stop_reason = self.random.choice(("Local", "EVDisconnected", "Remote", "Local"))
        if odd:
            session.flags.extend(["STOP_MISSING"])
            session.needs_reconciliation = True
            session.stop_reason = ""
        self._curve(session, start, minutes, peak, energy)

    def begin_session(
        self, station: stations_pb2.Station, evse: stations_pb2.Evse, minutes: int = 0, tag: str = ""
    ) -> sessions_pb2.Session:
        """A session that is under way since some minutes."""
        known = next((t for t in self.tags.values() if t.id_token == tag), None)
        known = known or self.random.choice(list(self.tags.values()))
        start = self.now - timedelta(minutes=minutes)
        session = self._session(station, evse.evse_id, known, start, 11000.0)
        session.state = sessions_pb2.SESSION_STATE_ACTIVE
        session.power_w = 10870.0
        session.energy_wh = round(10870.0 * minutes / 60)
        session.soc_percent = 40 + minutes // 3
        self._curve(session, start, minutes, 11000.0, session.energy_wh)
        evse.session = session.name
        evse.power_w = session.power_w
        evse.energy_wh = session.energy_wh
        evse.connectors[0].status = stations_pb2.CONNECTOR_STATUS_CHARGING
        return session

    def _session(
        self,
        station: stations_pb2.Station,
        evse_id: int,
        tag: id_tokens_pb2.IdToken,
        start: datetime,
        peak: float,
    ) -> sessions_pb2.Session:
        key = str(5001 + len(self.sessions))
        session = sessions_pb2.Session(
            name=f"sessions/{key}",
            station=station.name,
            station_identity=station.identity,
            station_display_name=station.display_name or station.identity,
            evse_id=evse_id,
            connector_id=1,
            transaction_id=key,
            id_token=tag.id_token,
            id_token_alias=tag.alias,
            authorization_status="Accepted",
            authentication=sessions_pb2.AUTHENTICATION_RFID,
            start_time=stamp(start),
            server_log_time=stamp(start + timedelta(seconds=1)),
            meter_start_wh=float(self.random.randint(100_000, 9_000_000)),
            max_power_w=peak * 0.99,
        )
        self.sessions[key] = session
        return session

    def _curve(self, session: sessions_pb2.Session, start: datetime, minutes: int, peak: float, energy: float) -> None:
        values = []
        steps = max(1, minutes // 3)
        for step in range(steps + 1):
            share = step / steps
            full = share < 0.75 or session.state == sessions_pb2.SESSION_STATE_ACTIVE
            ramp = min(1.0, share * 12) * (1.0 if full else max(0.08, 1 - (share - 0.75) * 3.4))
            values.append(
                self.meter_value(
                    start + timedelta(minutes=minutes * share),
                    peak * ramp * self.random.uniform(0.97, 1.0),
                    session.meter_start_wh + energy * share,
                )
            )
        self.meter_values[session.name] = values
        session.meter_value_count = len(values)
        session.last_meter_time.CopyFrom(values[-1].sample_time)

    def meter_value(self, moment: datetime, power_w: float, register_wh: float) -> sessions_pb2.MeterValue:
        """Power, energy register and current at one moment."""
        sample = sessions_pb2.SampledValue
        return sessions_pb2.MeterValue(
            sample_time=stamp(moment),
            sampled_values=[
                sample(measurand="Power.Active.Import", value=round(power_w, 1), unit="W", context="Sample.Periodic"),
                sample(
                    measurand="Energy.Active.Import.Register",
                    value=round(register_wh, 1),
                    unit="Wh",
                    context="Sample.Periodic",
                ),
                sample(measurand="Current.Import", value=round(power_w / 690, 2), unit="A", phase="L1"),
            ],
        )

    def _chatter(self, station: stations_pb2.Station) -> None:
        for age in range(40, 0, -1):
            moment = self.now - timedelta(seconds=30 * age)
            if age % 5 == 0:
                when = f"{moment:%Y-%m-%dT%H:%M:%SZ}"
                text = f'{{"connectorId":1,"status":"Charging","errorCode":"NoError","timestamp":"{when}"}}'
                self.exchange(station, "StatusNotification", text, "{}", moment)
            else:
                self.exchange(station, "Heartbeat", "{}", f'{{"currentTime":"{moment:%Y-%m-%dT%H:%M:%SZ}"}}', moment)

    def exchange(
        self, station: stations_pb2.Station, action: str, call: str, answer: str, moment: datetime
    ) -> list[messages_pb2.MessageLogEntry]:
        """A call of the station and our answer, in its message log."""
        message_id = f"m{self.sequence + 1}"
        entries = [
            self._entry(moment, messages_pb2.MESSAGE_DIRECTION_RECEIVED, "CALL", action, message_id),
            self._entry(moment, messages_pb2.MESSAGE_DIRECTION_SENT, "CALLRESULT", action, message_id),
        ]
        entries[0].content = f'[2,"{message_id}","{action}",{call}]'
        entries[1].content = f'[3,"{message_id}",{answer}]'
        entries[1].latency.CopyFrom(Duration(nanos=4_200_000))
        self.messages.setdefault(station.name, []).extend(entries)
        return entries

    def _entry(
        self,
        moment: datetime,
        direction: messages_pb2.MessageDirection.ValueType,
        kind: str,
        action: str,
        message_id: str,
    ) -> messages_pb2.MessageLogEntry:
        self.sequence += 1
        return messages_pb2.MessageLogEntry(
            sequence=self.sequence,
            log_time=stamp(moment),
            direction=direction,
            message_type=kind,
            action=action,
            message_id=message_id,
        )


VARIABLES = {
    "AllowOfflineTxForUnknownId": ("false", False),
    "AuthorizationCacheEnabled": ("true", False),
    "AuthorizeRemoteTxRequests": ("false", False),
    "ClockAlignedDataInterval": ("900", False),
    "ConnectionTimeOut": ("60", False),
    "GetConfigurationMaxKeys": ("100", True),
    "HeartbeatInterval": ("300", False),
    "LocalAuthorizeOffline": ("true", False),
    "MeterValuesSampledData": ("Energy.Active.Import.Register,Power.Active.Import,Current.Import", False),
    "MeterValueSampleInterval": ("60", False),
    "NumberOfConnectors": ("2", True),
    "ResetRetries": ("3", False),
    "StopTransactionOnEVSideDisconnect": ("true", False),
    "SupportedFeatureProfiles": ("Core,FirmwareManagement,RemoteTrigger", True),
    "UnlockConnectorOnEVSideDisconnect": ("true", False),
    "WebSocketPingInterval": ("30", False),
}
