"""Reads the tables and the stream of a KCL application.

KCL 1 and 2 have a lease table; KCL 3 has two tables more. From 3.5 on all of it may be in the lease table, where
``entityType`` tells one kind of item from another.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from kclpy_helper import aws
from kclpy_helper.errors import NoLeaseTableError
from kclpy_helper.leases.lease import Coordination, Lease, Shard, Snapshot, Worker, value

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from kclpy_helper.leases.lease import Item
    from kclpy_helper.properties import Properties

_LEASE = "LEASE"
_WORKER_METRIC_STATS = "WORKER_METRIC_STATS"
_DEFAULT_FAILOVER_MILLIS = 10000
_LAG_THREADS = 8


class Application:
    """The tables and the stream of the application whose properties are ``app``.

    Every method raises botocore's errors.
    """

    def __init__(self, app: Properties) -> None:
        self.table = aws.lease_table(app)
        self.stream = aws.stream_name(app)
        self.failover_seconds = _millis(app.values.get("failoverTimeMillis")) / 1000
        self.dynamodb = aws.client(app, "dynamodb")
        self.kinesis = aws.client(app, "kinesis")
        self.region: str = self.dynamodb.meta.region_name
        self._coordinator_state_table = aws.coordinator_state_table(app)
        self._worker_metrics_table = aws.worker_metrics_table(app)

    def read(self) -> Snapshot:
        """All of it, at once as far as several tables can be.

        Raises :class:`~kclpy_helper.errors.NoLeaseTableError`.
        """
        time = datetime.now(timezone.utc)
        items = list(self._items(self.table))
        if not items and not self._exists(self.table):
            raise NoLeaseTableError(self.table, self.region)
        kinds: dict[str, list[Item]] = {}
        for item in items:
            kinds.setdefault(value(item, "entityType", _LEASE), []).append(item)
        leases = [Lease.of(item) for item in kinds.pop(_LEASE, [])]
        # What is in both, the lease table and the table that it replaces, is newer in the lease table.
        metrics = {item["wid"]["S"]: item for item in self._items(self._worker_metrics_table)}
        metrics |= {item["leaseKey"]["S"]: item for item in kinds.pop(_WORKER_METRIC_STATS, [])}
        states = {item["key"]["S"]: item for item in self._items(self._coordinator_state_table)}
        states |= {item["leaseKey"]["S"]: item for others in kinds.values() for item in others}
        owners = {owner for lease in leases for owner in (lease.owner, lease.checkpoint_owner) if owner}
        return Snapshot(
            time,
            tuple(sorted(leases, key=lambda lease: lease.key)),
            tuple(Worker.of(worker_id, metrics.get(worker_id, {})) for worker_id in sorted(owners | metrics.keys())),
            Coordination(
                leader=value(states.get("Leader", {}), "ownerName"),
                client_version=value(states.get("Migration3.0", {}), "cv"),
                table_migration=value(states.get("TableMigration3.5", {}), "tm"),
            ),
            {shard.id: shard for shard in self._shards()} if self.stream else None,
        )

    def millis_behind_latest(self, leases: Iterable[Lease]) -> dict[str, int]:
        """How far each lease's checkpoint is behind the newest record, by its key, where that can be said.

        Costs one GetShardIterator and one GetRecords call for each shard that is not finished; a shard allows five of
        either a second, to all of its readers together.
        """
        with ThreadPoolExecutor(_LAG_THREADS) as pool:
            lags = pool.map(lambda lease: (lease.key, self._lag(lease)), leases)
            return {key: lag for key, lag in lags if lag is not None}

    def _lag(self, lease: Lease) -> int | None:
        start = lease.checkpoint.sequence_number if lease.checkpoint else ""
        if start.isdigit():
            position = {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "StartingSequenceNumber": start}
        elif start == "TRIM_HORIZON":
            position = {"ShardIteratorType": start}
        else:
            return None
        try:
            iterator = self.kinesis.get_shard_iterator(StreamName=self.stream, ShardId=lease.key, **position)
            answer = self.kinesis.get_records(ShardIterator=iterator["ShardIterator"], Limit=1)
        except self.kinesis.exceptions.ResourceNotFoundException:
            return None
        lag: int | None = answer.get("MillisBehindLatest")
        return lag

    def _items(self, table: str) -> Iterator[Item]:
        try:
            for page in self.dynamodb.get_paginator("scan").paginate(TableName=table, ConsistentRead=True):
                yield from page["Items"]
        except self.dynamodb.exceptions.ResourceNotFoundException:
            return

    def _exists(self, table: str) -> bool:
        try:
            self.dynamodb.describe_table(TableName=table)
        except self.dynamodb.exceptions.ResourceNotFoundException:
            return False
        return True

    def _shards(self) -> Iterator[Shard]:
        # Not boto3's paginator: with a NextToken, ListShards refuses the StreamName that it would send again.
        request = {"StreamName": self.stream}
        while request:
            answer = self.kinesis.list_shards(**request)
            for shard in answer["Shards"]:
                parents = shard.get("ParentShardId"), shard.get("AdjacentParentShardId")
                closed = "EndingSequenceNumber" in shard["SequenceNumberRange"]
                yield Shard(shard["ShardId"], closed, tuple(filter(None, parents)))
            request = {"NextToken": answer["NextToken"]} if answer.get("NextToken") else {}


def _millis(text: str | None) -> int:
    """``failoverTimeMillis`` as the daemon reads it: what is no number, or 0, is not set."""
    try:
        return int(text or 0) or _DEFAULT_FAILOVER_MILLIS
    except ValueError:
        return _DEFAULT_FAILOVER_MILLIS
