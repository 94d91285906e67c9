"""Whether an endpoint speaks HTTP/2."""

from __future__ import annotations

import socket
import ssl
from urllib.parse import urlsplit

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes.fromhex("000000040000000000")  # and empty SETTINGS
_FRAME_HEADER = 9
_SETTINGS = 4
_CONNECT_SECONDS = 5.0


def speaks_http2(url: str) -> bool:
    """Whether the server at ``url`` speaks HTTP/2 as the AWS SDK for Java asks for it.

    With http:// that is with prior knowledge (RFC 9113, 3.3), with https:// by ALPN. Raises :class:`OSError`.
    """
    address = urlsplit(url)
    secure = address.scheme == "https"
    with socket.create_connection(
        (address.hostname, address.port or (443 if secure else 80)), _CONNECT_SECONDS
    ) as connection:
        if secure:
            context = ssl.create_default_context()
            context.set_alpn_protocols(["h2"])
            with context.wrap_socket(connection, server_hostname=address.hostname) as encrypted:
                return encrypted.selected_alpn_protocol() == "h2"
        connection.sendall(_PREFACE)
        header = connection.makefile("rb").read(_FRAME_HEADER)
        return len(header) == _FRAME_HEADER and header[3] == _SETTINGS
