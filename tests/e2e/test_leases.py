"""The leases of a real daemon's application: seen while it runs, set back when it does not, and read from there.

The last record before the time that one is set back to is an aggregated one of the KPL.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import sysconfig
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import boto3
import pytest
from kclpy_samples.demonstration import counted_words, daemon_of, read_counts, write_properties
from kclpy_samples.local import local_aws
from kclpy_samples.wordputter import ensure_stream

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterator, Mapping

    from kclpy_helper.properties import Properties
    from types_boto3_kinesis import KinesisClient

HELPER = Path(sysconfig.get_path("scripts"), "kclpy-helper")
S0, S1 = "shardId-000000000000", "shardId-000000000001"
OLD, NEW = {"cat": 4, "dog": 4}, {"bird": 3, "lobster": 3}
WAIT_SECONDS = 150

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="a daemon cannot be asked to end there"),
    pytest.mark.timeout(600),
]


def aggregated(word: str, times: int) -> bytes:
    """A record of the KPL that holds a word some times; all lengths in it have one byte (AggregatedRecord in KPL's wiki)."""

    def field(number: int, value: bytes) -> bytes:
        return bytes([number << 3 | 2, len(value)]) + value

    data = word.encode()
    one = b"\x08\x00" + field(3, data)  # the first partition key, and the data
    message = field(1, data) + field(3, one) * times
    return b"\xf3\x89\x9a\xc2" + message + hashlib.md5(message, usedforsecurity=False).digest()


def put(kinesis: KinesisClient, words: Mapping[str, int], *, last: int = 1) -> None:
    """Put each word so many times, the last of them in one aggregated record."""
    for word, times in words.items():
        for _ in range(times - last):
            kinesis.put_record(StreamName="words", Data=word.encode(), PartitionKey=word)
        kinesis.put_record(StreamName="words", Data=aggregated(word, last), PartitionKey=word)


@contextmanager
def counting(folder: Path, words: int) -> Iterator[Properties]:
    """A daemon that has counted so many words from nothing; it ends after the block. All have the same application."""
    folder.mkdir()
    app = write_properties(folder)
    lines: list[str] = []
    with daemon_of(app, lines.append) as daemon:
        deadline = time.monotonic() + WAIT_SECONDS
        while counted_words(read_counts(folder)).total() < words:
            assert daemon.poll() is None, "\n".join(lines)
            assert time.monotonic() < deadline, "\n".join(lines)
            time.sleep(0.1)
        yield app
        daemon.stop(30)


def counts(folder: Path) -> dict[str, Counter[str]]:
    return {shard_id: shard.words for shard_id, shard in read_counts(folder).items()}


def leases(*arguments: str | Path, code: int = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [HELPER, "leases", *arguments], capture_output=True, text=True, check=False, timeout=WAIT_SECONDS
    )
    assert done.returncode == code, done.stderr
    return done


def shown(app: Properties, *arguments: str) -> dict[str, Any]:
    return cast("dict[str, Any]", json.loads(leases(app.path, "--json", *arguments).stdout))


def checkpoints(app: Properties) -> list[Any]:
    return [lease["checkpoint"] for lease in shown(app)["leases"]]


@pytest.fixture
def local(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The environment of a local AWS."""
    monkeypatch.setenv("PATH", os.environ["PATH"])  # write_properties() changes it
    with local_aws() as aws:
        for name, value in aws.environment.items():
            monkeypatch.setenv(name, value)
        yield


@pytest.mark.usefixtures("local")
def test_an_application_is_seen_and_set_back(tmp_path: Path) -> None:
    """Held leases are left alone. From a time on no record is lost, and none before comes; TRIM_HORIZON is all again."""
    kinesis = boto3.client("kinesis")
    ensure_stream(kinesis, "words", 2)
    put(kinesis, OLD, last=3)
    time.sleep(0.5)
    between = time.time()
    time.sleep(0.5)
    put(kinesis, NEW)

    with counting(tmp_path / "first", sum({**OLD, **NEW}.values())) as app:
        found = shown(app, "--observe", "3", "--lag")
        (worker,) = found["workers"]
        assert [
            (lease["lease_key"], lease["owner"], lease["state"], lease["renewal"]["within_seconds"] is not None)
            for lease in found["leases"]
        ] == [(S0, worker["id"], "held", True), (S1, worker["id"], "held", True)]
        assert [lease["millis_behind_latest"] for lease in found["leases"]] == [0, 0]
        assert (found["leader"], found["client_version"]) == (worker["id"], "CLIENT_VERSION_3X")
        assert worker["updated"]
        refused = leases("reset", app.path, "--to", "TRIM_HORIZON", "--yes", code=1)
        assert f"{S1} was renewed within 3 s." in refused.stderr
        assert checkpoints(app) == [lease["checkpoint"] for lease in found["leases"]]
    first = counts(tmp_path / "first")
    assert first == {S0: {"dog": 4, "lobster": 3}, S1: {"cat": 4, "bird": 3}}
    at_the_end = checkpoints(app)

    leases("reset", app.path, "--to", "TRIM_HORIZON", "--yes", "--backup", tmp_path / "kept.jsonl")
    assert [checkpoint["sequence_number"] for checkpoint in checkpoints(app)] == ["TRIM_HORIZON"] * 2
    leases("restore", tmp_path / "kept.jsonl", "--yes", "--backup", tmp_path / "kept-too.jsonl")
    assert checkpoints(app) == at_the_end
    leases("reset", app.path, "--to", str(between), "--shard", S0, "--yes", "--backup", tmp_path / "kept-0.jsonl")
    leases("reset", app.path, "--to", "TRIM_HORIZON", "--shard", S1, "--yes", "--backup", tmp_path / "kept-1.jsonl")
    with counting(tmp_path / "second", 10):
        pass
    assert counts(tmp_path / "second") == {S0: {"lobster": 3}, S1: first[S1]}
