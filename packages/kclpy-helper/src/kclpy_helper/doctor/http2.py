"""Whether an endpoint speaks HTTP/2."""

from __future__ import annotations

import socket
import ssl
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes.fromhex("000000040000000000")  # and empty SETTINGS
_FRAME_HEADER = 9
_SETTINGS = 4
_SECONDS = 5.0


def speaks_http2(url: str) -> bool:
    """Whether the server at ``url`` speaks HTTP/2 as the AWS SDK for Java asks for it.

    That is with prior knowledge (RFC 9113, 3.3) over TLS too, where its hello has no ALPN: the preface is sent, and has to be
    answered with SETTINGS. Whose certificate it is does not matter here. Raises :class:`OSError`.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with connected(url, context) as connection:
        connection.sendall(_PREFACE)
        try:
            header = connection.makefile("rb").read(_FRAME_HEADER)
        except (ConnectionError, TimeoutError, ssl.SSLError):  # it could not read this, or waits for more
            return False
        return len(header) == _FRAME_HEADER and header[3] == _SETTINGS and not any(header[5:])


@contextmanager
def connected(url: str, context: ssl.SSLContext) -> Iterator[socket.socket]:
    """A connection to the server at ``url``, with ``context`` where it is https. Raises :class:`OSError`."""
    address = urlsplit(url)
    secure = address.scheme == "https"
    with socket.create_connection((address.hostname, address.port or (443 if secure else 80)), _SECONDS) as connection:
        if secure:
            with context.wrap_socket(connection, server_hostname=address.hostname) as encrypted:
                yield encrypted
        else:
            yield connection
