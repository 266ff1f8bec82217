"""A listener's socket: bound before anything else starts, who may knock, and TLS."""

from __future__ import annotations

import errno
import socket
import ssl
from collections.abc import Callable, Sequence
from functools import lru_cache
from ipaddress import ip_address, ip_network

from gateway.config import HttpListenerConfig, MllpListenerConfig, TlsConfig
from gateway.errors import Misconfigured

BACKLOG = 512


def bound(config: MllpListenerConfig | HttpListenerConfig) -> socket.socket:
    """Return the listener's socket, listening.

    Raises:
        Misconfigured: the address is taken, or not ours.
    """
    family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((config.host, config.port))
        listening.listen(BACKLOG)
    except OSError as error:
        listening.close()
        taken = "is taken, perhaps by another serve" if error.errno == errno.EADDRINUSE else f"can't be used: {error.strerror}"
        raise Misconfigured(f"listener {config.code}: {config.bind} {taken}") from None
    listening.setblocking(False)
    return listening


def address(listening: socket.socket) -> str:
    """Return ``host:port`` as it is after binding."""
    host, port = listening.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def admission(peers: Sequence[str]) -> Callable[[str], bool]:
    """Return who may connect: everybody when no peers are named."""
    networks = [ip_network(peer) for peer in peers]

    @lru_cache(maxsize=1024)
    def admits(host: str) -> bool:
        if not networks:
            return True
        known = ip_address(host.partition("%")[0])
        mapped = getattr(known, "ipv4_mapped", None) or known
        return any(mapped in network for network in networks)

    return admits


def tls_context(code: str, tls: TlsConfig | None) -> ssl.SSLContext | None:
    """Return how a listener speaks TLS; with ``client_ca`` a peer must show a certificate of that authority.

    Raises:
        Misconfigured: a file is missing or is none, or others may read the key.
    """
    if tls is None:
        return None
    try:
        if tls.key.stat().st_mode & 0o077:
            raise Misconfigured(f"listener {code}: others may read {tls.key.name}; set its mode to 0600")
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(tls.certificate, tls.key)
        if tls.client_ca is not None:
            context.load_verify_locations(tls.client_ca)
            context.verify_mode = ssl.CERT_REQUIRED
    except (OSError, ValueError) as error:
        said = getattr(error, "strerror", None) or type(error).__name__
        raise Misconfigured(f"listener {code}: certificate, key and client_ca can't be used ({said})") from None
    return context
