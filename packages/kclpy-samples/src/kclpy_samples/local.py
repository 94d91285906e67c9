"""A local Kinesis, DynamoDB and CloudWatch for the MultiLangDaemon: moto's server application, behind hypercorn.

moto's own server will not do, because the daemon's Kinesis client speaks HTTP/2 with prior knowledge to an
``http://`` endpoint. Run as a program (``python -m kclpy_samples.local``), it serves on a free port of 127.0.0.1,
prints its URL, and ends when its stdin does: it cannot outlive the process that started it, unless that says ``keep``.
"""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import tempfile
import threading
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Iterator

REGION = "us-east-1"
_KEEP = b"keep\n"
_START_SECONDS = 60.0
_END_SECONDS = 10.0


class LocalAwsError(Exception):
    """The local AWS did not come up; ``output`` is what it wrote."""

    def __init__(self, output: str) -> None:
        super().__init__(output)
        self.output = output

    def __str__(self) -> str:
        return f"the local AWS did not start. It wrote:\n{self.output}"


@dataclass(frozen=True)
class LocalAws:
    """A running local AWS: its URL and its process id."""

    url: str
    pid: int

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables that send any AWS client here, whatever else is configured."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            "CBOR_ENABLED": "false",  # for the AWS SDK for Java 2: moto speaks JSON
            "AWS_CBOR_DISABLE": "1",  # for the AWS SDK for Java 1
            "NO_PROXY": "127.0.0.1",
            "no_proxy": "127.0.0.1",
        }


@contextmanager
def local_aws(*, keep: bool = False) -> Iterator[LocalAws]:
    """Start a local AWS in a child process, wait until it answers, and end it after the block.

    With ``keep`` it goes on running after the block, unless an exception leaves that. Raises :class:`LocalAwsError`.
    """
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            [sys.executable, "-m", __name__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            # moto itself trips over an AWS profile that does not exist.
            env={name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
            start_new_session=True,  # a terminal's Ctrl-C is for the parent, which ends this one last
        )
        try:
            try:
                url = _url_that_answers(process)
            except OSError as error:
                log.seek(0)
                raise LocalAwsError(f"{log.read().decode(errors='replace')}{error}") from error
            yield LocalAws(url, process.pid)
        except BaseException:
            keep = False
            raise
        finally:
            _let_go(process, keep=keep)


def _url_that_answers(process: subprocess.Popen[bytes]) -> str:
    url = cast("IO[bytes]", process.stdout).readline().decode().strip()
    if not url:
        raise OSError(f"exit code {process.wait()}")
    # The port was bound before the URL was printed, so that one request waits until moto is loaded.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    opener.open(f"{url}/moto-api/", timeout=_START_SECONDS).close()
    return url


def _let_go(process: subprocess.Popen[bytes], *, keep: bool) -> None:
    with cast("IO[bytes]", process.stdout), cast("IO[bytes]", process.stdin) as stdin:
        if keep:
            stdin.write(_KEEP)
    if not keep:
        try:
            process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def main() -> None:
    """Serve until stdin ends."""
    listener = socket.create_server(("127.0.0.1", 0))
    print(f"http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
    asyncio.run(_serve(listener))


async def _serve(listener: socket.socket) -> None:
    from hypercorn.asyncio import serve
    from hypercorn.config import Config
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

    from kclpy_samples.corrections import correct_moto

    correct_moto()
    config = Config()
    config.bind = [f"fd://{listener.fileno()}"]
    config.errorlog = None
    config.keep_alive_timeout = 3600.0
    config.keep_alive_max_requests = sys.maxsize
    config.graceful_timeout = 0.1

    loop = asyncio.get_running_loop()
    ended = asyncio.Event()

    def wait_for_end_of_stdin() -> None:
        if _KEEP not in sys.stdin.buffer.read():
            loop.call_soon_threadsafe(ended.set)

    threading.Thread(target=wait_for_end_of_stdin, daemon=True).start()
    await serve(
        DomainDispatcherApplication(create_backend_app),
        config,
        shutdown_trigger=ended.wait,
        mode="wsgi",
    )


if __name__ == "__main__":
    main()
