"""Gives leases another checkpoint: plans it, and writes it where no worker has interfered.

A worker that takes up a lease asks Kinesis for the records AT the checkpoint's sequence number, in every KCL, and drops
those that are not after the checkpoint (``KinesisDataFetcher``, ``ProcessTask``). After a broken first connection it asks
for those AFTER it (``FanOutRecordsPublisher``, ``restartIterator``). So the only checkpoint that begins at a given record,
and loses none, is the record before it, with a sub-sequence number that no record aggregated in it exceeds; or
TRIM_HORIZON where there is none before. A lease cannot hold a time: for the checkpoint AT_TIMESTAMP the KCL takes the
time of its configuration.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from kclpy_helper.errors import LeaseChangedError, LeaseHeldError
from kclpy_helper.leases.lease import LAST_SUB_SEQUENCE_NUMBER, Lease, Position, position_in

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from kclpy_helper.leases.application import Application
    from kclpy_helper.leases.attributes import Item
    from kclpy_helper.leases.lease import Renewal, Snapshot

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
