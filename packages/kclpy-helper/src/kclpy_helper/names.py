"""The names that an application has in AWS, and which of them AWS would refuse."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from kclpy_helper import aws, aws_names
from kclpy_helper.findings import Severity
from kclpy_helper.values import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kclpy_helper.properties import Properties

_PLACEHOLDER = re.compile(r"[$%<{]")
_FLAGS = {"streamName": "--stream", "applicationName": "--application"}


class _Name(NamedTuple):
    """A name, what it is one of, the property key that it comes from, and what it is in the models of AWS."""

    key: str
    what: str
    shape: str
    text: str


def problems_of(app: Properties, kcl_version: str) -> Iterator[tuple[str, Problem]]:
    """The keys of ``app`` that make a name which AWS refuses, each with the first such name."""
    found: dict[str, Problem] = {}
    for name in _names(app, kcl_version):
        wanted = aws_names.wanted(name.shape, name.text)
        if wanted and app.values[name.key].strip():
            effect = f"AWS refuses '{name.text}' as {name.what}: it takes {wanted}"
            found.setdefault(name.key, Problem(Severity.FAULT, effect, _remedy(app, name)))
    yield from found.items()


def _names(app: Properties, kcl_version: str) -> Iterator[_Name]:
    line = aws.kcl_line(kcl_version)
    arn = app.values.get("streamArn")
    candidates = [("tableName", "applicationName", "the name of a lease table", "TableName", aws.lease_table(app))]
    if not arn or not aws_names.wanted("StreamARN", arn):
        candidates.append(("streamArn", "streamName", "the name of a stream", "StreamName", aws.stream_name(app)))
    if line >= 3:
        state, metrics = aws.coordinator_state_table(app), aws.worker_metrics_table(app)
        candidates += [
            ("coordinatorStateTableName", "applicationName", "the name of a table", "TableName", state),
            ("workerMetricsTableName", "applicationName", "the name of a table", "TableName", metrics),
        ]
    if aws.reads_with_fan_out(app, kcl_version):
        consumer, of_consumer = aws.consumer_name(app), app.values.get("fanoutConfig.consumerArn")
        candidates.append(
            ("fanoutConfig.consumerArn", "", "the ARN of a consumer", "ConsumerARN", of_consumer)
            if of_consumer
            else ("fanoutConfig.consumerName", "applicationName", "the name of a consumer", "ConsumerName", consumer)
        )
    if app.values.get("metricsLevel", "").strip().upper() != "NONE":
        namespace = app.values.get("applicationName", "")
        candidates.append(("applicationName", "", "a namespace of metrics", "Namespace", namespace))
    for key, otherwise, what, shape, text in candidates:
        source = key if app.values.get(key) else otherwise
        if source in app.values:
            yield _Name(source, what, shape, text)


def _remedy(app: Properties, name: _Name) -> str:
    value = app.values[name.key]
    if _PLACEHOLDER.search(value):
        flag = f", or run with {_FLAGS[name.key]}" if name.key in _FLAGS else ""
        return f"write the name itself, because nothing is replaced in a properties file{flag}"
    if value != value.strip():
        return "write it without spaces after it"
    if name.text.startswith(f"{value}-"):
        return f"write a shorter {name.key}: the daemon makes this name from it"
    return "write it as it is in AWS" if "stream" in name.what or "ARN" in name.what else "write another one"
