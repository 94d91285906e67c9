"""Gives leases another checkpoint: plans it, keeps what was there, and writes it where no worker has interfered.

A worker that takes up a lease asks Kinesis for the records AT the checkpoint's sequence number, in every KCL, and drops
those that are not after the checkpoint (``KinesisDataFetcher``, ``ProcessTask``). After a broken first connection it asks
for those AFTER it (``FanOutRecordsPublisher``, ``restartIterator``). So the only checkpoint that begins at a given record,
and loses none, is the record before it, with a sub-sequence number that no record aggregated in it exceeds; or
TRIM_HORIZON where there is none before. A lease cannot hold a time: for the checkpoint AT_TIMESTAMP the KCL takes the
time of its configuration.
"""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, NamedTuple

from kclpy_helper.errors import LeaseChangedError, LeaseHeldError, PathError
from kclpy_helper.leases.attributes import from_json, to_json
from kclpy_helper.leases.lease import LAST_SUB_SEQUENCE_NUMBER, Lease, Position, position_in

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping
    from pathlib import Path

    from kclpy_helper.leases.application import Application
    from kclpy_helper.leases.attributes import Item
    from kclpy_helper.leases.lease import Renewal, Snapshot
    from kclpy_helper.properties import Properties

_LONGEST_RETENTION = timedelta(days=366)
EPOCH = datetime.fromtimestamp(0, timezone.utc)
"""Kinesis takes no time before it."""
_READ_PAUSE_SECONDS = 0.2
"""A shard allows five GetRecords calls a second."""
_CHECKPOINT_ATTRIBUTES = (
    "checkpoint",
    "checkpointSubSequenceNumber",
    "ownerSwitchesSinceCheckpoint",
    "pendingCheckpoint",
    "pendingCheckpointSubSequenceNumber",
    "pendingCheckpointState",
)
_OWNER_ATTRIBUTES = ("leaseOwner", "checkpointOwner")
_BACKED_UP_PROPERTIES = ("dynamoDBEndpoint", "failoverTimeMillis")


@dataclass(frozen=True, slots=True)
class Change:
    """New attributes of the checkpoint of the lease ``key``; or, of a lease that is gone, all of its attributes."""

    key: str
    before: Lease | None
    attributes: Item

    @property
    def position(self) -> Position | None:
        """The new checkpoint; None where the lease is to have none."""
        return position_in(self.attributes)


def changes_to(application: Application, leases: Iterable[Lease], target: str | datetime) -> Iterator[Change]:
    """What to change for ``leases`` to be read from ``target``: TRIM_HORIZON, LATEST, or the first record from a time on.

    A finished lease stays as it is where its shard has no record from there on. For a time the shards are read, from
    shortly before it. Raises botocore's errors.
    """
    for lease in leases:
        if isinstance(target, datetime):
            if lease.finished and not _has_record_from(application, lease.key, target):
                continue
            position = _last_before(application, lease.key, target)
        elif lease.finished and target == "LATEST":
            continue
        else:
            position = Position(target)
        if position != lease.checkpoint or lease.pending_checkpoint:
            yield Change(
                lease.key,
                lease,
                {
                    "checkpoint": {"S": position.sequence_number},
                    "checkpointSubSequenceNumber": {"N": str(position.sub_sequence_number)},
                    "ownerSwitchesSinceCheckpoint": {"N": "0"},
                },
            )


def _has_record_from(application: Application, shard_id: str, time: datetime) -> bool:
    return any(True for _ in _records(application, shard_id, time))


def _last_before(application: Application, shard_id: str, time: datetime) -> Position:
    """The position after all records before ``time``.

    Kinesis cannot be read backwards: looked for is from 1 s before, then from 4 s, 16 s, ... until there is a record.
    """
    before = timedelta(seconds=1)
    while before < 4 * _LONGEST_RETENTION:
        last = None
        for record in _records(application, shard_id, max(EPOCH, time - min(before, _LONGEST_RETENTION))):
            if record["ApproximateArrivalTimestamp"] >= time:
                break
            last = record
        if last:
            return Position(last["SequenceNumber"], LAST_SUB_SEQUENCE_NUMBER)
        before *= 4
    return Position("TRIM_HORIZON")


def _records(application: Application, shard_id: str, start: datetime) -> Iterator[Mapping[str, Any]]:
    """The records of a shard from ``start`` on, to its end or to the newest."""
    kinesis = application.kinesis
    iterator = kinesis.get_shard_iterator(
        StreamName=application.stream, ShardId=shard_id, ShardIteratorType="AT_TIMESTAMP", Timestamp=start
    )["ShardIterator"]
    while iterator:
        answer = kinesis.get_records(ShardIterator=iterator)
        yield from answer["Records"]
        if not answer.get("MillisBehindLatest"):
            return
        iterator = answer.get("NextShardIterator")
        time.sleep(_READ_PAUSE_SECONDS)


