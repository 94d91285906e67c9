"""One run of the demo, from an empty local AWS to a table of words.

Every step is the real thing: the word putter's own code, the MultiLangDaemon, and the sample record processor.
"""

from __future__ import annotations

import itertools
import os
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import javaproperties
from kclpy_helper import properties
from kclpy_helper.classpath import bundled_jars, bundled_lock, class_path
from kclpy_helper.command import daemon_command
from kclpy_helper.daemon import Daemon
from kclpy_helper.java import find_java
from rich.console import Console
from rich.table import Table
from rich.text import Text

from kclpy_samples.progress import Progress
from kclpy_samples.wordcount import ShardCounts
from kclpy_samples.wordputter import Put, ensure_stream, put_words

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from types_boto3_dynamodb import DynamoDBClient

COUNT_SECONDS = 180.0
"""How long counting may take. A new lease table alone costs a random wait of up to 30 s, fixed in the KCL."""
STOP_SECONDS = 30.0
LOCAL_PROPERTIES = {
    1: {
        "AWSCredentialsProvider": "DefaultAWSCredentialsProviderChain",
        "kinesisEndpoint": "{url}",  # the AWS SDK for Java 1 reads no AWS_ENDPOINT_URL
        "dynamoDBEndpoint": "{url}",
    },
    2: {},
    3: {"leaseAssignmentIntervalMillis": "1000"},
}
"""What each major version of the KCL needs here beyond what they all do; ``{url}`` is the local AWS's."""


class DemoError(Exception):
    """The demo did not show what it should."""


@dataclass(frozen=True)
class Demonstration:
    """What to show on the AWS of the environment, where the daemon's lines go, and how to wait.

    ``wait`` waits some seconds, and raises where the demo is to end early.
    """

    words: Sequence[str]
    records: int
    shards: int
    on_line: Callable[[str], None]
    wait: Callable[[float], None]

    def run(self) -> None:
        """Show it. Raises :class:`DemoError` and the errors of what it uses."""
        with (
            tempfile.TemporaryDirectory(prefix="kclpy-demo-") as name,
            Progress() as progress,
        ):
            progress.step(f"local Kinesis, DynamoDB and CloudWatch at {os.environ['AWS_ENDPOINT_URL']}")
            if warning := bundled_lock().support_warning:
                progress.step(f"warning: {warning}.")
            app = write_properties(Path(name))
            put = self.put(app.values["streamName"], progress)
            with daemon_of(app, self.on_line) as daemon:
                progress.step(
                    f"MultiLangDaemon {bundled_lock().kcl_version} started with {daemon.command[0]}, process {daemon.pid}"
                )
                self.wait_for_counts(put.total, app, daemon, progress)
                progress.state("stopping the MultiLangDaemon")
                code = daemon.stop(STOP_SECONDS)
            self.wait(0)
            counts = read_counts(app.path.parent)
            asked = sum(shard.shutdown_requested for shard in counts.values())
            progress.step(
                f"MultiLangDaemon ended with {code}, shutdownRequested seen by {asked} of {len(counts)} shards"
            )
        print_table(put, counts)
        compare(put, counts)

    def put(self, stream: str, progress: Progress) -> Put:
        """Create the stream, and put the words into it again and again until there are enough records."""
        kinesis = boto3.client("kinesis")
        progress.state(f"stream {stream}: creating")
        ensure_stream(kinesis, stream, self.shards)
        put = Put()
        for portion in put_words(kinesis, stream, itertools.islice(itertools.cycle(self.words), self.records)):
            put += portion
            self.wait(0)
            progress.state(f"stream {stream}: {put.total} of {self.records} records put")
        progress.step(f"stream {stream}: {self.shards} shards, {put.total} records put")
        return put

    def wait_for_counts(self, records: int, app: properties.Properties, daemon: Daemon, progress: Progress) -> None:
        """Wait until each shard has a process and all records are counted."""
        dynamodb = boto3.client("dynamodb")
        deadline = time.monotonic() + COUNT_SECONDS
        while True:
            counts = read_counts(app.path.parent)
            counted = counted_words(counts).total()
            leases, taken = read_leases(dynamodb, app.values["applicationName"])
            state = (
                f"leases {taken} of {leases} taken, shards {len(counts)} of {self.shards} started, "
                f"records {counted} of {records} counted"
            )
            if counted >= records and len(counts) >= self.shards:
                progress.step(state)
                return
            progress.state(state if leases else f"{state} (a new lease table: the KCL waits for up to 30 s)")
            code = daemon.poll()
            if code is not None:
                raise DemoError(f"the MultiLangDaemon ended by itself with {code}: {state}")
            if time.monotonic() > deadline:
                raise DemoError(f"not all was counted in {COUNT_SECONDS:.0f} s: {state}")
            self.wait(0.2)


