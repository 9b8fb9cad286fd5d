"""The doors of a process: for stations, for files; and what people are told of them where other processes have them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import trio

from csms.actors.registry import Registry
from csms.app.file_door import FileDoor, addresses_of, open_file_door
from csms.app.front_door import (
    FrontDoor,
    addresses_elsewhere,
    listeners_elsewhere,
    listeners_of,
    open_front_door,
    tell_addresses,
    tls_keeper,
)
from csms.app.garbage import freeze_waves
from csms.app.parts import Parts
from csms.services.station_security import Listeners
from csms.transport.websocket import PlainHttp


@dataclass(slots=True)
class Doors:
    """Stations connect at processes that have some; files are at those that have the control API."""

    stations: FrontDoor | None
    files: FileDoor | None
    addresses: tuple[str, ...]
    """What people type into stations."""
    listeners: Listeners

    @property
    def port(self) -> int:
        """Of stations; 0: not here."""
        return 0 if self.stations is None else self.stations.port

    @property
    def tls_port(self) -> int | None:
        """Of stations that come by TLS; None: not here."""
        return None if self.stations is None else self.stations.tls_port

    @property
    def connections(self) -> int:
        """Of stations, now."""
        return 0 if self.stations is None else len(self.stations.listener.connections)

    @property
    def opened(self) -> int:
        """Of stations, since the start."""
        return 0 if self.stations is None else self.stations.listener.opened

    @property
    def refused_proxied(self) -> int:
        """Connections through balancers whose PROXY header was broken, or late."""
        return 0 if self.stations is None else self.stations.proxies.refused

    async def run(self, ground: trio.Nursery) -> None:
        """Start them; returns when connections are taken."""
        if self.stations is not None:
            await self.stations.run(ground)
            ground.start_soon(freeze_waves, lambda: self.opened)
        if self.files is not None:
            await ground.start(self.files.run)

    def drain(self) -> None:
        """Take no new stations."""
        if self.stations is not None:
            self.stations.listener.drain()

    async def close_all(self) -> None:
        """What is still connected goes."""
        if self.stations is not None:
            await self.stations.listener.close_all(spread=0.0)

    def close(self) -> None:
        """When it never came to `run`."""
        if self.stations is not None:
            self.stations.close()
        if self.files is not None:
            self.files.close()


def open_doors(parts: Parts, registry: Registry, others: Sequence[PlainHttp]) -> Doors:
    """Those of this process. Raises OSError when an address cannot be had, InvalidArgument."""
    settings, role = parts.settings, parts.role
    if role.has_stations:
        stations = open_front_door(parts, registry, others)
        doors = Doors(stations, None, stations.addresses, listeners_of(stations))
    else:
        doors = Doors(None, None, addresses_elsewhere(settings), listeners_elsewhere(settings))
        tell_addresses(parts, doors.addresses)
    try:
        if role.has_control:
            tls = tls_keeper(settings, parts.authority, parts.now) if doors.stations is None else doors.stations.tls
            doors.files = open_file_door(parts, tls)
        else:
            ftp = settings.ftp_listen
            parts.files.transfers.addresses = addresses_of(
                settings, settings.files_listen.port, None if ftp is None else ftp.port
            )
    except BaseException:
        doors.close()
        raise
    return doors
