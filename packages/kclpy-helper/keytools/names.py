"""Extracts from botocore's models of the services what AWS takes for a name, and which regions there are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import botocore.session

if TYPE_CHECKING:
    from collections.abc import Iterator

_SHAPES = {
    "kinesis": ("ConsumerARN", "ConsumerName", "RoleARN", "StreamARN", "StreamName"),
    "dynamodb": ("TableName",),
    "cloudwatch": ("Namespace",),
    "sts": ("roleSessionNameType",),
}


def names() -> dict[str, Any]:
    """The shapes of the names that a properties file can hold, and the partitions of AWS with their regions."""
    session = botocore.session.Session()
    return {
        "shapes": {
            shape: session.get_service_model(service).shape_for(shape).metadata
            for service, shapes in _SHAPES.items()
            for shape in shapes
        },
        "partitions": {
            partition["id"]: {
                "pattern": partition["regionRegex"],
                "suffixes": sorted({partition["outputs"]["dnsSuffix"], partition["outputs"]["dualStackDnsSuffix"]}),
                "regions": sorted(_regions(partition)),
            }
            for partition in session.get_data("partitions")["partitions"]
        },
    }


def _regions(partition: dict[str, Any]) -> Iterator[str]:
    return (region for region in partition["regions"] if not region.endswith("-global"))
