"""Addresses and networks of machines that are trusted, as people write them into a setting."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class Networks:
    """Some networks; one address is a network of one. `"192.0.2.7" in networks` costs a set look-up for each length of
    prefix that occurs, however many networks there are; without any, nothing."""

    members: tuple[Network, ...] = ()
    _single: frozenset[str] = field(init=False, repr=False, compare=False)
    _wide: tuple[tuple[int, int, frozenset[int]], ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        wide: dict[tuple[int, int], set[int]] = {}  # version and bits of the host → the bits before those
        single: set[str] = set()
        for member in self.members:
            host_bits = member.max_prefixlen - member.prefixlen
            if host_bits:
                wide.setdefault((member.version, host_bits), set()).add(int(member.network_address) >> host_bits)
            else:
                single.add(str(member.network_address))
        object.__setattr__(self, "_single", frozenset(single))
        object.__setattr__(self, "_wide", tuple((*key, frozenset(found)) for key, found in wide.items()))

    @classmethod
    def parse(cls, text: str) -> Networks:
        """From "192.0.2.7, 10.1.0.0/16, 2001:db8::/32"; empty: none. Raises ValueError with a sentence."""
        return cls(tuple(_network(part) for part in _parts(text)))

    def __bool__(self) -> bool:
        return bool(self.members)

    def __contains__(self, address: str) -> bool:
        """`address` as the kernel writes it; what is no address is in no network."""
        if address in self._single:
            return True
        if not self._wide:
            return False
        try:
            known = ip_address(address)
        except ValueError:
            return False
        number = int(known)
        return any(version == known.version and number >> bits in found for version, bits, found in self._wide)


def _parts(text: str) -> Iterable[str]:
    return filter(None, (part.strip() for part in text.split(",")))


def _network(text: str) -> Network:
    try:
        return ip_network(text)
    except ValueError:
        pass
    try:
        meant = ip_network(text, strict=False)
    except ValueError:
        raise ValueError(
            f"{text!r} is neither an address nor a network. Write 192.0.2.7 or 192.0.2.0/24, with commas between."
        ) from None
    address = text.partition("/")[0]
    raise ValueError(f"{text!r} is an address inside a network. Write {meant} for the network, {address} for the one.")
