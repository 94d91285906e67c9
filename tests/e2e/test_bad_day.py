"""`kclpy-helper run` on the real daemon, on a bad day: what hangs, what holds on, what nobody reads, and what is killed."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import pytest
from kclpy_samples.local import LocalAws, local_aws

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    Watch = Callable[..., Any]

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="what is left behind is looked for in /proc"),
    pytest.mark.timeout(400),
]

SHARDS = ["shardId-000000000000", "shardId-000000000001"]
# Does what a record says, and writes down what it has processed.
APP = """
import os, subprocess, sys, time
import kclpy

class Obedient(kclpy.RecordProcessor):
    def initialize(self, initialize_input):
        self.shard_id = initialize_input.shard_id
        print("starting", self.shard_id)

    def process_records(self, process_records_input):
        for record in process_records_input.records:
            word = record.binary_data.decode()
            once = f"{word}-{self.shard_id}"
            if word in ("hang", "hold") and not os.path.exists(once):
                open(once, "w").close()
                if word == "hang":
                    time.sleep(600)
                print("Unable to construct any provider with name x")
                subprocess.Popen(["sleep", "600"])
                os._exit(5)
            print("x" * 100_000 if word == "much" else f"processed {word}")
            with open("processed", "a") as file:
                file.write(f"{word}\\n")
        process_records_input.checkpointer.checkpoint()
"""
LOGBACK = """
<configuration>
  <appender name="OUT" class="ch.qos.logback.core.ConsoleAppender"><encoder><pattern>%msg%n</pattern></encoder></appender>
  <logger name="software.amazon.kinesis.multilang.DrainChildSTDERRTask" level="OFF"/>
  <root level="INFO"><appender-ref ref="OUT"/></root>
</configuration>
"""
GRACE = 3
MARGIN = 25
"""What a stop may take beyond its grace period, on a busy machine; without our doing it would take for ever."""
SETTINGS = {
    "shutdownGraceMillis": f"{GRACE * 1000}",
    "workerId": "w",
    "failoverTimeMillis": "3000",
    "leaseAssignmentIntervalMillis": "1000",
    "shardSyncIntervalMillis": "500",
    "idleTimeBetweenReadsInMillis": "200",
    "metricsLevel": "NONE",
}
KEYS = {"aws_access_key_id": "local", "aws_secret_access_key": "local"}
IN_FOLDER = ("/bin/sh", "-c", 'cd "$0" && exec "$@"')


@pytest.fixture(scope="module")
def aws() -> Iterator[LocalAws]:
    """With a stream `words` of two shards."""
    with local_aws() as aws:
        kinesis(aws).create_stream(StreamName="words", ShardCount=2)
        yield aws


def kinesis(aws: LocalAws) -> Any:
    return boto3.client("kinesis", endpoint_url=aws.url, region_name="us-east-1", **KEYS)


def put(aws: LocalAws, *words: str) -> None:
    """Each word into the first shard."""
    for word in words:
        kinesis(aws).put_record(StreamName="words", Data=word.encode(), PartitionKey="k", ExplicitHashKey="0")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The application's folder."""
    folder = tmp_path_factory.mktemp("app")
    (folder / "app.py").write_text(APP, encoding="utf-8")
    return folder


def command(folder: Path, *flags: str) -> list[str | Path]:
    helper = [sys.executable, "-c", "from kclpy_helper.cli import main; main()"]
    application = ["run", "app:Obedient", "--stream", "words", "--application", "app"]
    settings = [f"--set={key}={value}" for key, value in SETTINGS.items()]
    return [*IN_FOLDER, folder, *helper, *application, *settings, *flags]


@pytest.fixture(scope="module")
def run(watch: Watch, aws: LocalAws, folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Any]:
    """Starts the application, and waits until both of its shards are processed."""
    runtime = tmp_path_factory.mktemp("runtime")
    runtime.chmod(0o700)

    def run(*flags: str) -> Any:
        run = watch(*command(folder, *flags), env={**aws.environment, "XDG_RUNTIME_DIR": str(runtime)})
        run.wait_for(*(f"starting {shard}" for shard in SHARDS))
        return run

    return run


def processed(folder: Path, word: str) -> int:
    """How often a word was."""
    path = folder / "processed"
    return path.read_text(encoding="utf-8").split().count(word) if path.exists() else 0


