"""A TLS front for a server that speaks plain HTTP: it asks for a client certificate and passes on what it is sent."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from urllib.parse import urlsplit

from tests.integration.certificates import Authority

CHUNK = 65536


@contextmanager
def tls_front(behind: str, made: Authority) -> Iterator[str]:
    """Yield the address of a front for ``behind`` that lets nobody in without a certificate of this authority."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*made.server)
    context.load_verify_locations(made.ca)
    context.verify_mode = ssl.CERT_REQUIRED
    target = urlsplit(behind)
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        address = (target.hostname or "", target.port or 0)
        threading.Thread(target=_serve, args=(listening, context, address), daemon=True).start()
        yield f"https://localhost:{listening.getsockname()[1]}"


def _serve(listening: socket.socket, context: ssl.SSLContext, address: tuple[str, int]) -> None:
    with suppress(OSError):
        while True:
            plain, _ = listening.accept()
            threading.Thread(target=_join, args=(plain, context, address), daemon=True).start()


def _join(plain: socket.socket, context: ssl.SSLContext, address: tuple[str, int]) -> None:
    """Pass bytes both ways until one side ends; who has no certificate gets no further than the handshake."""
    with suppress(OSError), context.wrap_socket(plain, server_side=True) as sealed, socket.create_connection(address) as inner:
        back = threading.Thread(target=_pass, args=(inner, sealed), daemon=True)
        back.start()
        _pass(sealed, inner)
        back.join()


def _pass(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(CHUNK):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
