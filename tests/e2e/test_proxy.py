"""The daemon behind an HTTP proxy: a real one, which is the only way to the AWS of the test."""

from __future__ import annotations

import http.client
import os
import re
import socket
import subprocess
import sys
import sysconfig
import threading
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from kclpy_samples.local import local_aws

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Watch = Callable[..., Any]

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="what is left behind is looked for in /proc"),
    pytest.mark.timeout(400),
]

PUTTER = Path(sysconfig.get_path("scripts")) / "kclpy-wordputter"
FAR = "http://aws.test:4566"
"""A name that nobody but the proxy can resolve."""
PROCESSOR = """
import kclpy

class Words(kclpy.RecordProcessor):
    def process_records(self, batch):
        for record in batch.records:
            print("processed", record.binary_data)
        batch.checkpointer.checkpoint()
"""


@contextmanager
def proxy(target: str | None) -> Iterator[tuple[str, list[str]]]:
    """A proxy whose tunnels all end at `target`, or that refuses them; its URL, and what it was asked for."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_CONNECT(self) -> None:
            asked.append(self.path)
            if target is None:
                self.send_error(http.client.FORBIDDEN)
                return
            address = urlsplit(target)
            with socket.create_connection((address.hostname, address.port)) as upstream:
                self.send_response_only(http.client.OK)
                self.end_headers()
                back = threading.Thread(target=pump, args=(upstream, self.connection))
                back.start()
                pump(self.connection, upstream)
                back.join()

        def log_message(self, *arguments: object) -> None:
            """Keep the test's stderr clean."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.socket.close()
        thread.join()


def pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


@pytest.fixture
def module(tmp_path: Path) -> Path:
    (tmp_path / "words.py").write_text(PROCESSOR)
    return tmp_path


def run_command(*options: str) -> list[str]:
    return ["kclpy-helper", "run", "--stream", "words", "--application", "words-app", *options, "words:Words"]


def test_the_daemon_reaches_aws_by_way_of_http_proxy(watch: Watch, module: Path) -> None:
    """The variable HTTP_PROXY, whatever the endpoint's protocol; the daemon finds AWS nowhere else."""
    with local_aws() as aws, proxy(aws.url) as (url, asked):
        put = [PUTTER, "-s", "words", "-w", "cat"]
        subprocess.run(put, env={**os.environ, **aws.environment}, capture_output=True, check=True)
        env = {**aws.environment, "AWS_ENDPOINT_URL": FAR, "HTTP_PROXY": url, "NO_PROXY": "", "no_proxy": ""}
        run = watch(*run_command(), env={**env, "PYTHONPATH": str(module)})
        run.wait_for("processed b'cat'")
        run.kill()
    assert set(asked) == {"aws.test:4566"}


def test_a_proxy_that_refuses_is_said_to(watch: Watch, module: Path) -> None:
    """The same by options of the JVM, for the real AWS; the line comes while the daemon goes on trying."""
    with local_aws() as aws, proxy(None) as (url, asked):
        address = urlsplit(url)
        options = [f"--jvm-option=-Dhttp.proxyHost={address.hostname}", f"--jvm-option=-Dhttp.proxyPort={address.port}"]
        env = {**aws.environment, "PYTHONPATH": str(module)}
        run = watch(
            *run_command(*options), env={name: value for name, value in env.items() if name != "AWS_ENDPOINT_URL"}
        )
        run.wait_for("goes on trying: the HTTP proxy refuses the tunnel to AWS")
        run.kill()
    assert any(re.fullmatch(r"dynamodb\.us-east-1\.amazonaws\.com:443", path) for path in asked)