def pids(text: str) -> list[int]:
    return [int(pid) for pid in re.findall(r"MultiLangDaemon started with .*, process (\d+)", text)]


def test_a_child_that_hangs_does_not_outlive_a_stop(run: Callable[..., Any], aws: LocalAws, folder: Path) -> None:
    """It is named, with what it was doing, and the stop takes no longer than it may."""
    hung = run()
    put(aws, "hang")
    hung.wait_until((folder / f"hang-{SHARDS[0]}").exists)
    start = time.monotonic()
    hung.interrupt(signal.SIGTERM)
    code, _ = hung.wait(90)
    assert time.monotonic() - start < GRACE + MARGIN
    assert code == 143, hung.stderr
    assert (
        f"the record processors were not done in shutdownGraceMillis: {SHARDS[0]} (in processRecords for"
        in (hung.stderr.splitlines()[-1])
    )
    assert SHARDS[1] not in hung.stderr.splitlines()[-1]
    assert hung.processes() == []


def test_a_process_that_holds_the_pipe_of_a_dead_child_holds_nothing_up(
    run: Callable[..., Any], aws: LocalAws, folder: Path
) -> None:
    """The daemon waits for it for ever; it is killed in time, with the reason, and the batch is processed after all.

    With a log configuration of the user's, too, in which a child's line cannot be told from the daemon's: what the child
    says is not why the daemon ended, or it would not be started again.
    """
    (folder / "logback.xml").write_text(LOGBACK, encoding="utf-8")
    held = run("-l", "logback.xml")
    put(aws, "hold")
    held.wait_until((folder / f"hold-{SHARDS[0]}").exists)
    start = time.monotonic()
    held.wait_for("the MultiLangDaemon was killed after")
    assert time.monotonic() - start < GRACE + MARGIN
    assert f"the record processor's process of {SHARDS[0]} ended" in held.stderr
    held.wait_until(lambda: processed(folder, "hold") == 1)
    assert len(held.processes()) == 1 + 1 + len(SHARDS)  # the run, its second daemon, and the shards'
    held.interrupt(signal.SIGTERM)
    code, _ = held.wait(90)
    assert code == 0, held.stderr
    assert held.processes() == []


def test_the_daemon_goes_with_a_run_that_is_killed_and_keeps_its_name_until_then(
    watch: Watch, run: Callable[..., Any], aws: LocalAws, folder: Path
) -> None:
    """A second run of the same worker is refused while the first lives, and ends what it leaves behind."""
    first = run()
    (daemon,) = pids(first.stderr)
    refused = run_refused(watch, aws, folder, first)
    assert f"the worker w of the application app runs on this host already, as process {first.pid}" in refused
    os.kill(first.pid, signal.SIGKILL)
    second = run()
    assert f"ending the daemon that an earlier kclpy-helper left behind, process {daemon}, within 18 s" in second.stderr
    assert not Path("/proc", str(daemon)).exists()
    assert first.processes() == []
    second.interrupt(signal.SIGINT)
    code, _ = second.wait(90)
    assert code == 0, second.stderr


def run_refused(watch: Watch, aws: LocalAws, folder: Path, first: Any) -> str:
    """What a run says that is not to start."""
    refused = watch(*command(folder), env={**aws.environment, "XDG_RUNTIME_DIR": first.environment["XDG_RUNTIME_DIR"]})
    code, _ = refused.wait(60)
    assert code == 1
    said: str = refused.stderr
    return said


def test_a_log_that_nobody_reads_holds_nothing_up(aws: LocalAws, folder: Path) -> None:
    """Neither the shards nor a stop; what was not written is counted once somebody reads again."""
    with subprocess.Popen(
        command(folder), env={**os.environ, **aws.environment}, stderr=subprocess.PIPE, start_new_session=True
    ) as process:
        assert process.stderr
        for line in process.stderr:
            if b"starting " + SHARDS[0].encode() in line:
                break
        put(aws, *["much"] * 30, "after")
        deadline = time.monotonic() + 60
        while not processed(folder, "after"):
            assert time.monotonic() < deadline, "nothing is processed"
            time.sleep(0.1)
        process.terminate()
        start = time.monotonic()
        assert process.wait(60) == 0
        assert time.monotonic() - start < GRACE + MARGIN
