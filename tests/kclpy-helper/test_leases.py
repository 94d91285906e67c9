"""`kclpy-helper leases`, on a local AWS whose tables hold what each KCL writes."""

from __future__ import annotations

import io
import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
import sysconfig
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, HTTPServer
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from kclpy_helper.errors import LeaseChangedError, PathError
from kclpy_helper.leases.application import Application
from kclpy_helper.leases.backup import back_up, read_back_up
from kclpy_helper.leases.lease import (
    LAST_SUB_SEQUENCE_NUMBER,
    Coordination,
    Lease,
    Position,
    Renewal,
    Renewals,
    Snapshot,
    State,
    Worker,
)
from kclpy_helper.leases.report import Report, seconds
from kclpy_helper.leases.reset import Change, changes_back, changes_to, write
from kclpy_helper.printable import printable, printable_lines
from kclpy_helper.properties import Properties
from kclpy_samples.local import LocalAws, local_aws
from rich.console import Console

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_kinesis import KinesisClient

    Run = Callable[..., subprocess.CompletedProcess[str]]

HELPER = Path(sysconfig.get_path("scripts"), "kclpy-helper")
S0, S1, S2, S3 = (f"shardId-00000000000{number}" for number in range(4))
FRESH = {"checkpoint": {"S": "TRIM_HORIZON"}, "checkpointSubSequenceNumber": {"N": "0"}}


@pytest.fixture(scope="module")
def running_aws() -> Iterator[LocalAws]:
    """One local AWS for all tests of this module."""
    with local_aws() as aws:
        yield aws


@pytest.fixture
def aws(running_aws: LocalAws, monkeypatch: pytest.MonkeyPatch) -> LocalAws:
    """The local AWS, with an environment that sends every client there."""
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    for name, value in running_aws.environment.items():
        monkeypatch.setenv(name, value)
    return running_aws


@pytest.fixture
def dynamodb(aws: LocalAws) -> DynamoDBClient:
    return boto3.client("dynamodb", endpoint_url=aws.url)


@pytest.fixture
def kinesis(aws: LocalAws) -> KinesisClient:
    return boto3.client("kinesis", endpoint_url=aws.url)


_names = count()


@pytest.fixture
def name() -> str:
    """An application, and a stream, that no other test uses."""
    return f"application-{next(_names)}"


def lease(key: str, **attributes: dict[str, Any]) -> dict[str, Any]:
    """An item as every KCL writes one for a lease that nobody has taken yet."""
    return {
        "leaseKey": {"S": key},
        "leaseCounter": {"N": "0"},
        "ownerSwitchesSinceCheckpoint": {"N": "0"},
        **FRESH,
        **attributes,
    }


