"""The least IAM policy of an application, from its properties.

What a MultiLangDaemon calls was read in the KCL's sources at 1.15.3, 2.7.2, 3.1.3 and 3.5.1, and is recorded from the real
daemon in ``tests/e2e/test_iam.py``. AWS's own list is on the page "IAM permissions required for KCL consumer applications" of
the Kinesis Data Streams developer guide; it does not tell the versions apart, and allows more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from kclpy_helper import aws, aws_names

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kclpy_helper.properties import Properties

_LEASE_INDEX = "LeaseOwnerToLeaseKeyIndex"
_READ_STREAM = ("DescribeStreamSummary", "GetRecords", "GetShardIterator", "ListShards")
"""Fan-out needs them too: a shard's children are found by GetRecords (KinesisShardDetector.getChildShards), the consumer is
registered by the ARN that DescribeStreamSummary gives. Polling calls the latter since 3.4 only, the doctor always."""
_ITEMS = ("CreateTable", "DeleteItem", "DescribeTable", "GetItem", "PutItem", "Scan", "UpdateItem")
_WORKER_METRICS = ("CreateTable", "DeleteItem", "DescribeTable", "Scan", "UpdateItem")


class Statement(NamedTuple):
    """What one statement of the policy allows; ``namespace`` is CloudWatch's, where it is limited to one."""

    sid: str
    actions: tuple[str, ...]
    resource: str
    namespace: str | None = None

    def as_json(self) -> dict[str, object]:
        """The statement as IAM writes it."""
        statement: dict[str, object] = {
            "Sid": self.sid,
            "Effect": "Allow",
            "Action": list(self.actions),
            "Resource": self.resource,
        }
        if self.namespace is not None:
            statement["Condition"] = {"StringEquals": {"cloudwatch:namespace": self.namespace}}
        return statement


def policy(statements: Iterable[Statement]) -> dict[str, object]:
    """The policy document; its keys and statements are always in the same order."""
    return {"Version": "2012-10-17", "Statement": [statement.as_json() for statement in statements]}


def statements(app: Properties, kcl_version: str, *, region: str = "*", account: str = "*") -> tuple[Statement, ...]:
    """What the daemon of ``kcl_version`` needs for ``app``. ``*`` is any region or account."""
    partition = aws_names.partition_of(region).name
    stream = f"arn:{partition}:kinesis:{region}:{account}:stream/{aws.stream_name(app)}"

    def table(sid: str, name: str, *actions: str, **wanted: str) -> Statement:
        """What is done to a table; ``wanted`` are actions that a property key asks for."""
        asked = [action for action, key in wanted.items() if app.values.get(key, "").lower() not in {"", "false"}]
        resource = f"arn:{partition}:dynamodb:{region}:{account}:table/{name}"
        return Statement(sid, tuple(f"dynamodb:{action}" for action in sorted([*actions, *asked])), resource)

    found = [Statement("Stream", tuple(f"kinesis:{action}" for action in _READ_STREAM), stream)]
    consumer = app.values.get("fanoutConfig.consumerArn")
    fan_out = aws.reads_with_fan_out(app, kcl_version)
    if fan_out and consumer:
        found.append(Statement("FanOutConsumer", ("kinesis:SubscribeToShard",), consumer))
    elif fan_out:
        describe = "kinesis:DescribeStreamConsumer"
        consumer = f"{stream}/consumer/{aws.consumer_name(app)}:*"
        found.append(Statement("FanOutRegistration", (describe, "kinesis:RegisterStreamConsumer"), stream))
        found.append(Statement("FanOutConsumer", (describe, "kinesis:SubscribeToShard"), consumer))
    lease_table = aws.lease_table(app)
    recovery = {"UpdateContinuousBackups": "leaseTablePitrEnabled"}
    if aws.kcl_line(kcl_version) < 3:
        found.append(table("LeaseTable", lease_table, *_ITEMS, **recovery))
    else:
        found += [
            table("LeaseTable", lease_table, *_ITEMS, "UpdateTable", **recovery),
            table("LeaseTableIndex", f"{lease_table}/index/{_LEASE_INDEX}", "Query"),
            table(
                "CoordinatorStateTable",
                aws.coordinator_state_table(app),
                *_ITEMS,
                ConditionCheckItem="migrateAllEntitiesToLeaseTable",
                TagResource="coordinatorStateTableTags",
                UpdateContinuousBackups="coordinatorStateTablePointInTimeRecoveryEnabled",
            ),
            table(
                "WorkerMetricsTable",
                aws.worker_metrics_table(app),
                *_WORKER_METRICS,
                TagResource="workerMetricsTableTags",
                UpdateContinuousBackups="workerMetricsTablePointInTimeRecoveryEnabled",
            ),
        ]
    if app.values.get("metricsLevel", "").upper() != "NONE":
        namespace = app.values.get("applicationName", "")
        found.append(Statement("Metrics", ("cloudwatch:PutMetricData",), "*", namespace))
    return tuple(found)
