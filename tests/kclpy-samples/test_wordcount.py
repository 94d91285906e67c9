"""The sample record processor, under the core's FakeDaemon and as the program that a daemon starts."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from kclpy.testing import FakeDaemon, records
from kclpy_samples.wordcount import ShardCounts, WordCounter

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def counted(tmp_path: Path) -> Callable[[], ShardCounts]:
    """What the file of FakeDaemon's shard says."""

    def read() -> ShardCounts:
        (path,) = tmp_path.glob("*.json")
        return ShardCounts.load(path)

    return read


def test_words_are_counted_and_checkpointed(tmp_path: Path, counted: Callable[[], ShardCounts]) -> None:
    """Each batch ends with a checkpoint at its last record, when the file already has the counts."""
    batch = records("cat", "dog", "cat")
    with FakeDaemon(WordCounter(tmp_path)) as daemon:
        daemon.process_records(batch)
        assert daemon.checkpoints == [batch[-1].sequence_number]
        assert counted().words == {"cat": 2, "dog": 1}


def test_a_batch_that_comes_again_counts_once(tmp_path: Path, counted: Callable[[], ShardCounts]) -> None:
    """Another process that gets the shard from its last checkpoint leaves out what the file already counts."""
    batch = records("cat", "dog", "cat", "bird")
    with FakeDaemon(WordCounter(tmp_path)) as daemon:
        daemon.process_records(batch[:3])
    with FakeDaemon(WordCounter(tmp_path)) as daemon:
        daemon.process_records(batch)
    assert counted().words == {"cat": 2, "dog": 1, "bird": 1}


def test_a_requested_shutdown_is_noted(tmp_path: Path, counted: Callable[[], ShardCounts]) -> None:
    """The file tells that the processor was asked, and a new process starts unasked."""
    with FakeDaemon(WordCounter(tmp_path)) as daemon:
        daemon.process_records(records("cat"))
        assert not counted().shutdown_requested
        daemon.shutdown_requested()
        assert counted().shutdown_requested
    with FakeDaemon(WordCounter(tmp_path)) as daemon:
        daemon.initialize()
        assert not counted().shutdown_requested


def test_a_shard_without_records_has_a_file(tmp_path: Path, counted: Callable[[], ShardCounts]) -> None:
    """So one can see that its processor has started."""
    with FakeDaemon(WordCounter(tmp_path)) as daemon:
        daemon.initialize()
        assert counted().words == {}


def test_as_a_program_it_writes_the_protocol_and_nothing_else_to_stdout(tmp_path: Path) -> None:
    """People's lines are on stderr; stdout has one line for each answer."""
    record = {
        "action": "record",
        "data": base64.b64encode(b"cat").decode(),
        "partitionKey": "cat",
        "sequenceNumber": "49",
        "subSequenceNumber": 0,
        "approximateArrivalTimestamp": 1700000000123,
    }
    checkpointed = {"action": "checkpoint", "sequenceNumber": "49", "subSequenceNumber": 0, "error": None}
    said = [
        {"action": "initialize", "shardId": "shardId-0", "sequenceNumber": "TRIM_HORIZON", "subSequenceNumber": 0},
        {"action": "processRecords", "records": [record], "millisBehindLatest": 0},
        checkpointed,
        {"action": "shutdownRequested"},
        checkpointed,
        {"action": "leaseLost"},
    ]
    done = subprocess.run(
        [sys.executable, "-m", "kclpy_samples.wordcount", "--counts", tmp_path],
        input="".join(json.dumps(message) + "\n" for message in said),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(answer["action"], answer.get("responseFor")) for answer in answers] == [
        ("status", "initialize"),
        ("checkpoint", None),
        ("status", "processRecords"),
        ("checkpoint", None),
        ("status", "shutdownRequested"),
        ("status", "leaseLost"),
    ]
    assert "wordcount: shardId-0: 1 records, 0 ms behind; cat 1\n" in done.stderr
    assert ShardCounts.load(tmp_path / "shardId-0.json").words == {"cat": 1}
