"""The least IAM policy of an application. That the real daemon does with it is tested in tests/e2e."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from kclpy_helper.iam import policy, statements
from kclpy_helper.properties import Properties

APP = {"applicationName": "app", "streamName": "words", "retrievalMode": "POLLING"}
FAN_OUT = {**APP, "retrievalMode": "FANOUT"}
ITEMS = ["CreateTable", "DeleteItem", "DescribeTable", "GetItem", "PutItem", "Scan", "UpdateItem"]


def allowed(
    values: dict[str, str], kcl_version: str = "3.1.3", region: str = "us-east-1"
) -> dict[str, tuple[str, list[str]]]:
    """By statement: the resource, and the actions without their service."""
    found = statements(Properties(Path(), values), kcl_version, region=region, account="123456789012")
    return {
        statement.sid: (statement.resource, [action.partition(":")[2] for action in statement.actions])
        for statement in found
    }


def table(name: str) -> str:
    return f"arn:aws:dynamodb:us-east-1:123456789012:table/{name}"


def test_kcl_3_reads_a_stream_and_keeps_three_tables() -> None:
    """Each statement names one resource, and what is done to it."""
    assert allowed(APP) == {
        "Stream": (
            "arn:aws:kinesis:us-east-1:123456789012:stream/words",
            ["DescribeStreamSummary", "GetRecords", "GetShardIterator", "ListShards"],
        ),
        "LeaseTable": (table("app"), [*ITEMS, "UpdateTable"]),
        "LeaseTableIndex": (table("app/index/LeaseOwnerToLeaseKeyIndex"), ["Query"]),
        "CoordinatorStateTable": (table("app-CoordinatorState"), ITEMS),
        "WorkerMetricsTable": (
            table("app-WorkerMetricStats"),
            ["CreateTable", "DeleteItem", "DescribeTable", "Scan", "UpdateItem"],
        ),
        "Metrics": ("*", ["PutMetricData"]),
    }


@pytest.mark.parametrize("kcl_version", ["1.15.3", "2.7.2"])
def test_before_kcl_3_there_is_only_the_lease_table(kcl_version: str) -> None:
    """It has no index, and is never updated."""
    found = allowed(APP, kcl_version)
    assert found.keys() == {"Stream", "LeaseTable", "Metrics"}
    assert found["LeaseTable"] == (table("app"), ITEMS)


def test_fan_out_registers_a_consumer_and_subscribes() -> None:
    """The consumer's ARN ends with the time of its registration, which nobody knows before."""
    stream = "arn:aws:kinesis:us-east-1:123456789012:stream/words"
    found = allowed(FAN_OUT)
    assert found["FanOutRegistration"] == (stream, ["DescribeStreamConsumer", "RegisterStreamConsumer"])
    assert found["FanOutConsumer"] == (f"{stream}/consumer/app:*", ["DescribeStreamConsumer", "SubscribeToShard"])
    named = allowed({**FAN_OUT, "fanoutConfig.consumerName": "mine"})
    assert named["FanOutConsumer"][0] == f"{stream}/consumer/mine:*"


def test_a_registered_consumer_is_only_subscribed_with() -> None:
    """fanoutConfig.consumerArn leaves nothing to register."""
    arn = "arn:aws:kinesis:us-east-1:123456789012:stream/words/consumer/mine:1"
    found = allowed({**FAN_OUT, "fanoutConfig.consumerArn": arn})
    assert found["FanOutConsumer"] == (arn, ["SubscribeToShard"])
    assert "FanOutRegistration" not in found


def test_tables_go_by_the_names_that_the_properties_give_them() -> None:
    """And the stream by the one in streamArn, which takes precedence."""
    names = {
        "streamArn": "arn:aws:kinesis:eu-west-1:1:stream/other",
        "tableName": "leases",
        "coordinatorStateTableName": "state",
        "workerMetricsTableName": "metrics",
    }
    resources = [resource for resource, _ in allowed({**APP, **names}).values()]
    assert resources == [
        "arn:aws:kinesis:us-east-1:123456789012:stream/other",
        table("leases"),
        table("leases/index/LeaseOwnerToLeaseKeyIndex"),
        table("state"),
        table("metrics"),
        "*",
    ]


@pytest.mark.parametrize(
    ("key", "value", "sid", "action"),
    [
        ("leaseTablePitrEnabled", "true", "LeaseTable", "UpdateContinuousBackups"),
        ("coordinatorStateTablePointInTimeRecoveryEnabled", "true", "CoordinatorStateTable", "UpdateContinuousBackups"),
        ("workerMetricsTablePointInTimeRecoveryEnabled", "true", "WorkerMetricsTable", "UpdateContinuousBackups"),
        ("migrateAllEntitiesToLeaseTable", "true", "CoordinatorStateTable", "ConditionCheckItem"),
        ("coordinatorStateTableTags", "a=b", "CoordinatorStateTable", "TagResource"),
        ("workerMetricsTableTags", "a=b", "WorkerMetricsTable", "TagResource"),
    ],
)
def test_what_the_properties_ask_of_a_table_is_allowed(key: str, value: str, sid: str, action: str) -> None:
    """Point-in-time recovery, tags and the migration to one table take an action more, on that table alone."""
    with_it, without_it = allowed({**APP, key: value}), allowed({**APP, "leaseTablePitrEnabled": "false"})
    assert {name for name in with_it if with_it[name] != without_it[name]} == {sid}
    assert set(with_it[sid][1]) - set(without_it[sid][1]) == {action}


@pytest.mark.parametrize(
    ("region", "partition"),
    [("eu-west-1", "aws"), ("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov"), ("*", "aws")],
)
def test_the_partition_is_the_regions(region: str, partition: str) -> None:
    """China and GovCloud have ARNs of their own."""
    assert allowed(APP, region=region)["LeaseTable"][0] == f"arn:{partition}:dynamodb:{region}:123456789012:table/app"


def test_without_metrics_cloudwatch_is_left_out() -> None:
    """metricsLevel=NONE publishes nothing; the case of NONE does not matter to the daemon."""
    assert "Metrics" not in allowed({**APP, "metricsLevel": "none"})


def test_the_document_is_iams_and_always_the_same() -> None:
    """Version, then statements of Sid, Effect, Action, Resource and Condition; metrics in the application's namespace only."""
    document = policy(statements(Properties(Path(), APP), "3.1.3"))
    assert document["Version"] == "2012-10-17"
    text = json.dumps(document)
    assert text.endswith(
        '{"Sid": "Metrics", "Effect": "Allow", "Action": ["cloudwatch:PutMetricData"], "Resource": "*", '
        '"Condition": {"StringEquals": {"cloudwatch:namespace": "app"}}}]}'
    )
    again = policy(statements(Properties(Path(), dict(reversed(APP.items()))), "3.1.3"))
    assert json.dumps(again) == text