def create(dynamodb: DynamoDBClient, table: str, *items: dict[str, Any], key: str = "leaseKey") -> None:
    """A table with these items."""
    dynamodb.create_table(
        TableName=table,
        KeySchema=[{"AttributeName": key, "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    for item in items:
        dynamodb.put_item(TableName=table, Item=item)


def items_of(dynamodb: DynamoDBClient, table: str) -> dict[str, Any]:
    return {item["leaseKey"]["S"]: item for item in dynamodb.scan(TableName=table)["Items"]}


def application(name: str, **values: str) -> Application:
    return Application(Properties(Path("test"), {"applicationName": name, **values}))


def document(name: str, **values: str) -> dict[str, Any]:
    """What a machine would be given."""
    app = application(name, **values)
    found: dict[str, Any] = json.loads(json.dumps(Report(app, app.read()).document()))
    return found


@contextmanager
def worker(dynamodb: DynamoDBClient, table: str, key: str) -> Iterator[None]:
    """Renews a lease as a worker does, 20 times a second."""
    done = threading.Event()

    def renew() -> None:
        while not done.wait(0.05):
            dynamodb.update_item(
                TableName=table,
                Key={"leaseKey": {"S": key}},
                UpdateExpression="ADD leaseCounter :one",
                ExpressionAttributeValues={":one": {"N": "1"}},
            )

    thread = threading.Thread(target=renew)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def test_leases_of_kcl_1(dynamodb: DynamoDBClient, name: str) -> None:
    """KinesisClientLeaseSerializer: parents and children are sets, the sub-sequence number is a number, no other table."""
    create(
        dynamodb,
        name,
        lease(
            S2,
            leaseOwner={"S": "host:1"},
            leaseCounter={"N": "42"},
            checkpoint={"S": "4957"},
            checkpointSubSequenceNumber={"N": "3"},
            ownerSwitchesSinceCheckpoint={"N": "1"},
            parentShardId={"SS": [S1, S0]},
            childShardIds={"SS": [S3]},
        ),
    )
    found = document(name)
    assert found["leases"] == [
        {
            "lease_key": S2,
            "state": "held",
            "owner": "host:1",
            "counter": 42,
            "checkpoint": {"sequence_number": "4957", "sub_sequence_number": 3},
            "pending_checkpoint": None,
            "checkpoint_owner": None,
            "owner_switches": 1,
            "parents": [S0, S1],
            "children": [S3],
            "throughput_kbps": None,
            "problem": None,
            "renewal": None,
            "millis_behind_latest": None,
        }
    ]
    assert found["workers"] == [{"id": "host:1", "leases": [S2], "metrics": [], "updated": None, "problem": None}]
    assert (found["leader"], found["client_version"], found["table_migration"]) == (None, None, None)
    assert (found["table"], found["region"], found["stream"]) == (name, "us-east-1", None)
    assert datetime.fromisoformat(found["time"]).tzinfo == timezone.utc


def test_leases_of_kcl_2(dynamodb: DynamoDBClient, name: str) -> None:
    """DynamoDBLeaseSerializer: a prepared checkpoint, with its state in bytes, and a hash key range."""
    create(
        dynamodb,
        name,
        lease(
            S0,
            pendingCheckpoint={"S": "12"},
            pendingCheckpointSubSequenceNumber={"N": "1"},
            pendingCheckpointState={"B": b"\x00\xff"},
            startingHashKey={"S": "0"},
            endingHashKey={"S": "340282366920938463463374607431768211455"},
        ),
    )
    (found,) = document(name)["leases"]
    assert found["pending_checkpoint"] == {"sequence_number": "12", "sub_sequence_number": 1}
    assert (found["state"], found["owner"]) == ("no_owner", None)


def test_a_null_is_as_good_as_no_attribute() -> None:
    """The AWS SDK for Java can write one for what a worker does not know."""
    assert Lease.of(lease(S0, leaseOwner={"NULL": True})) == replace(
        Lease.of(lease(S0)), item=lease(S0, leaseOwner={"NULL": True})
    )


TEXTS = st.text(max_size=5) | st.sampled_from(
    ["[/a]", "[fe80::1]:8080", "\x1b[2J", "a\nb", "\u2028", "SHARD_END", "LEASE"]
)
NUMBERS = st.integers(-(2**70), 2**70).map(str) | st.sampled_from(["1.5", "-1", "1" + "0" * 125])
ATTRIBUTES = st.recursive(
    st.one_of(
        st.builds(lambda text: {"S": text}, TEXTS),
        st.builds(lambda number: {"N": number}, NUMBERS),
        st.builds(lambda data: {"B": data}, st.binary(max_size=3)),
        st.builds(lambda texts: {"SS": texts}, st.lists(TEXTS.filter(bool), min_size=1, max_size=2, unique=True)),
        st.just({"NS": ["1", "2"]}),
        st.just({"BS": [b"\x00", b"\xff"]}),
        st.builds(lambda truth: {"BOOL": truth}, st.booleans()),
        st.just({"NULL": True}),
    ),
    lambda inner: (
        st.builds(lambda elements: {"L": elements}, st.lists(inner, max_size=2))
        | st.builds(
            lambda elements: {"M": elements},
            st.dictionaries(st.sampled_from(["B", "S", "C", "[/a]"]), inner, max_size=2),
        )
    ),
    max_leaves=4,
)
NAMES = (
    *("leaseCounter", "leaseOwner", "checkpoint", "checkpointSubSequenceNumber", "ownerSwitchesSinceCheckpoint", "B"),
    *("pendingCheckpoint", "pendingCheckpointSubSequenceNumber", "pendingCheckpointState", "checkpointOwner", "lut"),
    *("parentShardId", "childShardIds", "throughputKBps", "entityType", "sts", "opr"),
)
RELAXED = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def app(aws: LocalAws) -> Application:
    """An application of its own; a client takes longer to make than to use."""
    return application(f"law-{next(_names)}", dynamoDBEndpoint=aws.url)


@given(odd=st.dictionaries(st.sampled_from(NAMES), ATTRIBUTES, max_size=6), wanted=st.sampled_from([S0, "[/a]\x1b[2J"]))
@RELAXED
def test_an_item_of_any_shape_is_one_row(odd: dict[str, Any], wanted: str, app: Application) -> None:
    """Of leases as of workers; it is shown, as it is, without what steers a terminal, and says what is wrong with it."""
    item = {**lease(wanted), **odd}
    snapshot = Snapshot(
        datetime.now(timezone.utc),
        (Lease.of(item),),
        (Worker.of(wanted, item),),
        Coordination.of({"Leader": {"ownerName": item["checkpoint"]}}),
        None,
    )
    report = Report(app, snapshot)
    screen = io.StringIO()
    console = Console(file=screen, width=10_000)
    console.print(report.tables(console))
    (one,) = json.loads(json.dumps(report.document()), parse_constant=pytest.fail)["leases"]
    assert (one["lease_key"], one["state"] == "malformed") == (wanted, bool(one["problem"]))
    assert printable(wanted) in screen.getvalue()
    assert printable_lines(screen.getvalue()) == screen.getvalue()
    if one["problem"]:
        assert f"malformed: {printable(one['problem'])}" in screen.getvalue()


@pytest.mark.parametrize("kind", ["S", "N", "B", "SS", "NS", "BS", "M", "L", "BOOL"])
@pytest.mark.parametrize(
    ("name", "right"),
    [
        *((name, "S") for name in ("leaseOwner", "checkpoint", "pendingCheckpoint", "checkpointOwner", "entityType")),
        *((name, "N") for name in ("leaseCounter", "checkpointSubSequenceNumber", "ownerSwitchesSinceCheckpoint")),
        *((name, "N") for name in ("pendingCheckpointSubSequenceNumber", "throughputKBps")),
        *((name, "SS") for name in ("parentShardId", "childShardIds")),
    ],
)
def test_an_attribute_of_another_type_is_said(name: str, right: str, kind: str) -> None:
    """By the names of DynamoDB's types."""
    values: dict[str, Any] = {"S": "LEASE", "N": "1", "B": b"1", "M": {}, "L": [], "BOOL": True}
    found = Lease.of(lease(S0, **{"x": {"S": ""}, name: {kind: values.get(kind, ["1"])}}))
    assert found.key == S0
    assert (found.problem or "").startswith("" if kind == right else f"{name} is ")
    assert (found.problem is None) == (kind == right)


@pytest.mark.parametrize(
    ("attribute", "problem"),
    [
        ({"leaseCounter": {"N": "9" * 38}}, f"leaseCounter is {'9' * 38}, not a whole number of 64 bits"),
        ({"leaseCounter": {"N": "1.5"}}, "leaseCounter is 1.5, not a whole number of 64 bits"),
        ({"checkpointSubSequenceNumber": {"N": str(2**63)}}, f"checkpointSubSequenceNumber is {2**63}, not a whole"),
        ({"entityType": {"S": "LEADER"}}, "entityType is LEADER, not LEASE"),
    ],
)
def test_a_number_that_java_cannot_hold_is_said(attribute: dict[str, Any], problem: str) -> None:
    """No KCL writes one."""
    assert (Lease.of(lease(S0, **attribute)).problem or "").startswith(problem)


def test_what_a_worker_never_said_is_said(dynamodb: DynamoDBClient, name: str) -> None:
    """A time beyond the calendar, resources that are not lists of numbers, a leader that is not text."""
    create(dynamodb, name, lease(S0))
    create(
        dynamodb,
        f"{name}-WorkerMetricStats",
        {"wid": {"S": "w1"}, "lut": {"N": str(10**15)}, "sts": {"M": {"C": {"S": "[/a]"}}}},
        key="wid",
    )
    create(dynamodb, f"{name}-CoordinatorState", {"key": {"S": "Leader"}, "ownerName": {"N": "1"}}, key="key")
    found = document(name)
    assert found["workers"] == [
        {
            "id": "w1",
            "leases": [],
            "metrics": [],
            "updated": None,
            "problem": "sts.C is not a list of numbers, lut is 1000000000000000, not seconds since 1970",
        }
    ]
    assert (found["leader"], found["problem"]) == (None, "ownerName is a number, not a string")


@pytest.mark.parametrize("suffix", ["", "-CoordinatorState", "-WorkerMetricStats"])
def test_another_table_is_an_error(dynamodb: DynamoDBClient, run: Run, name: str, suffix: str) -> None:
    """Whatever is in it; also a table of leases of a library that has another key beside it."""
    if suffix:
        create(dynamodb, name)
    create(dynamodb, f"{name}{suffix}", {"id": {"S": "1"}}, key="id")
    done = run("leases", "--application", name)
    assert (done.returncode, done.stdout) == (1, "")
    assert f"{name}{suffix} is not a table of a KCL application: its key is not the string " in done.stderr


MIGRATION = {"cv": {"S": "CLIENT_VERSION_3X"}, "mb": {"S": "w1"}, "mts": {"N": "1795574562804"}}
TABLE_MIGRATION = {"tm": {"S": "TABLE_MIGRATION_STATUS_COMPLETE"}, "mb": {"S": "w1"}, "mts": {"N": "1795574562804"}}
LEADER = {
    "ownerName": {"S": "w1"},
    "leaseDuration": {"S": "120000"},
    "recordVersionNumber": {"S": "184d4f44-ab63-49cc-8c86-ad8f6798327b"},
}
METRICS = {
    "lut": {"N": "1795574594"},
    "sts": {"M": {"C": {"L": [{"N": "10.5"}, {"N": "20"}]}, "NI": {"L": [{"N": "1"}]}}},
    "opr": {"M": {"C": {"L": [{"N": "80"}]}}},
}
IN_THREE_TABLES: dict[str, list[dict[str, Any]]] = {
    "leaseKey": [],
    "key": [
        {"key": {"S": "Leader"}, **LEADER},
        {"key": {"S": "Migration3.0"}, **MIGRATION},
        {"key": {"S": "TableMigration3.5"}, **TABLE_MIGRATION},
    ],
    "wid": [{"wid": {"S": "w1"}, **METRICS}],
}
IN_ONE_TABLE: dict[str, list[dict[str, Any]]] = {
    "leaseKey": [
        {"leaseKey": {"S": "Leader"}, "entityType": {"S": "LEADER"}, **LEADER},
        {"leaseKey": {"S": "Migration3.0"}, "entityType": {"S": "CLIENT_VERSION_MIGRATION"}, **MIGRATION},
        {"leaseKey": {"S": "TableMigration3.5"}, "entityType": {"S": "TABLE_MIGRATION"}, **TABLE_MIGRATION},
        {"leaseKey": {"S": "w1"}, "entityType": {"S": "WORKER_METRIC_STATS"}, **METRICS},
    ]
}
IN_BOTH: dict[str, list[dict[str, Any]]] = {
    **IN_ONE_TABLE,
    "key": [{"key": {"S": "Leader"}, **LEADER, "ownerName": {"S": "w0"}}],
    "wid": [{"wid": {"S": "w1"}, "lut": {"N": "1"}, "sts": {"M": {}}, "opr": {"M": {}}}],
}


@pytest.mark.parametrize(
    "tables", [IN_THREE_TABLES, IN_ONE_TABLE, IN_BOTH], ids=["three tables", "one table, from 3.5 on", "migrating"]
)
def test_leases_workers_and_leader_of_kcl_3(
    dynamodb: DynamoDBClient, name: str, tables: dict[str, list[dict[str, Any]]]
) -> None:
    """A lease that is handed over, its throughput, each worker's use of its resources, the leader and the migrations."""
    handed_over = lease(
        S0,
        entityType={"S": "LEASE"},
        leaseOwner={"S": "w2"},
        checkpointOwner={"S": "w1"},
        throughputKBps={"N": "12.25"},
    )
    create(dynamodb, name, handed_over, *tables["leaseKey"])
    for key, suffix in (("key", "CoordinatorState"), ("wid", "WorkerMetricStats")):
        if key in tables:
            create(dynamodb, f"{name}-{suffix}", *tables[key], key=key)
    found = document(name)
    (one,) = found["leases"]
    assert (one["state"], one["owner"], one["checkpoint_owner"]) == ("handing_over", "w2", "w1")
    assert one["throughput_kbps"] == 12.25
    assert found["workers"] == [
        {
            "id": "w1",
            "leases": [],
            "metrics": [
                {"name": "CPU", "values": [10.5, 20.0], "limit": 80},
                {"name": "network in", "values": [1.0], "limit": None},
            ],
            "updated": "2026-11-25T02:43:14+00:00",
            "problem": None,
        },
        {"id": "w2", "leases": [S0], "metrics": [], "updated": None, "problem": None},
    ]
    assert found["leader"] == "w1"
    assert found["client_version"] == "CLIENT_VERSION_3X"
    assert found["table_migration"] == "TABLE_MIGRATION_STATUS_COMPLETE"


def test_the_tables_that_the_properties_name_are_read(dynamodb: DynamoDBClient, name: str) -> None:
    """`tableName` and `coordinatorStateTableName` take the place of what the application's name gives."""
    create(dynamodb, f"{name}-l", lease(S0))
    create(dynamodb, f"{name}-c", {"key": {"S": "Leader"}, **LEADER}, key="key")
    found = document(name, tableName=f"{name}-l", coordinatorStateTableName=f"{name}-c")
    assert (len(found["leases"]), found["leader"]) == (1, "w1")


def test_a_large_table_is_read_to_its_end(dynamodb: DynamoDBClient, name: str) -> None:
    """DynamoDB gives 1 MB at a time."""
    create(dynamodb, name, *(lease(f"shardId-{n:012}", leaseOwner={"S": "w" * 300_000}) for n in range(5)))
    assert dynamodb.scan(TableName=name).get("LastEvaluatedKey")
    assert len(document(name)["leases"]) == 5


def test_a_long_list_of_shards_is_read_to_its_end(dynamodb: DynamoDBClient, name: str) -> None:
    """Kinesis gives 1,000 shards at a time, and refuses the stream's name beside its token."""
    create(dynamodb, name)

    class TwoPages(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            shard = {"HashKeyRange": {"StartingHashKey": "0", "EndingHashKey": "1"}}
            first = {"ShardId": S0, **shard, "SequenceNumberRange": {"StartingSequenceNumber": "1"}}
            pages = {
                (("StreamName", name),): {"Shards": [first], "NextToken": "two"},
                (("NextToken", "two"),): {"Shards": [{**first, "ShardId": S1, "ParentShardId": S0}]},
            }
            body = json.dumps(pages[tuple(request.items())]).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), TwoPages) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        found = document(name, streamName=name, kinesisEndpoint=f"http://127.0.0.1:{server.server_port}")
        server.shutdown()
    assert found["shards_without_lease"] == [
        {"id": S0, "closed": False, "parents": []},
        {"id": S1, "closed": False, "parents": [S0]},
    ]


def test_each_state(dynamodb: DynamoDBClient, kinesis: KinesisClient, name: str) -> None:
    """Of a stream whose second shard was split into 2 and 3; the lease of a shard 9 is left over."""
    kinesis.create_stream(StreamName=name, ShardCount=2)
    kinesis.split_shard(StreamName=name, ShardToSplit=S1, NewStartingHashKey=str(3 * 2**126))
    owned = {"leaseOwner": {"S": "w1"}}
    create(
        dynamodb,
        name,
        lease(S0, checkpoint={"S": "SHARD_END"}),
        lease(S1, **owned),
        lease(S2, parentShardId={"SS": [S1]}, **owned),
        lease("shardId-000000000009", **owned),
    )
    app = application(name, streamName=name)
    snapshot = app.read()
    assert [state.value for state in snapshot.states({}, 10).values()] == [
        "finished",
        "held",
        "waiting for parent",
        "shard gone",
    ]
    assert [(shard.id, shard.closed, shard.parents) for shard in snapshot.shards_without_lease] == [(S3, False, (S1,))]
    quiet = Renewal(within_seconds=None, still_seconds=10)
    assert snapshot.states({S1: quiet}, 10)[S1] is State.EXPIRED
    assert snapshot.states({S1: quiet}, 11)[S1] is State.HELD


def test_a_renewal_is_a_counter_that_moves() -> None:
    """Nothing is known after one look; then it moved since the last one, or it stands since the first look at it."""
    renewals = Renewals()
    moving, standing = lease(S0), lease(S1)

    def look(counter: int, now: float) -> dict[str, Renewal]:
        return renewals.look([Lease.of({**moving, "leaseCounter": {"N": str(counter)}}), Lease.of(standing)], now)

    assert look(5, 100) == {}
    assert look(6, 103) == {S0: Renewal(3, 0), S1: Renewal(None, 3)}
    assert look(6, 109) == {S0: Renewal(9, 6), S1: Renewal(None, 9)}
    assert look(7, 110) == {S0: Renewal(1, 0), S1: Renewal(None, 10)}


def test_the_lag_is_what_kinesis_says_at_the_checkpoint(kinesis: KinesisClient, name: str) -> None:
    """Of the record after it; where there is no such place, or no such shard, nothing."""
    kinesis.create_stream(StreamName=name, ShardCount=1)
    oldest = kinesis.put_record(StreamName=name, Data=b"old", PartitionKey="k")["SequenceNumber"]
    time.sleep(1.2)
    newest = kinesis.put_record(StreamName=name, Data=b"new", PartitionKey="k")["SequenceNumber"]
    app = application(name, streamName=name)

    def lag(checkpoint: str, key: str = S0) -> int | None:
        return app.millis_behind_latest([Lease.of(lease(key, checkpoint={"S": checkpoint}))]).get(key)

    assert 1000 <= (lag("TRIM_HORIZON") or 0) < 60_000
    assert (lag(oldest), lag(newest)) == (0, 0)
    assert lag("LATEST") is None
    assert lag("SHARD_END") is None
    assert lag("AT_TIMESTAMP") is None
    assert lag("TRIM_HORIZON", key="shardId-000000000009") is None


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0 s"), (0.25, "250 ms"), (1.4, "1 s"), (119, "119 s"), (120, "2 min"), (7200, "2 h"), (200_000, "2 d")],
)
def test_a_duration_is_shown_in_the_unit_that_fits(value: float, text: str) -> None:
    """Two of the next larger unit are needed for it."""
    assert seconds(value) == text


@pytest.fixture
def stopped(dynamodb: DynamoDBClient, name: str) -> str:
    """The table of an application that has ended: one lease is still marked as the worker's, with a prepared checkpoint."""
    create(
        dynamodb,
        name,
        lease(
            S0,
            leaseOwner={"S": "w1"},
            checkpointOwner={"S": "w0"},
            leaseCounter={"N": "7"},
            checkpoint={"S": "4957"},
            checkpointSubSequenceNumber={"N": "3"},
            ownerSwitchesSinceCheckpoint={"N": "2"},
            pendingCheckpoint={"S": "4960"},
            pendingCheckpointSubSequenceNumber={"N": "0"},
            pendingCheckpointState={"B": b"\x00\xff"},
            throughputKBps={"N": "1.5"},
        ),
        lease(S1, checkpoint={"S": "4957"}),
    )
    return name


def test_without_a_subcommand_the_leases_are_shown(run: Run, stopped: str, tmp_path: Path) -> None:
    """Of a properties file, also one that is named like a subcommand, or of a named application; plain, and not cut."""
    (tmp_path / "reset").write_text(f"applicationName = {stopped}\nregionName = us-east-1\n")
    shown = [
        run("leases", "./reset", env={"COLUMNS": "40"}),
        run("leases", "show", "reset"),
        run("leases", "--application", stopped, "--region", "us-east-1"),
    ]
    assert [done.returncode for done in shown] == [0, 0, 0], shown[0].stderr
    first, *others = [re.sub(r"\d\d:\d\d:\d\d", "", done.stdout) for done in shown]
    assert others == [first, first]
    assert re.search(rf"{S0} +w1 +4957/3 +1\.5 +handing over", first)
    assert "no worker has: shardId-000000000001" in first
    assert "\x1b" not in first


def test_a_machine_gets_a_document(run: Run, stopped: str) -> None:
    """With --json, and what was observed in it."""
    done = run("leases", "--application", stopped, "--json", "--observe", "0.2")
    found = json.loads(done.stdout)
    assert [one["lease_key"] for one in found["leases"]] == [S0, S1]
    assert found["leases"][0]["renewal"]["within_seconds"] is None
    assert found["leases"][0]["renewal"]["still_seconds"] >= 0.2


def test_reset_and_restore(run: Run, dynamodb: DynamoDBClient, stopped: str, tmp_path: Path) -> None:
    """Nothing without --yes. With it: the checkpoint, and no owner, no prepared one; restore brings back what there was."""
    before = items_of(dynamodb, stopped)
    arguments = ("leases", "reset", "--application", stopped, "--to", "TRIM_HORIZON", "--shard", S0, "--observe", "0.5")
    dry = run(*arguments)
    assert (dry.returncode, dry.stdout) == (0, f"{S0}: 4957/3 -> TRIM_HORIZON\n"), dry.stderr
    assert "nothing was changed; with --yes it will be." in dry.stderr
    assert items_of(dynamodb, stopped) == before
    assert list(tmp_path.iterdir()) == []

    done = run(*arguments, "--yes", "--backup", "kept.jsonl")
    assert (done.returncode, done.stdout) == (0, dry.stdout), done.stderr
    after = items_of(dynamodb, stopped)
    assert after.pop(S0) == lease(S0, leaseCounter={"N": "8"}, throughputKBps={"N": "1.5"})
    assert after == {S1: before[S1]}
    (line,) = (tmp_path / "kept.jsonl").read_text().splitlines()
    kept = json.loads(line)
    assert (kept["table"], kept["region"], kept["item"]["pendingCheckpointState"]) == (
        stopped,
        "us-east-1",
        {"B": "AP8="},
    )
    assert datetime.fromisoformat(kept["time"]).tzinfo == timezone.utc

    assert run("leases", "restore", "kept.jsonl").returncode == 0
    assert items_of(dynamodb, stopped)[S0] == lease(S0, leaseCounter={"N": "8"}, throughputKBps={"N": "1.5"})
    back = run("leases", "restore", "kept.jsonl", "--yes")
    assert back.returncode == 0, back.stderr
    expected = {**before[S0], "leaseCounter": {"N": "9"}}
    del expected["leaseOwner"], expected["checkpointOwner"]
    assert items_of(dynamodb, stopped)[S0] == expected
    assert len(list(tmp_path.glob(f"{stopped}-*Z.jsonl"))) == 1
    assert run("leases", "restore", "kept.jsonl", "--yes").stderr == "nothing to change.\n"


@given(
    odd=st.dictionaries(
        st.sampled_from(["leaseOwner", "checkpoint", "B", "pendingCheckpointState", "x"]), ATTRIBUTES, max_size=4
    ),
    left_out=st.sets(st.sampled_from(["checkpoint", "checkpointSubSequenceNumber", "ownerSwitchesSinceCheckpoint"])),
)
@example(odd={"B": {"M": {"B": {"S": "x"}, "S": {"BS": [b"\x00", b"\xff"]}}}}, left_out={"checkpoint"})
@example(odd={"B": {"B": b"\xff"}, "leaseOwner": {"NULL": True}, "checkpoint": {"S": ""}}, left_out=set())
@settings(RELAXED, max_examples=30)
def test_what_reset_changes_restore_brings_back(odd: dict[str, Any], left_out: set[str], app: Application) -> None:
    """Any lease: but for its owner, and its counter, which only grows."""
    with suppress(app.dynamodb.exceptions.ResourceInUseException):
        create(app.dynamodb, app.table)
    item = {key: value for key, value in {**lease(S0), **odd}.items() if key not in left_out}
    app.dynamodb.put_item(TableName=app.table, Item=item)
    (before,) = app.read().leases
    changes = [] if before.problem else list(changes_to(app, [before], "LATEST"))
    with TemporaryDirectory() as folder:
        kept = Path(folder, "kept.jsonl")
        back_up(kept, app, Properties(kept, {}), [change.before.item for change in changes if change.before])
        write(app, changes)
        if changes:
            assert items_of(app.dynamodb, app.table)[S0]["checkpoint"] == {"S": "LATEST"}
            items = read_back_up(kept).items
            assert items == (before.item,)
            write(app, changes_back(app.read(), items))
    ours = {"leaseOwner", "checkpointOwner", "leaseCounter"}
    after = items_of(app.dynamodb, app.table)[S0]
    assert {key: after[key] for key in after.keys() - ours} == {
        key: before.item[key] for key in before.item.keys() - ours
    }


def test_a_malformed_lease_is_left_as_it_is(run: Run, dynamodb: DynamoDBClient, name: str) -> None:
    """By `reset`, and by `restore` where it became so meanwhile; both name it, and the others are changed and counted."""
    create(dynamodb, name, lease(S0, leaseCounter={"S": "[/a]"}), lease(S1), lease(S2, checkpoint={"S": "LATEST"}))
    arguments = ("leases", "reset", "--application", name, "--to", "LATEST", "--yes", "--backup", "kept.jsonl")
    done = run(*arguments)
    assert (done.returncode, done.stdout) == (0, f"{S1}: TRIM_HORIZON -> LATEST\n"), done.stderr
    said = done.stderr.splitlines()
    assert said[0] == f"malformed, left as it is: {S0}: leaseCounter is a string, not a number"
    assert said[-1] == "1 of 3 leases were changed."
    dynamodb.put_item(TableName=name, Item=lease(S1, checkpoint={"N": "1"}))
    done = run("leases", "restore", "kept.jsonl", "--yes")
    assert f"malformed, left as it is: {S1}: checkpoint is a number, not a string" in done.stderr
    assert done.stderr.endswith("nothing to change.\n")
    dynamodb.delete_item(TableName=name, Key={"leaseKey": {"S": S1}})
    done = run("leases", "restore", "kept.jsonl", "--yes")
    assert (done.returncode, done.stderr.splitlines()[-1]) == (0, "1 of 3 leases were changed.")


def test_values_of_the_table_do_not_steer_the_terminal(run: Run, dynamodb: DynamoDBClient, name: str) -> None:
    """Neither by rich's markup nor by control characters; in JSON they are whole."""
    key, owner = "[/a]\x1b[2J", "[fe80::1]:8080\r\n\x9b31m"
    create(dynamodb, name, lease(key, leaseOwner={"S": owner}, checkpoint={"S": "\x1b]0;x\x07"}))
    shown = run("leases", "--application", name)
    assert re.search(r"\[/a\]\\x1b\[2J +\[fe80::1\]:8080\\x0d\\x0a\\x9b31m +\\x1b\]0;x\\x07 +held", shown.stdout), (
        shown.stdout
    )
    changed = run("leases", "reset", "--application", name, "--to", "LATEST", "--observe", "0.1")
    assert changed.stdout == "[/a]\\x1b[2J: \\x1b]0;x\\x07 -> LATEST\n"
    for done in (shown, changed):
        assert printable_lines(done.stdout + done.stderr) == done.stdout + done.stderr
    document = run("leases", "--application", name, "--json").stdout
    assert "\x1b" not in document
    assert [(one["lease_key"], one["owner"]) for one in json.loads(document)["leases"]] == [(key, owner)]


def test_a_backup_chooses_neither_credentials_nor_an_endpoint(
    run: Run, dynamodb: DynamoDBClient, aws: LocalAws, stopped: str, tmp_path: Path
) -> None:
    """It may have been received from others, and a request holds a session token; the user's own properties may."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        port = listener.getsockname()[1]
        elsewhere = f"http://127.0.0.1:{port}"
        line = {"time": "", "table": stopped, "region": "us-east-1", "item": lease(S0)}
        kept = tmp_path / "kept.jsonl"
        others = {
            "AwsCredentialsProvider": "ProfileCredentialsProvider|none",
            "regionName": "x",
            "kinesisEndpoint": elsewhere,
        }
        kept.write_text(json.dumps({**line, "properties": others}) + "\n")
        assert run("leases", "restore", "kept.jsonl", "--observe", "0.1").returncode == 0
        kept.write_text(json.dumps({**line, "properties": {"dynamoDBEndpoint": elsewhere}}) + "\n")
        refused = run("leases", "restore", "kept.jsonl", "--yes")
        assert (refused.returncode, refused.stdout) == (1, "")
        assert f"is of the endpoint {elsewhere}, and a backup does not choose where requests are sent" in refused.stderr
        with pytest.raises(BlockingIOError):
            listener.accept()
    kept.unlink()
    own = tmp_path / "app.properties"
    own.write_text(f"applicationName = {stopped}\nregionName = us-east-1\ndynamoDBEndpoint = {aws.url}\n")
    environment = {"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_MAX_ATTEMPTS": "1"}
    arguments = ("--to", "LATEST", "--yes", "--observe", "0.1", "--backup", "kept.jsonl")
    done = run("leases", "reset", own, *arguments, env=environment)
    assert f"Back with: kclpy-helper leases restore kept.jsonl --properties {own}\n" in done.stderr
    restored = run("leases", "restore", "kept.jsonl", "--properties", own, "--yes", env=environment)
    assert restored.returncode == 0, restored.stderr
    assert items_of(dynamodb, stopped)[S1]["checkpoint"] == {"S": "4957"}


JSONS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(["", "a", "\ud800", "QQ=", "AP8="]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(["leaseKey", "checkpoint", "S", "N", "B", "BS", "M", "L", "table"]), inner, max_size=2
        )
    ),
    max_leaves=5,
)
LINE_OF_BACK_UP = {"table": "a", "region": "us-east-1", "properties": {}, "item": json.loads(json.dumps(lease(S0)))}


@given(
    lines=st.lists(
        JSONS.map(json.dumps)
        | st.dictionaries(st.sampled_from([*LINE_OF_BACK_UP]), JSONS, max_size=2).map(
            lambda odd: json.dumps(LINE_OF_BACK_UP | odd)
        )
        | st.dictionaries(st.sampled_from(["leaseKey", "checkpoint", "x"]), JSONS, max_size=2).map(
            lambda odd: json.dumps(LINE_OF_BACK_UP | {"item": lease(S0, **odd)})
        )
        | st.sampled_from(["[" * 100_000, "9" * 5000, "NaN", '{"item": 1e999}', "\x85"]),
        max_size=3,
    ),
    more=st.binary(max_size=3),
)
@settings(deadline=None)
def test_a_file_that_is_not_a_backup_is_an_error(lines: list[str], more: bytes) -> None:
    """Or it is one, of well-formed leases of one table."""
    with TemporaryDirectory() as folder:
        path = Path(folder, "received.jsonl")
        path.write_bytes("\n".join(lines).encode() + more)
        with suppress(PathError):
            kept = read_back_up(path)
            assert {type(text) for text in (kept.table, kept.region)} == {str}
            assert [Lease.of(item).problem for item in kept.items] == [None] * len(kept.items)


def test_a_lease_that_is_gone_is_restored_as_a_whole(
    run: Run, dynamodb: DynamoDBClient, stopped: str, tmp_path: Path
) -> None:
    """But for its owner."""
    before = items_of(dynamodb, stopped)[S0]
    origin = {"time": "2026-11-25T08:00:00+00:00", "table": stopped, "region": "us-east-1", "properties": {}}
    item = {**before, "pendingCheckpointState": {"B": "AP8="}}
    (tmp_path / "kept.jsonl").write_text(json.dumps({**origin, "item": item}) + "\n")
    dynamodb.delete_item(TableName=stopped, Key={"leaseKey": {"S": S0}})
    done = run("leases", "restore", "kept.jsonl", "--yes")
    assert (done.returncode, done.stdout) == (0, f"{S0}: none -> 4957/3\n"), done.stderr
    del before["leaseOwner"], before["checkpointOwner"]
    assert items_of(dynamodb, stopped)[S0] == before


def test_an_existing_backup_is_not_overwritten(
    run: Run, dynamodb: DynamoDBClient, stopped: str, tmp_path: Path
) -> None:
    """And without a backup nothing is written."""
    before = items_of(dynamodb, stopped)
    (tmp_path / "kept.jsonl").write_text("precious")
    arguments = ("--application", stopped, "--to", "LATEST", "--shard", S1, "--yes", "--backup", "kept.jsonl")
    done = run("leases", "reset", *arguments, "--force")
    assert done.returncode == 1
    assert "backup kept.jsonl: File exists. Nothing was changed." in done.stderr
    assert (tmp_path / "kept.jsonl").read_text() == "precious"
    assert items_of(dynamodb, stopped) == before


def test_a_lease_that_is_renewed_is_left_alone(run: Run, dynamodb: DynamoDBClient, stopped: str) -> None:
    """Also in a dry run; with --force it is taken from its worker."""
    arguments = ("leases", "reset", "--application", stopped, "--to", "LATEST", "--shard", S0, "--yes")
    with worker(dynamodb, stopped, S0):
        refused = run(*arguments, "--observe", "1")
    assert refused.returncode == 1
    assert f"{S0} was renewed within 1 s.\nNothing was changed." in refused.stderr
    assert items_of(dynamodb, stopped)[S0]["checkpoint"] == {"S": "4957"}
    forced = run(*arguments, "--force")
    assert forced.returncode == 0, forced.stderr
    item = items_of(dynamodb, stopped)[S0]
    assert (item["checkpoint"], "leaseOwner" in item) == ({"S": "LATEST"}, False)


def test_a_finished_parent_waits_for_the_end_of_its_childrens_worker(
    run: Run, dynamodb: DynamoDBClient, name: str
) -> None:
    """Read again beside its child, its records would come after the child's."""
    create(
        dynamodb,
        name,
        lease(S0, checkpoint={"S": "SHARD_END"}),
        lease(S1, parentShardId={"SS": [S0]}, leaseOwner={"S": "w1"}),
        lease(S2, parentShardId={"SS": [S1]}, leaseOwner={"S": "w1"}),
    )
    arguments = ("--application", name, "--to", "TRIM_HORIZON", "--shard", S0, "--observe", "1")
    with worker(dynamodb, name, S2):
        refused = run("leases", "reset", *arguments)
    assert refused.returncode == 1
    assert f"{S2} was renewed within 1 s." in refused.stderr
    allowed = run("leases", "reset", *arguments)
    assert allowed.returncode == 0
    assert f"go on from their own checkpoints: {S1}\n" in allowed.stderr


def test_a_worker_that_is_faster_wins(dynamodb: DynamoDBClient, stopped: str) -> None:
    """The lease that it has renewed or taken since the reading stays as it is; the others are written."""
    app = application(stopped)
    dynamodb.put_item(TableName=stopped, Item=lease(S2))
    leases = app.read().leases
    changes = [Change(one.key, one, {"checkpoint": {"S": "LATEST"}}) for one in leases]
    for key, change in ((S0, "ADD leaseCounter :value"), (S1, "SET leaseOwner = :value")):
        value = {"N": "1"} if key == S0 else {"S": "w3"}
        dynamodb.update_item(
            TableName=stopped,
            Key={"leaseKey": {"S": key}},
            UpdateExpression=change,
            ExpressionAttributeValues={":value": value},
        )
    with pytest.raises(LeaseChangedError) as caught:
        write(app, changes)
    assert (caught.value.changed, caught.value.written) == ((S0, S1), (S2,))
    checkpoints = [item["checkpoint"]["S"] for _, item in sorted(items_of(dynamodb, stopped).items())]
    assert checkpoints == ["4957", "4957", "LATEST"]


def test_a_lease_that_came_back_meanwhile_is_left_alone(dynamodb: DynamoDBClient, stopped: str) -> None:
    """What was to be created is there, and a worker's."""
    with pytest.raises(LeaseChangedError):
        write(application(stopped), [Change(S1, None, lease(S1, checkpoint={"S": "1"}))])
    assert items_of(dynamodb, stopped)[S1]["checkpoint"] == {"S": "4957"}


@pytest.fixture
def put(kinesis: KinesisClient, name: str) -> Callable[[str], tuple[str, datetime]]:
    """Puts a record into the stream's one shard, some time after the one before: its sequence number and its time."""
    kinesis.create_stream(StreamName=name, ShardCount=1)

    def put(word: str) -> tuple[str, datetime]:
        time.sleep(0.1)
        number = kinesis.put_record(StreamName=name, Data=word.encode(), PartitionKey="k")["SequenceNumber"]
        return number, datetime.now(timezone.utc)

    return put


def position_of(name: str, target: str | datetime, checkpoint: str = "0") -> Position | None:
    """Where the lease of the stream's one shard would be reset to; None if it would stay as it is."""
    one = Lease.of(lease(S0, checkpoint={"S": checkpoint}))
    return next((change.position for change in changes_to(application(name, streamName=name), [one], target)), None)


def test_a_time_is_the_end_of_the_record_before_it(put: Callable[[str], tuple[str, datetime]], name: str) -> None:
    """Which is TRIM_HORIZON where there is none; and also where none has come since."""
    first, after_first = put("a")
    second, after_second = put("b")
    assert position_of(name, after_first - timedelta(minutes=1)) == Position("TRIM_HORIZON")
    assert position_of(name, after_first) == Position(first, LAST_SUB_SEQUENCE_NUMBER)
    assert position_of(name, after_second) == Position(second, LAST_SUB_SEQUENCE_NUMBER)
    time.sleep(1.1)
    assert position_of(name, datetime.now(timezone.utc)) == Position(second, LAST_SUB_SEQUENCE_NUMBER)


def test_a_time_in_a_shard_that_never_had_a_record(kinesis: KinesisClient, name: str) -> None:
    """All that may come comes after it."""
    kinesis.create_stream(StreamName=name, ShardCount=1)
    assert position_of(name, datetime.now(timezone.utc)) == Position("TRIM_HORIZON")


def test_a_finished_lease_is_read_again_only_for_a_record(
    put: Callable[[str], tuple[str, datetime]], name: str
) -> None:
    """From TRIM_HORIZON always; from a time if its shard has a record since; from LATEST never."""
    number, after = put("a")
    assert position_of(name, "TRIM_HORIZON", "SHARD_END") == Position("TRIM_HORIZON")
    assert position_of(name, after - timedelta(minutes=1), "SHARD_END") == Position("TRIM_HORIZON")
    assert position_of(name, after, "SHARD_END") is None
    assert position_of(name, "LATEST", "SHARD_END") is None
    assert position_of(name, "LATEST", number) == Position("LATEST")


def test_shards_that_are_not_reset_are_named(
    run: Run, dynamodb: DynamoDBClient, kinesis: KinesisClient, name: str
) -> None:
    """A lease whose shard is gone, and a closed shard whose lease is cleaned up."""
    kinesis.create_stream(StreamName=name, ShardCount=1)
    kinesis.split_shard(StreamName=name, ShardToSplit=S0, NewStartingHashKey=str(2**127))
    create(dynamodb, name, *(lease(key, checkpoint={"S": "1"}) for key in (S1, S2, "shardId-000000000009")))
    done = run("leases", "reset", "--application", name, "--stream", name, "--to", "TRIM_HORIZON")
    assert (done.returncode, done.stdout) == (0, f"{S1}: 1 -> TRIM_HORIZON\n{S2}: 1 -> TRIM_HORIZON\n")
    assert "not in the stream any more, left as it is: shardId-000000000009\n" in done.stderr
    assert f"closed and without a lease, so that they will not be read again: {S0}\n" in done.stderr


RESET = ("reset", "--application", "a", "--to")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--watch", "--application", "a"], "--watch draws on a terminal"),
        (["--application", "a", "--lag"], "name it with --stream"),
        (["--application", "a", "b.properties"], "name one application"),
        (["b.properties", "--region", "us-east-1"], "go with --application"),
        ([*RESET, "SHARD_END"], "neither TRIM_HORIZON, LATEST, an ISO 8601 time nor seconds"),
        ([*RESET, "2026-11-25T08:00:00"], "does not say in which time zone"),
        ([*RESET, "9999999999"], "has yet to come"),
        ([*RESET, "9999-12-31T23:59:59-14:00"], "has yet to come"),
        ([*RESET, "0001-01-01T00:00:00+14:00"], "is before 1970"),
        ([*RESET, "-1"], "is before 1970"),
        ([*RESET, "nan"], "neither TRIM_HORIZON"),
        ([*RESET, "1e300"], "neither TRIM_HORIZON"),
        (["--application", "a", "--observe", "nan"], "'nan' is not a number"),
        (["--application", "a", "--observe", "1e300"], "is not in the range"),
        (["--application", "a", "--watch", "inf"], "is not in the range"),
        ([*RESET, "2020-01-01T00:00:00Z"], "name it with --stream"),
        ([*RESET, "1735689600"], "name it with --stream"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
@pytest.mark.usefixtures("aws")
def test_a_wrong_use_is_refused(run: Run, arguments: list[str], words: str) -> None:
    """Exit code 2, and what would be right."""
    done = run("leases", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert words in " ".join(done.stderr.split())


def test_a_failure_names_the_place_and_the_next_step(run: Run, without: Run, stopped: str, tmp_path: Path) -> None:
    """No such table, no such shard, nobody at the endpoint, no backup, one of two tables, boto3 not installed."""
    (tmp_path / "kept.jsonl").write_text("{}\n")
    lines = [{"table": table, "region": "us-east-1", "properties": {}, "item": lease(S0)} for table in ("a", "b")]
    (tmp_path / "two.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    unreachable = {"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_MAX_ATTEMPTS": "1"}
    failures = [
        (run("leases", "--application", "none"), 1, "there is no lease table none in us-east-1."),
        (run("leases", "reset", "--application", stopped, "--to", "LATEST", "--shard", S3), 2, f"no lease of {S3}"),
        (run("leases", "--application", "none", env=unreachable), 1, "Could not connect to the endpoint URL"),
        (run("leases", "restore", "none.jsonl"), 1, "backup none.jsonl: No such file"),
        (run("leases", "restore", "kept.jsonl"), 1, "backup kept.jsonl: is not a backup of leases"),
        (run("leases", "restore", "two.jsonl"), 1, "backup two.jsonl: is not a backup of leases"),
        (without(["boto3"], "leases", "--application", "none"), 1, "Next: pip install 'kclpy-helper[aws]'"),
    ]
    for done, code, words in failures:
        assert (done.returncode, done.stdout) == (code, ""), done.stderr
        assert words in done.stderr
        assert "Traceback" not in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")
def test_watching_ends_with_ctrl_c(dynamodb: DynamoDBClient, stopped: str) -> None:
    """On a terminal it is drawn again, with what was seen of the counters, until Ctrl-C, which is no failure."""
    master, slave = os.openpty()
    process = subprocess.Popen(
        [HELPER, "leases", "--application", stopped, "--watch", "0.3"],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        env={**os.environ, "COLUMNS": "120", "LINES": "40", "TERM": "xterm"},
        start_new_session=True,
    )
    os.close(slave)
    screen = b""
    deadline = time.monotonic() + 60
    interrupted = False
    with worker(dynamodb, stopped, S0):
        while process.poll() is None and time.monotonic() < deadline:
            if select.select([master], [], [], 0.2)[0]:
                try:
                    screen += os.read(master, 65536)
                except OSError:  # the other end is closed
                    break
            if b"< " in screen and not interrupted:
                process.send_signal(signal.SIGINT)
                interrupted = True
    assert process.wait(60) == 0, screen.decode()
    os.close(master)
    assert re.search(r"< \d+ m?s", screen.decode())
