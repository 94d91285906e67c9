"""boto3 clients for the AWS that an application's properties name: its region, its endpoints, its tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kclpy_helper.errors import NotInstalledError

if TYPE_CHECKING:
    from typing import Literal

    from kclpy_helper.properties import Properties

    Service = Literal["kinesis", "dynamodb", "cloudwatch", "sts"]

_ENDPOINTS = {"kinesis": "kinesisEndpoint", "dynamodb": "dynamoDBEndpoint"}


def client(app: Properties, service: Service) -> Any:
    """A client of ``service`` in the region and at the endpoint of ``app``, or else the environment's.

    Raises :class:`~kclpy_helper.errors.NotInstalledError` without boto3, and botocore's errors where no region is known.
    """
    try:
        import boto3
    except ImportError:
        raise NotInstalledError("kclpy-helper[aws]", "boto3, which talks to AWS") from None
    endpoint = app.values.get(_ENDPOINTS.get(service, "")) or None
    return boto3.client(service, region_name=app.values.get("regionName") or None, endpoint_url=endpoint)


def stream_name(app: Properties) -> str:
    """The stream that the daemon reads: the name in ``streamArn``, which takes precedence, or ``streamName``."""
    return app.values.get("streamArn", "").rpartition("/")[2] or app.values.get("streamName", "")


def lease_table(app: Properties) -> str:
    """The name of the lease table."""
    return app.values.get("tableName") or app.values.get("applicationName", "")


def coordinator_state_table(app: Properties) -> str:
    """The name of KCL 3's table of the application's leader and its migration."""
    return app.values.get("coordinatorStateTableName") or f"{app.values.get('applicationName', '')}-CoordinatorState"


def worker_metrics_table(app: Properties) -> str:
    """The name of KCL 3's table of the workers' utilisation."""
    return app.values.get("workerMetricsTableName") or f"{app.values.get('applicationName', '')}-WorkerMetricStats"
