"""An application with a start time, on a stream that was resharded, on the real daemon and a local AWS."""

from __future__ import annotations

import re
import signal
import sys
import time
from typing import TYPE_CHECKING

import boto3
import pytest
from kclpy_samples.local import local_aws

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import Any

    Watch = Callable[..., Any]

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="what is left behind is looked for in /proc"),
    pytest.mark.timeout(300),
]

APP = """
import logging

def process(records, context=None):
    for record in records:
        logging.getLogger("app").warning("processed %s", record.binary_data.decode())
"""
SETTINGS = {
    "shutdownGraceMillis": "8000",
    "failoverTimeMillis": "3000",
    "leaseAssignmentIntervalMillis": "1000",
    "idleTimeBetweenReadsInMillis": "200",
    "metricsLevel": "NONE",
}


def test_it_starts_with_the_shards_of_that_time(watch: Watch, tmp_path: Path) -> None:
    """What came before is not delivered, and the parent, which was closed by then, is not read."""
    (tmp_path / "app.py").write_text(APP, encoding="utf-8")
    with local_aws() as aws:
        keys = {"aws_access_key_id": "local", "aws_secret_access_key": "local"}
        kinesis: Any = boto3.client("kinesis", endpoint_url=aws.url, region_name="us-east-1", **keys)
        kinesis.create_stream(StreamName="words", ShardCount=1)

        def put(word: str, hash_key: str) -> None:
            kinesis.put_record(StreamName="words", Data=word.encode(), PartitionKey="k", ExplicitHashKey=hash_key)

        put("parents", "0")
        kinesis.split_shard(StreamName="words", ShardToSplit="shardId-000000000000", NewStartingHashKey=str(2**127))
        put("early", "0")
        time.sleep(2)  # the property has whole seconds
        start = int(time.time())
        put("lower", "0")
        put("upper", str(2**127))
        settings = {**SETTINGS, "initialPositionInStreamExtended": str(start)}
        run = watch(
            *("/bin/sh", "-c", 'cd "$0" && exec "$@"', tmp_path),
            *(sys.executable, "-c", "from kclpy_helper.cli import main; main()"),
            *("run", "app:process", "--stream", "words", "--application", "app", "--jvm-option", "-Xshare:auto"),
            env={**aws.environment, **{f"KCLPY_SET_{key}": value for key, value in settings.items()}},
        )
        run.wait_for("processed lower", "processed upper")
        run.interrupt(signal.SIGTERM)
        assert run.wait(60)[0] == 0, run.stderr
        kinesis.close()
    found = re.findall(r"\[shardId-00000000000(\d)\] app: processed (\w+)", run.stderr)
    assert sorted(found) == [("1", "lower"), ("2", "upper")]
