"""What may be reached: hosts by name, and the addresses behind them, looked at before each connection and held while it is made."""

import asyncio
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from urllib.parse import SplitResult, urlsplit

from connectors.http_probe.settings import HttpProbeSettings
from connectors.ports.tool import ToolFailed

Address = IPv4Address | IPv6Address
_TRANSLATED = IPv6Network("64:ff9b::/96")
_LOCALLY_TRANSLATED = IPv6Network("64:ff9b:1::/48")
_UNFIT = frozenset("\\\t\r\n @")


class Unresolved(Exception):
    """The name has no address: an outcome of the probe."""


@dataclass(frozen=True, slots=True)
class Place:
    """A URL that may be asked, and the addresses it may be asked at: those and no others, whatever its name means a moment later."""

    url: str
    parts: SplitResult
    host: str
    port: int
    addresses: tuple[Address, ...]

    def at(self, address: Address) -> str:
        """The URL with the address in place of the name."""
        literal = f"[{address}]" if isinstance(address, IPv6Address) else str(address)
        return self.parts._replace(netloc=f"{literal}:{self.port}", fragment="").geturl()

    @property
    def authority(self) -> str:
        """What the header Host says."""
        name = f"[{self.host}]" if ":" in self.host else self.host
        usual = 443 if self.parts.scheme == "https" else 80
        return name if self.port == usual else f"{name}:{self.port}"


class Guard:
    """Decides by the settings."""

    def __init__(self, settings: HttpProbeSettings) -> None:
        own = [urlsplit(url).hostname or "" for url in settings.targets.values()]
        self._hosts = tuple(dict.fromkeys(each.lower().rstrip(".") for each in (*own, *settings.hosts)))
        self._networks = settings.networks()

    async def place(self, url: str) -> Place:
        """Where the URL leads. Raises ToolFailed when it may not be asked, Unresolved when its name has no address."""
        if set(url) & _UNFIT or not url.isprintable():
            raise ToolFailed(f"{url!r} may not be probed: spaces, backslashes, @ and control characters are not taken")
        try:
            parts = urlsplit(url)
            host, port = (parts.hostname or "").rstrip("."), parts.port
        except ValueError as error:
            raise ToolFailed(f"{url!r} is no address: {error}") from error
        if parts.scheme not in ("http", "https") or not host:
            raise ToolFailed(f"{url!r} may not be probed; expected http:// or https:// and a host")
        if not any(fnmatchcase(host, each) for each in self._hosts):
            raise ToolFailed(f"host {host!r} may not be probed; http_probe allows {', '.join(self._hosts) or 'none'}")
        port = port or (443 if parts.scheme == "https" else 80)
        addresses = await _resolved(host, port)
        # One that may not be reached spoils them all: which of them is taken would be chance.
        for address in addresses:
            if not reachable(address, self._networks):
                raise ToolFailed(
                    f"host {host!r} is at {address}, which is not public; list its network in http_probe.private_networks to allow it"
                )
        return Place(url, parts, host, port, addresses)


def reachable(address: Address, allowed: Sequence[IPv4Network | IPv6Network]) -> bool:
    """Whether it is a public unicast address, or in a network that is allowed; an address that carries another is judged by that one."""
    inner = carried(address)
    if any(inner in network for network in allowed if network.version == inner.version):
        return True
    odd = inner.is_multicast or inner.is_reserved or inner.is_unspecified or inner.is_loopback or inner.is_link_local
    local = isinstance(inner, IPv6Address) and (inner.is_site_local or inner in _LOCALLY_TRANSLATED)
    return inner.is_global and not odd and not local


def carried(address: Address) -> Address:
    """The IPv4 address inside a mapped, translated, 6to4 or Teredo one; else the address itself."""
    if isinstance(address, IPv4Address):
        return address
    if address in _TRANSLATED:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    if int(address) >> 32 == 0 and int(address) > 1:  # the old "compatible" form
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address


async def _resolved(host: str, port: int) -> tuple[Address, ...]:
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError) as error:
        raise Unresolved(f"{host!r} cannot be resolved: {error}") from error
    return tuple(dict.fromkeys(ip_address(str(each[4][0]).partition("%")[0]) for each in found))