def write_properties(folder: Path) -> properties.Properties:
    """The sample's properties, with what a local AWS needs and what makes the start fast."""
    # The daemon splits executableName at spaces, so that no path is safe in it: the interpreter comes from PATH, and
    # the folder of the counts is relative to the daemon's.
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    values = {
        **properties.read(properties.sample()).values,
        "executableName": f"{Path(sys.executable).name} -m kclpy_samples.wordcount --counts .",
        "idleTimeBetweenReadsInMillis": "200",
        "metricsLevel": "NONE",
        "failoverTimeMillis": "3000",
        "shardSyncIntervalMillis": "500",
    }
    line = LOCAL_PROPERTIES[int(bundled_lock().kcl_version.partition(".")[0])]
    values |= {key: value.format(url=os.environ["AWS_ENDPOINT_URL"]) for key, value in line.items()}
    path = folder / "demo.properties"
    with path.open("w", encoding="latin-1") as file:
        javaproperties.dump(values, file)
    return properties.read(path)


def daemon_of(app: properties.Properties, on_line: Callable[[str], None]) -> Daemon:
    """The daemon for ``app``, not started yet."""
    jars, options = bundled_jars()
    command = daemon_command(
        find_java(),
        class_path([], jars, None),
        options,
        app.path,
        jvm_options=["-XX:-UsePerfData"],  # or a JVM that is killed leaves a file behind
    )
    return Daemon(command, on_line, cwd=app.path.parent, stopping=app.path.with_name("stopping"))


def read_counts(folder: Path) -> dict[str, ShardCounts]:
    """What the record processors have counted, by shard."""
    return {path.stem: ShardCounts.load(path) for path in sorted(folder.glob("shardId-*.json"))}


def read_leases(dynamodb: DynamoDBClient, table: str) -> tuple[int, int]:
    """How many leases ``table`` has, and how many of them have an owner."""
    try:
        items = dynamodb.scan(TableName=table)["Items"]
    except dynamodb.exceptions.ResourceNotFoundException:
        return 0, 0
    return len(items), sum("leaseOwner" in item for item in items)


def print_table(put: Put, counts: dict[str, ShardCounts]) -> None:
    """How often each word was put and counted, and how many records of each shard."""
    table = Table("", "Put", "Counted")
    for column in table.columns[1:]:
        column.justify = "right"
    words, shards = counted_words(counts), counted_shards(counts)
    for word in sorted(put.words | words):
        table.add_row(Text(word), str(put.words[word]), str(words[word]))
    table.add_section()
    for shard_id in sorted(put.shards | shards):
        table.add_row(shard_id, str(put.shards[shard_id]), str(shards[shard_id]))
    table.add_section()
    table.add_row("in all", str(put.total), str(words.total()))
    Console().print(table)


def counted_words(counts: dict[str, ShardCounts]) -> Counter[str]:
    """The words of all shards together."""
    return sum((shard.words for shard in counts.values()), Counter[str]())


def counted_shards(counts: dict[str, ShardCounts]) -> Counter[str]:
    """The number of records of each shard."""
    return Counter({shard_id: shard.words.total() for shard_id, shard in counts.items()})


def compare(put: Put, counts: dict[str, ShardCounts]) -> None:
    """Raises :class:`DemoError` unless all that was put was counted once, in the shard that it was put into."""
    words, shards = counted_words(counts), counted_shards(counts)
    if words != put.words:
        raise DemoError(f"counted {dict(words)}, but put {dict(put.words)}")
    if shards != put.shards:  # a Counter takes a missing shard for one with 0
        raise DemoError(f"counted {dict(shards)} by shard, but put {dict(put.shards)}")
    if sys.platform == "win32":
        return  # a process cannot be asked to end there, so that no record processor was told
    deaf = [shard_id for shard_id, shard in counts.items() if not shard.shutdown_requested]
    if deaf:
        raise DemoError(f"no shutdownRequested was seen by {', '.join(deaf)}")
