"""The installed command, and executables that stand in for a Java: small programs, really run."""

from __future__ import annotations

import contextlib
import datetime as dt
import ipaddress
import os
import shutil
import socketserver
import ssl
import subprocess
import sys
import sysconfig
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

import kclpy_jars
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

SETTINGS = bytes.fromhex("000000040000000000")
SCRIPTS = Path(sysconfig.get_path("scripts"))


class Run(Protocol):
    """Runs the command with these arguments; `env` replaces variables, and None removes one."""

    def __call__(
        self, *arguments: str | Path, env: Mapping[str, str | None] = {}, command: str = "kclpy-helper"
    ) -> subprocess.CompletedProcess[str]: ...


def environment(changes: Mapping[str, str | None]) -> dict[str, str]:
    """The present environment with `changes`; None removes a variable."""
    return {name: value for name, value in {**os.environ, **changes}.items() if value is not None}


@pytest.fixture
def run(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The installed kclpy-helper, run in the test's folder, with a runtime folder of its own."""
    runtime = tmp_path_factory.mktemp("runtime")

    def run(
        *arguments: str | Path, env: Mapping[str, str | None] = {}, command: str = "kclpy-helper"
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [SCRIPTS / command, *arguments],
            cwd=tmp_path,
            env=environment({"XDG_RUNTIME_DIR": str(runtime), **env}),
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    return run


@pytest.fixture
def without() -> Callable[..., subprocess.CompletedProcess[str]]:
    """The command in an interpreter that finds none of the named modules: as if they were not installed."""

    def run(
        modules: list[str], *arguments: str | Path, env: Mapping[str, str | None] = {}
    ) -> subprocess.CompletedProcess[str]:
        code = f"import sys; sys.modules.update(dict.fromkeys({modules})); from kclpy_helper.cli import main; main()"
        return subprocess.run(
            [sys.executable, "-c", code, *arguments],
            env=environment(env),
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    return run


@pytest.fixture
def make_executable() -> Callable[[Path, str], Path]:
    """Writes a Python program that can be run under `path`."""

    def make(path: Path, body: str) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!{sys.executable}\n{body}\n", encoding="utf-8")
        path.chmod(0o755)
        return path

    return make


@pytest.fixture
def java(tmp_path: Path, make_executable: Callable[[Path, str], Path]) -> Path:
    """A java that answers `-version`, and otherwise says in JSON how it was started, and exits 7."""
    return make_executable(
        tmp_path / "a java$HOME" / "bin" / "java",
        "import json, os, sys\n"
        "if sys.argv[1:] == ['-version']: sys.exit()\n"
        "print(json.dumps({'pid': os.getpid(), 'argv': sys.argv, 'PATH': os.environ['PATH']}))\n"
        "sys.exit(7)",
    )


class Certificate(NamedTuple):
    """A self-signed certificate of 127.0.0.1: with its key for the server, and alone for who trusts it."""

    with_key: Path
    alone: Path


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """One that nobody trusts."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "kclpy test")])
    now = dt.datetime.now(dt.timezone.utc)
    built = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    folder = tmp_path_factory.mktemp("certificate")
    found = Certificate(folder / "server.pem", folder / "alone.pem")
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    found.with_key.write_bytes(built.public_bytes(pem) + secret)
    found.alone.write_bytes(built.public_bytes(pem))
    return found


@pytest.fixture
def tls_server(certificate: Certificate) -> Iterator[Callable[..., str]]:
    """Starts servers that answer HTTP/2's preface with `answer`, and anything else as a Kinesis without streams does."""
    with contextlib.ExitStack() as servers:
        yield lambda answer=SETTINGS, alpn=("h2",): servers.enter_context(_tls_server(certificate, answer, list(alpn)))


@contextmanager
def _tls_server(certificate: Certificate, answer: bytes, alpn: list[str]) -> Iterator[str]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.with_key)
    if alpn:
        context.set_alpn_protocols(alpn)

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with contextlib.suppress(OSError), context.wrap_socket(self.request, server_side=True) as encrypted:
                request = encrypted.makefile("rb")
                if request.readline().startswith(b"PRI"):
                    encrypted.sendall(answer)
                else:  # a request that is not read to its end would be reset, the answer with it
                    length = 0
                    while (line := request.readline()).strip():
                        if line.lower().startswith(b"content-length:"):
                            length = int(line.split(b":")[1])
                    request.read(length)
                    body = b'{"__type": "ResourceNotFoundException", "message": "no"}'
                    encrypted.sendall(
                        b"HTTP/1.1 400 No\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body) + body
                    )

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"https://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def properties(tmp_path: Path) -> Path:
    """A properties file that gives no cause for a warning, in a folder with a space and a dollar in its name."""
    path = tmp_path / "my $app" / "app.properties"
    path.parent.mkdir()
    path.write_text("executableName = python app.py\nshutdownGraceMillis = 15000\n", encoding="latin-1")
    return path


@pytest.fixture
def damaged_jar(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a jar with one changed bit, in a copy of kclpy-jars that the command finds first."""
    site = tmp_path / "site"
    shutil.copytree(Path(kclpy_jars.__file__).parent, site / "kclpy_jars")
    monkeypatch.setenv("PYTHONPATH", str(site))
    path = site / "kclpy_jars" / "jars" / kclpy_jars.jar_paths()[0].name
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    return path.name
