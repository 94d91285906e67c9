"""`kclpy-helper run` on the real daemon when nothing goes on: it says why within seconds, and when that is over."""

from __future__ import annotations

import os
import re
import signal
import sys
import time
from typing import TYPE_CHECKING

import pytest
from kclpy_samples.local import LocalAws, local_aws

from tests.faults.producer import Producer, client
from tests.faults.proxy import Proxy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import Any

    Watch = Callable[..., Any]

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="what is left behind is looked for in /proc"),
    pytest.mark.timeout(400),
]

SHARDS = ["shardId-000000000000", "shardId-000000000001"]
APP = """
import os, time
import kclpy

class Slow(kclpy.RecordProcessor):
    def initialize(self, initialize_input):
        self.shard_id = initialize_input.shard_id
        print("starting", self.shard_id)

    def process_records(self, process_records_input):
        process_records_input.checkpointer.checkpoint()
"""
SETTINGS = {
    "shutdownGraceMillis": "3000",
    "failoverTimeMillis": "30000",
    "leaseAssignmentIntervalMillis": "1000",
    "shardSyncIntervalMillis": "500",
    "idleTimeBetweenReadsInMillis": "200",
    "metricsLevel": "NONE",
}
WITHIN = 25
"""Seconds in which it is to be said: 10 without a sign of life, and what a busy machine takes."""


@pytest.fixture(scope="module")
def aws() -> Iterator[LocalAws]:
    """With a stream `words` of two shards."""
    with local_aws() as aws:
        client(aws, "kinesis").create_stream(StreamName="words", ShardCount=2)
        yield aws


@pytest.fixture
def proxy(aws: LocalAws) -> Iterator[Proxy]:
    """Between the daemon and DynamoDB."""
    with Proxy(aws.url) as proxy:
        yield proxy


@pytest.fixture
def run(watch: Watch, aws: LocalAws, proxy: Proxy, tmp_path: Path) -> Callable[..., Any]:
    """Starts a worker of the application."""
    (tmp_path / "app.py").write_text(APP, encoding="utf-8")
    settings = [f"--set={key}={value}" for key, value in SETTINGS.items()]
    helper = [sys.executable, "-c", "from kclpy_helper.cli import main; main()"]

    def run(worker: str) -> Any:
        return watch(
            *("/bin/sh", "-c", 'cd "$0" && exec "$@"', tmp_path, *helper, "run", "app:Slow"),
            *("--stream", "words", "--application", "app", *settings),
            *(f"--set=workerId={worker}", f"--set=dynamoDBEndpoint={proxy.url}"),
            env=aws.environment,
        )

    return run


def test_a_standstill_is_explained(run: Callable[..., Any], aws: LocalAws, proxy: Proxy) -> None:
    """A first start, a DynamoDB that throttles, and a leader that was killed; what is over is said to be."""
    first = run("first")
    first.wait_for("no shard for 1")
    first.wait_for(*(f"starting {shard}" for shard in SHARDS))
    first.wait_for("over after ", ": no shard")

    with Producer(aws, "words", 20):
        time.sleep(2)
        proxy.set("throttle")
        first.wait_for(f"{SHARDS[0]} waits for its checkpoint, for 1", seconds=WITHIN)
        proxy.set("pass")
        first.wait_for(f": a checkpoint of {SHARDS[0]}", seconds=90)

    (daemon,) = re.findall(r"MultiLangDaemon started with .*, process (\d+)", first.stderr)
    os.kill(first.pid, signal.SIGSTOP)
    os.killpg(int(daemon), signal.SIGKILL)
    os.kill(first.pid, signal.SIGKILL)
    second = run("second")
    second.wait_for(" s: the leader, first, assigns the shards", seconds=100)
    second.interrupt(signal.SIGTERM)
    code, _ = second.wait(90)
    assert code == 0, second.stderr
