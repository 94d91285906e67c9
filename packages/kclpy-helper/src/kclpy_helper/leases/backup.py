"""A file that keeps leases as DynamoDB has them, and their way back."""

from __future__ import annotations

import json
import os
from datetime import datetime, timezone
from typing import TYPE_CHECKING, NamedTuple

from kclpy_helper.errors import PathError
from kclpy_helper.leases.attributes import from_json, to_json
from kclpy_helper.leases.lease import Lease

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from kclpy_helper.leases.application import Application
    from kclpy_helper.leases.attributes import Item
    from kclpy_helper.properties import Properties

_PROPERTIES = ("dynamoDBEndpoint", "failoverTimeMillis")


def back_up(path: Path, application: Application, app: Properties, items: Iterable[Item]) -> None:
    """Keep ``items``, as DynamoDB has them, in a new file: one JSON object a line, on the disk when this returns.

    Raises :class:`~kclpy_helper.errors.PathError` where the file exists, or cannot be written.
    """
    origin = {
        "time": datetime.now(timezone.utc).isoformat(timespec="milliseconds"),
        "table": application.table,
        "region": application.region,
        "properties": {name: app.values[name] for name in _PROPERTIES if name in app.values},
    }
    try:
        with path.open("x", encoding="utf-8") as file:
            for item in items:
                attributes = {name: to_json(attribute) for name, attribute in item.items()}
                file.write(json.dumps({**origin, "item": attributes}) + "\n")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise PathError("backup", path, f"{error.strerror}. Nothing was changed.") from error


class Kept(NamedTuple):
    """What a backup is of, and the items in it; ``endpoint`` and ``failover_millis`` are those of the properties, or ``""``."""

    table: str
    region: str
    endpoint: str
    failover_millis: str
    items: tuple[Item, ...]


def read_back_up(path: Path) -> Kept:
    """What :func:`back_up` wrote; a file that it cannot have written is refused.

    Raises :class:`~kclpy_helper.errors.PathError`.
    """
    try:
        lines = path.read_bytes().decode().split("\n")
    except OSError as error:
        raise PathError("backup", path, error.strerror or str(error)) from error
    except UnicodeDecodeError as error:
        raise PathError("backup", path, f"is not a backup of leases ({error})") from error
    origins: list[tuple[str, ...]] = []
    items: dict[str, Item] = {}
    for number, line in enumerate(lines, 1):
        if line:
            try:
                origin, item = _line_of_back_up(line)
                if item["leaseKey"]["S"] in items:
                    raise ValueError("the lease is in it twice")
                if origins and origin != origins[0]:
                    raise ValueError("it is of another table, or of another application")
            except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
                raise PathError("backup", path, f"is not a backup of leases (line {number}: {error!r})") from error
            origins.append(origin)
            items[item["leaseKey"]["S"]] = item
    if not origins:
        raise PathError("backup", path, "is not a backup of leases (it is empty)")
    table, region, endpoint, failover_millis = origins[0]
    return Kept(table, region, endpoint, failover_millis, tuple(items.values()))


def _line_of_back_up(line: str) -> tuple[tuple[str, ...], Item]:
    document = json.loads(line)
    json.dumps(document, ensure_ascii=False).encode()  # an escape can be half of a surrogate pair, which is not text
    origin = (
        document["table"],
        document["region"],
        *(document["properties"].get(name, "") for name in _PROPERTIES),
    )
    if not all(isinstance(text, str) for text in origin):
        raise TypeError("table, region and properties are strings")
    item = {name: from_json(attribute) for name, attribute in document["item"].items()}
    if not item["leaseKey"]["S"]:
        raise ValueError("there is no leaseKey")
    if problem := Lease.of(item).problem:
        raise ValueError(problem)
    return origin, item
