"""What the real MultiLangDaemon calls at AWS, held against the least policy for its application."""

from __future__ import annotations

import base64
import json
import sys
import time
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import parse_qs

import boto3
import javaproperties
import kclpy_jars
import pytest
from kclpy_helper import properties
from kclpy_helper.iam import Statement, statements
from kclpy_samples.demonstration import daemon_of, write_properties
from kclpy_samples.local import REGION, local_aws

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="a daemon cannot be asked to end there"),
    pytest.mark.timeout(400),
]

ACCOUNT = "123456789012"
SECONDS = 180.0
RARE = {
    "dynamodb:DeleteItem",  # of a shard that has ended, of a worker that is gone
    "dynamodb:UpdateItem",  # of the coordinator state, when the leader changes
    "dynamodb:Scan",  # of the coordinator state, where one of KCL 2 is to be migrated
    "kinesis:GetRecords",  # with fan-out: at the end of a shard
    "kinesis:GetShardIterator",
    "kinesis:DescribeStreamSummary",  # with polling: by KCL 3.4 and later, and by the doctor
    "kinesis:DescribeStreamConsumer",
}
"""What the policy allows, and a short run need not call."""


class Call(NamedTuple):
    """One request of the daemon's: the action, the resource, and the namespace of metrics."""

    action: str
    resource: str
    namespace: str | None = None


def allows(statement: Statement, call: Call) -> bool:
    return (
        call.action in statement.actions
        and fnmatchcase(call.resource, statement.resource)
        and call.namespace == statement.namespace
    )


def calls(recording: Path, stream: str) -> Iterator[Call]:
    """The calls of Java in moto's recording."""
    for line in recording.read_text().splitlines(keepends=True) if recording.exists() else ():
        if not line.endswith("\n"):
            return  # moto is writing it
        request = json.loads(line)
        headers = {name.lower(): value for name, value in request["headers"].items()}
        if "aws-sdk-java" not in headers["user-agent"]:
            continue
        body = base64.b64decode(request["body"]) if request["body_encoded"] else request["body"].encode()
        service, _, operation = headers.get("x-amz-target", "").partition(".")
        if service.startswith("DynamoDB"):
            fields = json.loads(body)
            index = f"/index/{fields['IndexName']}" if "IndexName" in fields else ""
            yield Call(
                f"dynamodb:{operation}", f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{fields['TableName']}{index}"
            )
        elif service.startswith("Kinesis"):
            fields = json.loads(body)
            # AWS ends a consumer's ARN with the time of its registration, moto does not.
            consumer = f"{fields['ConsumerARN']}:1" if "ConsumerARN" in fields else None
            yield Call(f"kinesis:{operation}", consumer or f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/{stream}")
        else:
            query = parse_qs(body.decode())
            yield Call(f"cloudwatch:{query['Action'][0]}", "*", query["Namespace"][0])


def test_the_daemon_calls_what_the_policy_allows_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two applications at once, with polling and with fan-out, from the creation of their tables until all is called.

    moto has no SubscribeToShard: that it is called is enough here.
    """
    recording = tmp_path / "requests"
    monkeypatch.setenv("MOTO_ENABLE_RECORDING", "true")
    monkeypatch.setenv("MOTO_RECORDER_FILEPATH", str(recording))
    with local_aws() as aws:
        for name, value in aws.environment.items():
            monkeypatch.setenv(name, value)
        applications = [application(tmp_path / mode, mode) for mode in ("POLLING", "FANOUT")]
        stream = applications[0].values["streamName"]
        kinesis = boto3.client("kinesis")
        kinesis.create_stream(StreamName=stream, ShardCount=1)
        kinesis.close()
        allowed = [
            statement
            for app in applications
            for statement in statements(app, kclpy_jars.KCL_VERSION, region=REGION, account=ACCOUNT)
        ]
        output: list[str] = []
        with daemon_of(applications[0], output.append), daemon_of(applications[1], output.append):
            deadline = time.monotonic() + SECONDS
            while missing := unused(allowed, set(calls(recording, stream))):
                assert time.monotonic() < deadline, f"not called: {missing}\n" + "\n".join(output)
                time.sleep(0.5)
    found = set(calls(recording, stream))
    assert [call for call in found if not any(allows(statement, call) for statement in allowed)] == []


def unused(allowed: list[Statement], found: set[Call]) -> list[str]:
    """What is allowed in vain, but for what is rare."""
    return [
        f"{statement.sid}: {action}"
        for statement in allowed
        for action in statement.actions
        if action not in RARE and not any(call.action == action and allows(statement, call) for call in found)
    ]


def application(folder: Path, mode: str) -> properties.Properties:
    """The demo's application in this mode, with metrics, point-in-time recovery, and tables of its own."""
    folder.mkdir()
    values = {
        **write_properties(folder).values,
        "applicationName": mode,
        "retrievalMode": mode,
        "metricsLevel": "SUMMARY",
        "metricsBufferTimeMillis": "1000",
        "leaseTablePitrEnabled": "true",
    }
    path = folder / "app.properties"
    with path.open("w", encoding="latin-1") as file:
        javaproperties.dump(values, file)
    return properties.read(path)
