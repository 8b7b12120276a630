"""Which addresses may be connected to: public ones, and networks that the operator has listed."""

from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import Final, TypeAlias

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network

_GLOBAL_UNICAST: Final = IPv6Network("2000::/3")
"""All of IPv6 that is handed out; the rest is local, reserved or carries IPv4."""
_PROTOCOLS: Final = IPv4Network("192.0.0.0/24")
"""Of no use to anybody here; Pythons differ about which of it is global."""
_NAT64: Final = IPv6Network("64:ff9b::/96")
_IPV4_COMPATIBLE: Final = IPv6Network("::/96")


@dataclass(frozen=True, slots=True)
class Permitted:
    """The operator's allow-list."""

    networks: tuple[Network, ...] = ()
    """Where addresses may be connected to although they are not public."""

    def permits(self, address: str) -> bool:
        """Return whether a numeric address may be connected to; False for what is none."""
        try:
            written = ip_address(address.partition("%")[0])  # after it: the interface of a link-local address
        except ValueError:
            return False
        meant = _carried(written)
        return _is_public(meant) or any(each in network for network in self.networks for each in (written, meant))


PUBLIC_ONLY: Final = Permitted()


def parse_permitted(text: str) -> Permitted:
    """Read `127.0.0.0/8, 10.20.0.7`. Raises ValueError, which says what is no network."""
    return Permitted(tuple(_network(word.strip()) for word in text.split(",") if word.strip()))


def _network(word: str) -> Network:
    try:
        return ip_network(word)
    except ValueError as error:
        raise ValueError(f"{word!r} is not an address or a network such as 10.20.0.0/16: {error}") from None


def _carried(address: Address) -> Address:
    """Return the IPv4 address that an IPv6 address stands for on some networks, else the address."""
    if isinstance(address, IPv4Address):
        return address
    if address in _NAT64 or address in _IPV4_COMPATIBLE:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    tunnelled = address.teredo[1] if address.teredo else None
    return address.ipv4_mapped or address.sixtofour or tunnelled or address


def _is_public(address: Address) -> bool:
    if isinstance(address, IPv6Address) and address not in _GLOBAL_UNICAST:
        return False
    return address.is_global and not address.is_multicast and address not in _PROTOCOLS