def descendants(snapshot: Snapshot, keys: Collection[str]) -> tuple[Lease, ...]:
    """The leases of the children of the shards ``keys``, and of theirs: they wait until their parents are finished."""
    family = set(keys)
    while grown := {lease.key for lease in snapshot.leases if family.intersection(lease.parents)} - family:
        family |= grown
    return tuple(lease for lease in snapshot.leases if lease.key in family.difference(keys))


def refuse_held(leases: Iterable[Lease], renewals: Mapping[str, Renewal], seconds: float) -> None:
    """Raises :class:`~kclpy_helper.errors.LeaseHeldError` for what a worker renewed or took in ``seconds``."""
    held = [
        lease.key
        for lease in leases
        if lease.owner and (lease.key not in renewals or renewals[lease.key].within_seconds is not None)
    ]
    if held:
        raise LeaseHeldError(tuple(held), seconds)


def as_read(changes: Iterable[Change], snapshot: Snapshot) -> list[Change]:
    """``changes`` to the leases as they are in ``snapshot``, which is newer than the one they were planned with."""
    leases = {lease.key: lease for lease in snapshot.leases}
    return [
        replace(change, before=leases.get(change.key, change.before)) if change.before else change for change in changes
    ]


def write(application: Application, changes: Iterable[Change]) -> None:
    """Write the changes, each only if the lease is as it was read; the workers that own them lose them.

    Raises :class:`~kclpy_helper.errors.LeaseChangedError` after all were tried, and botocore's errors.
    """
    changed, written = [], []
    for change in changes:
        try:
            if change.before is None:
                application.dynamodb.put_item(
                    TableName=application.table,
                    Item=change.attributes,
                    ConditionExpression="attribute_not_exists(leaseKey)",
                )
            else:
                application.dynamodb.update_item(TableName=application.table, **_update(change.before, change))
        except application.dynamodb.exceptions.ConditionalCheckFailedException:
            changed.append(change.key)
        else:
            written.append(change.key)
    if changed:
        raise LeaseChangedError(tuple(changed), tuple(written))


def _update(before: Lease, change: Change) -> dict[str, Any]:
    # As the KCL takes a lease from its worker (getDynamoEvictLeaseUpdate): the next renewal fails, and so does a
    # checkpoint that the worker has yet to make. The counter alone is not enough: with its own owner, a worker takes
    # a counter that is one ahead for its own write.
    removed = [name for name in (*_CHECKPOINT_ATTRIBUTES, *_OWNER_ATTRIBUTES) if name not in change.attributes]
    setting = f"SET {', '.join(f'#{name} = :{name}' for name in change.attributes)} " if change.attributes else ""
    removing = ", ".join(f"#{name}" for name in removed)
    read = {name: before.item[name] for name in ("leaseCounter", "leaseOwner") if name in before.item}
    conditions = [f"{name} = :{name}" for name in read]
    if "leaseOwner" not in read:
        conditions.append("attribute_not_exists(leaseOwner)")
    return {
        "Key": {"leaseKey": {"S": change.key}},
        "UpdateExpression": f"{setting}REMOVE {removing} ADD leaseCounter :one",
        "ConditionExpression": " AND ".join(conditions),
        "ExpressionAttributeNames": {f"#{name}": name for name in (*change.attributes, *removed)},
        "ExpressionAttributeValues": {
            **{f":{name}": attribute for name, attribute in {**change.attributes, **read}.items()},
            ":one": {"N": "1"},
        },
    }


def back_up(path: Path, application: Application, app: Properties, items: Iterable[Item]) -> None:
    """Keep ``items``, as DynamoDB has them, in a new file: one JSON object a line, on the disk when this returns.

    Raises :class:`~kclpy_helper.errors.PathError` where the file exists, or cannot be written.
    """
    origin = {
        "time": datetime.now(timezone.utc).isoformat(timespec="milliseconds"),
        "table": application.table,
        "region": application.region,
        "properties": {name: app.values[name] for name in _BACKED_UP_PROPERTIES if name in app.values},
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
        *(document["properties"].get(name, "") for name in _BACKED_UP_PROPERTIES),
    )
    if not all(isinstance(text, str) for text in origin):
        raise TypeError("table, region and properties are strings")
    item = {name: from_json(attribute) for name, attribute in document["item"].items()}
    if not item["leaseKey"]["S"]:
        raise ValueError("there is no leaseKey")
    if problem := Lease.of(item).problem:
        raise ValueError(problem)
    return origin, item


def changes_back(snapshot: Snapshot, items: Iterable[Item]) -> Iterator[Change]:
    """What to change for the leases to have the checkpoints of ``items``; a lease that is gone comes back as a whole.

    One that is malformed by now stays as it is.
    """
    leases = {lease.key: lease for lease in snapshot.leases}
    for item in items:
        key = item["leaseKey"]["S"]
        before = leases.get(key)
        if before is not None and before.problem:
            continue
        if before is None:
            yield Change(key, None, {name: item[name] for name in item if name not in _OWNER_ATTRIBUTES})
            continue
        attributes = {name: item[name] for name in _CHECKPOINT_ATTRIBUTES if name in item}
        if attributes != {name: before.item[name] for name in _CHECKPOINT_ATTRIBUTES if name in before.item}:
            yield Change(key, before, attributes)
