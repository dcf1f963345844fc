"""The guard of outgoing connections: a host is resolved, checked, and only then connected to, at the checked address.

An address in the configuration could otherwise point our credentials, or a vendor's link, into the local network.
"""

import asyncio
import socket
from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Any

import httpcore

# RFC 6052: an IPv4 address in the last 32 bits.
NAT64 = IPv6Network("64:ff9b::/96")


def is_public(address: str) -> bool:
    """Whether an address, or the IPv4 address inside of it, belongs to the public internet."""
    ip = embedded(ip_address(address.partition("%")[0]))
    return ip.is_global and not ip.is_multicast


def embedded(ip: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """Return the IPv4 address that an IPv6 address stands for, else the address itself."""
    if isinstance(ip, IPv4Address):
        return ip
    if ip in NAT64:
        return IPv4Address(int(ip) & 0xFFFF_FFFF)
    return ip.ipv4_mapped or ip.sixtofour or ip


async def resolve(host: str, port: int) -> Sequence[str]:
    """Return the addresses of a host in the resolver's order; raise OSError."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


class PublicOnly(httpcore.AsyncNetworkBackend):
    """Connects to public addresses alone."""

    def __init__(self) -> None:
        self._inner = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109  # the interface's own
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to the first address that answers; refuse the host if any of its addresses is not public."""
        addresses = await self._checked(host, port, timeout)
        for address in addresses[:-1]:
            try:
                return await self._inner.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                continue
        return await self._inner.connect_tcp(addresses[-1], port, timeout, local_address, socket_options)

    async def _checked(self, host: str, port: int, limit: float | None) -> Sequence[str]:
        try:
            async with asyncio.timeout(limit):
                addresses = await resolve(host, port)
        except TimeoutError as exc:
            raise httpcore.ConnectTimeout(f"the name {host} was not resolved in time") from exc
        except OSError as exc:
            raise httpcore.ConnectError(f"the name {host} cannot be resolved: {exc}") from exc
        if private := [address for address in addresses if not is_public(address)]:
            raise httpcore.ConnectError(f"{host} is the private address {private[0]}; `allow_private` permits it")
        return addresses

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await self._inner.sleep(seconds)
