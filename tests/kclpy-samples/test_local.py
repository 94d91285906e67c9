"""The local AWS: it answers, it speaks HTTP/2, and it ends."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import boto3
import pytest
from kclpy_samples.local import LocalAwsError, local_aws

if TYPE_CHECKING:
    from pathlib import Path

    from kclpy_samples.local import LocalAws


def address(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return str(parts.hostname), int(parts.port or 0)


def refuses(url: str) -> bool:
    """Whether nothing listens there any more, soon."""
    for _ in range(100):
        try:
            socket.create_connection(address(url), timeout=1).close()
        except ConnectionRefusedError:
            return True
        except ConnectionResetError:
            pass  # taken by a listener that ended before it was served
        time.sleep(0.1)
    return False


def test_it_listens_on_loopback_only(aws: LocalAws) -> None:
    """The URL is one of 127.0.0.1."""
    assert urlsplit(aws.url).hostname == "127.0.0.1"


def test_it_speaks_http_2_with_prior_knowledge(aws: LocalAws) -> None:
    """The daemon's Kinesis client sends HTTP/2's preface without asking: the answer must be a SETTINGS frame."""
    with socket.create_connection(address(aws.url), timeout=30) as connection:
        connection.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0")
        assert connection.recv(9)[3] == 4


def test_it_ends_with_its_block() -> None:
    """No process and no port is left."""
    with local_aws() as aws:
        assert not refuses_now(aws.url)
    assert refuses(aws.url)
    with pytest.raises(ProcessLookupError):
        os.kill(aws.pid, 0)


def refuses_now(url: str) -> bool:
    with socket.socket() as client:
        return client.connect_ex(address(url)) != 0


START = """
import sys, time
from kclpy_samples.local import local_aws
with local_aws(keep={keep}) as aws:
    print(aws.pid, aws.url, flush=True)
    {then}
"""


def started(then: str, *, keep: bool) -> tuple[subprocess.Popen[str], int, str]:
    process = subprocess.Popen(
        [sys.executable, "-c", START.format(keep=keep, then=then)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    pid, url = process.stdout.readline().split()
    return process, int(pid), url


def test_it_does_not_outlive_a_parent_that_is_killed() -> None:
    """Its stdin ends, and so does it: nothing needs to be cleaned up."""
    process, _, url = started("time.sleep(60)", keep=False)
    with process:
        process.kill()
    assert refuses(url)


def test_kept_it_outlives_its_parent() -> None:
    """With keep it goes on answering until it is killed."""
    process, pid, url = started("pass", keep=True)
    try:
        with process:
            assert process.wait(60) == 0
        assert not refuses_now(url)
    finally:
        os.kill(pid, signal.SIGTERM)
    assert refuses(url)


def test_keep_does_not_hold_where_an_exception_leaves_the_block() -> None:
    """What was interrupted leaves nothing behind."""
    process, _, url = started("sys.exit(3)", keep=True)
    with process:
        assert process.wait(60) == 3
    assert refuses(url)


def test_the_users_own_aws_settings_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    """An AWS profile that does not exist would stop any AWS client, and moto too."""
    monkeypatch.setenv("AWS_PROFILE", "none-of-that-name")
    with local_aws() as aws:
        monkeypatch.delenv("AWS_PROFILE")
        client = boto3.client(
            "kinesis",
            endpoint_url=aws.url,
            region_name="us-east-1",
            aws_access_key_id="local",
            aws_secret_access_key="local",
        )
        assert client.list_streams()["StreamNames"] == []
        client.close()


def test_one_that_does_not_start_shows_its_output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error carries what the process wrote, and nothing is left."""
    (tmp_path / "hypercorn.py").write_text("raise ImportError('no hypercorn here')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(LocalAwsError, match="no hypercorn here"), local_aws():
        pytest.fail("it started")
