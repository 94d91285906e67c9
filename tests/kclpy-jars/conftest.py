"""A lock of three tiny jars, the Maven repository that has them, and a web server on loopback."""

from __future__ import annotations

import hashlib
import io
import socket
import sys
import threading
import zipfile
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from kclpy_jars import Daemon, Jar, Lock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PACKAGE = Path(__file__).parents[2] / "packages" / "kclpy-jars"
sys.path.append(str(PACKAGE))  # jartools is in no wheel


@pytest.fixture(scope="session")
def package() -> Path:
    """The source tree of kclpy-jars."""
    return PACKAGE


def _jar_bytes(name: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(zipfile.ZipInfo("META-INF/MANIFEST.MF"), f"Implementation-Title: {name}\n")
    return buffer.getvalue()


@pytest.fixture(scope="session")
def contents() -> dict[str, bytes]:
    """What is in each jar, by its file name."""
    names = ("daemon-3.0.1.jar", "netty-4.1.jar", "netty-4.1-linux.jar")
    return {name: _jar_bytes(name) for name in names}


@pytest.fixture(scope="session")
def lock(contents: dict[str, bytes]) -> Lock:
    """The lock of three jars, one with a classifier."""

    def jar(group: str, artifact: str, version: str, classifier: str | None = None) -> Jar:
        content = contents["-".join(filter(None, (artifact, version, classifier))) + ".jar"]
        return Jar(group, artifact, version, classifier, len(content), hashlib.sha256(content).hexdigest(), "MIT", 52)

    jars = (
        jar("com.example", "daemon", "3.0.1"),
        jar("org.net", "netty", "4.1"),
        jar("org.net", "netty", "4.1", "linux"),
    )
    return Lock("3.0.1", "3.0.1", None, Daemon("com.example.Daemon", "-p", "-l"), jars)


@pytest.fixture
def repository(lock: Lock, contents: dict[str, bytes], tmp_path: Path) -> Path:
    """A folder laid out as a Maven repository, with every jar of the lock."""
    root = tmp_path / "repository"
    for jar in lock.jars:
        path = root / jar.maven_path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(contents[jar.filename])
    return root


@pytest.fixture
def serve() -> Iterator[Callable[[Callable[[BaseHTTPRequestHandler], None]], str]]:
    """Starts a web server that gives every GET request to a function; returns its address."""
    servers: list[ThreadingHTTPServer] = []
    connections: list[socket.socket] = []

    def start(answer: Callable[[BaseHTTPRequestHandler], None]) -> str:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                connections.append(self.request)
                super().setup()

            def do_GET(self) -> None:
                answer(self)

            def log_message(self, *_: object) -> None:
                """Keeps the server quiet."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = False
        threading.Thread(target=server.serve_forever, args=(0.01,)).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
    for connection in connections:
        with suppress(OSError):  # it is closed already
            connection.shutdown(socket.SHUT_RDWR)
    for server in servers:
        server.server_close()
