"""Servers that speak HTTP/2, and servers that do not."""

from __future__ import annotations

import ssl
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest
from kclpy_helper.doctor.http2 import speaks_http2
from kclpy_samples.local import local_aws

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextmanager
def http1_server() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    server.RequestHandlerClass.log_message = lambda *arguments: None  # type: ignore[method-assign]
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_the_local_aws_speaks_http_2_without_tls() -> None:
    """With prior knowledge, as the daemon asks for it."""
    with local_aws() as aws:
        assert speaks_http2(aws.url)


def test_a_server_of_http_1_is_told_from_one_of_http_2() -> None:
    """Python's own server answers the preface in HTTP/1.1, with no SETTINGS frame."""
    with http1_server() as url:
        assert not speaks_http2(url)


@pytest.mark.parametrize(
    ("answer", "spoken"),
    [
        (bytes.fromhex("000000040000000000"), True),
        (bytes.fromhex("00000c040000000000") + bytes(12), True),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", False),
        (bytes.fromhex("000008070000000000") + bytes(8), False),
        (b"", False),
    ],
    ids=["settings", "some settings", "HTTP/1.1", "go away", "nothing"],
)
@pytest.mark.parametrize("alpn", [[], ["h2"], ["http/1.1"]], ids=["no ALPN", "h2", "http/1.1"])
def test_over_tls_the_preface_has_to_be_answered_too(
    tls_server: Callable[..., str], alpn: list[str], answer: bytes, spoken: bool
) -> None:
    """What the server would say by ALPN, which the daemon does not ask for, is of no importance; nor whose certificate it is."""
    assert speaks_http2(tls_server(answer, alpn)) is spoken


def test_a_server_without_tls_is_no_server_without_http_2() -> None:
    """What it answers to a hello is an error."""
    with http1_server() as url, pytest.raises(ssl.SSLError):
        speaks_http2(url.replace("http:", "https:"))
