"""Reads the tables and the stream of a KCL application.

KCL 1 and 2 have a lease table; KCL 3 has two tables more. From 3.5 on all of it may be in the lease table, where
``entityType`` tells one kind of item from another.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from kclpy_helper import aws
from kclpy_helper.errors import NoLeaseTableError, OtherTableError
from kclpy_helper.leases.attributes import Reader
from kclpy_helper.leases.lease import LEASE, Coordination, Lease, Shard, Snapshot, Worker
from kclpy_helper.values import integer

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from kclpy_helper.leases.attributes import Item
    from kclpy_helper.properties import Properties

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
        self.failover_seconds = _millis(app.values.get("failoverTimeMillis", "")) / 1000
        self.dynamodb = aws.client(app, "dynamodb")
        self.kinesis = aws.client(app, "kinesis")
        self.region: str = self.dynamodb.meta.region_name
        self.endpoint: str = self.dynamodb.meta.endpoint_url
        self._coordinator_state_table = aws.coordinator_state_table(app)
        self._worker_metrics_table = aws.worker_metrics_table(app)

    def read(self) -> Snapshot:
        """All of it, at once as far as several tables can be.

        Raises :class:`~kclpy_helper.errors.NoLeaseTableError` and :class:`~kclpy_helper.errors.OtherTableError`.
        """
        time = datetime.now(timezone.utc)
        self._require_lease_table()
        kinds: dict[str, dict[str, Item]] = {}
        for key, item in self._items(self.table, "leaseKey").items():
            kinds.setdefault(Reader(item).text("entityType") or LEASE, {})[key] = item
        leases = [Lease.of(item) for item in kinds.pop(LEASE, {}).values()]
        # What is in both, the lease table and the table that it replaces, is newer in the lease table.
        metrics = self._items(self._worker_metrics_table, "wid") | kinds.pop(_WORKER_METRIC_STATS, {})
        states = self._items(self._coordinator_state_table, "key")
        for others in kinds.values():
            states |= others
        owners = {owner for lease in leases for owner in (lease.owner, lease.checkpoint_owner) if owner}
        return Snapshot(
            time,
            tuple(sorted(leases, key=lambda lease: lease.key)),
            tuple(Worker.of(worker_id, metrics.get(worker_id, {})) for worker_id in sorted(owners | metrics.keys())),
            Coordination.of(states),
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

    def _items(self, table: str, key: str) -> dict[str, Item]:
        """The items of a table by the text of their ``key``; none where there is no such table."""
        items: dict[str, Item] = {}
        try:
            for page in self.dynamodb.get_paginator("scan").paginate(TableName=table, ConsistentRead=True):
                items |= {item[key]["S"]: item for item in page["Items"]}
        except self.dynamodb.exceptions.ResourceNotFoundException:
            return {}
        except KeyError:
            raise OtherTableError(table, key) from None
        return items

    def _require_lease_table(self) -> None:
        try:
            described = self.dynamodb.describe_table(TableName=self.table)["Table"]
        except self.dynamodb.exceptions.ResourceNotFoundException:
            raise NoLeaseTableError(self.table, self.region) from None
        types = {
            attribute["AttributeName"]: attribute["AttributeType"] for attribute in described["AttributeDefinitions"]
        }
        key = {part["AttributeName"]: types[part["AttributeName"]] for part in described["KeySchema"]}
        if key != {"leaseKey": "S"}:
            raise OtherTableError(self.table, "leaseKey")

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


def _millis(text: str) -> int:
    """``failoverTimeMillis`` as the daemon reads it: what is not a number, or 0, is not set."""
    return max(integer(text.strip()) or 0, 0) or _DEFAULT_FAILOVER_MILLIS
