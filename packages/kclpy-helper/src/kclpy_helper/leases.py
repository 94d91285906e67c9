"""What the tables of a KCL application say: its leases, its workers, its leader; and its stream's shards beside them.

Only reads. The attributes are those that the KCL's serializers write: ``KinesisClientLeaseSerializer`` (1.x),
``DynamoDBLeaseSerializer`` (2.x, 3.x), ``WorkerMetricStats`` and ``CoordinatorState`` (3.x). From 3.5 on an application
can have all of it in its lease table, where ``entityType`` tells one kind of item from another.

No table holds the time of a renewal: a lease has a counter, which its owner increments. Whether it moves is what
:class:`Renewals` finds out, by looking more than once.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timezone
from enum import Enum
from typing import TYPE_CHECKING, Any, NamedTuple

from kclpy_helper import aws
from kclpy_helper.errors import NoLeaseTableError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from kclpy_helper.properties import Properties

    Item = Mapping[str, Mapping[str, Any]]

SHARD_END = "SHARD_END"
LAST_SUB_SEQUENCE_NUMBER = 2**63 - 1
"""The greatest that a KCL can read; a checkpoint with it is behind all that may be aggregated in its record."""
_LEASE = "LEASE"
_WORKER_METRIC_STATS = "WORKER_METRIC_STATS"
_DEFAULT_FAILOVER_MILLIS = 10000
_METRIC_NAMES = {"C": "CPU", "M": "memory", "NI": "network in", "NO": "network out", "T": "throughput"}
"""The KCL's WorkerMetricType."""
_LAG_THREADS = 8


@dataclass(frozen=True, slots=True)
class Position:
    """A place in a shard: a sequence number, or TRIM_HORIZON, LATEST, AT_TIMESTAMP or SHARD_END."""

    sequence_number: str
    sub_sequence_number: int = 0


@dataclass(frozen=True, slots=True)
class Lease:
    """One lease; ``item`` is what DynamoDB holds. What a KCL does not write, or has not yet written, is None or empty.

    While a worker hands the lease over (KCL 3), ``owner`` is the next one, and ``checkpoint_owner`` the one that still
    processes records and may checkpoint.
    """

    key: str
    counter: int
    owner: str | None
    checkpoint: Position | None
    pending_checkpoint: Position | None
    checkpoint_owner: str | None
    owner_switches: int
    parents: tuple[str, ...]
    children: tuple[str, ...]
    throughput_kbps: float | None
    item: Item = field(repr=False)

    @classmethod
    def of(cls, item: Item) -> Lease:
        """The lease in ``item``."""
        return cls(
            key=item["leaseKey"]["S"],
            counter=int(_value(item, "leaseCounter", "0")),
            owner=_value(item, "leaseOwner"),
            checkpoint=_position(item, "checkpoint"),
            pending_checkpoint=_position(item, "pendingCheckpoint"),
            checkpoint_owner=_value(item, "checkpointOwner"),
            owner_switches=int(_value(item, "ownerSwitchesSinceCheckpoint", "0")),
            parents=tuple(sorted(_value(item, "parentShardId", ()))),
            children=tuple(sorted(_value(item, "childShardIds", ()))),
            throughput_kbps=float(item["throughputKBps"]["N"]) if "throughputKBps" in item else None,
            item=item,
        )

    @property
    def finished(self) -> bool:
        """Whether all of the shard is processed."""
        return self.checkpoint is not None and self.checkpoint.sequence_number == SHARD_END


@dataclass(frozen=True, slots=True)
class Metric:
    """A worker's use of a resource in percent, oldest value first; above ``limit`` the KCL takes leases from it."""

    name: str
    values: tuple[float, ...]
    limit: int | None


@dataclass(frozen=True, slots=True)
class Worker:
    """A worker, and what it last said of its resources; KCL 1 and 2 workers say nothing."""

    id: str
    metrics: tuple[Metric, ...] = ()
    updated: datetime | None = None


@dataclass(frozen=True, slots=True)
class Coordination:
    """KCL 3's leader, which assigns the leases, and how far the application has migrated, in the KCL's own words."""

    leader: str | None
    client_version: str | None
    table_migration: str | None


@dataclass(frozen=True, slots=True)
class Shard:
    """A shard of the stream; a closed one gets no records any more."""

    id: str
    closed: bool
    parents: tuple[str, ...]


class State(Enum):
    """What there is to say of a lease; the first that applies, in this order."""

    SHARD_GONE = "shard gone"
    FINISHED = "finished"
    NO_OWNER = "no owner"
    EXPIRED = "expired"
    HANDING_OVER = "handing over"
    WAITING_FOR_PARENT = "waiting for parent"
    HELD = "held"


@dataclass(frozen=True, slots=True)
class Renewal:
    """What was seen of a lease's counter: how long ago it moved at most, or None where it never did; how long it stands."""

    within_seconds: float | None
    still_seconds: float


class Renewals:
    """Looks at the leases' counters again and again."""

    def __init__(self) -> None:
        self._looks: dict[str, _Look] = {}
        self._last = 0.0

    def look(self, leases: Iterable[Lease], now: float) -> dict[str, Renewal]:
        """What is known at ``now``, in seconds of a monotonic clock, of each lease that was looked at before."""
        known = self._looks
        self._looks = {}
        for lease in leases:
            look = known.get(lease.key) or _Look(lease.counter, now, None)
            if look.counter != lease.counter:
                look = _Look(lease.counter, now, self._last)
            self._looks[lease.key] = look
        self._last = now
        return {
            key: Renewal(None if look.after is None else now - look.after, now - look.since)
            for key, look in self._looks.items()
            if key in known
        }


class _Look(NamedTuple):
    """A counter, when it was first seen, and before that the time at which it was not yet there."""

    counter: int
    since: float
    after: float | None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """An application at one time; ``shards`` is None where its stream is not known."""

    time: datetime
    leases: tuple[Lease, ...]
    workers: tuple[Worker, ...]
    coordination: Coordination
    shards: Mapping[str, Shard] | None

    @property
    def shards_without_lease(self) -> tuple[Shard, ...]:
        """Open ones get a lease in time; closed ones have been processed, or never will be."""
        keys = {lease.key for lease in self.leases}
        return tuple(shard for shard in (self.shards or {}).values() if shard.id not in keys)

    def states(self, renewals: Mapping[str, Renewal], failover_seconds: float) -> dict[str, State]:
        """What there is to say of each lease, by its key; expired is what no worker renewed for ``failover_seconds``."""
        unfinished = {lease.key for lease in self.leases if not lease.finished}

        def state(lease: Lease) -> State:
            renewal = renewals.get(lease.key)
            if self.shards is not None and lease.key not in self.shards:
                return State.SHARD_GONE
            if lease.finished:
                return State.FINISHED
            if lease.owner is None:
                return State.NO_OWNER
            if renewal and renewal.still_seconds >= failover_seconds:
                return State.EXPIRED
            if lease.checkpoint_owner:
                return State.HANDING_OVER
            return State.WAITING_FOR_PARENT if unfinished.intersection(lease.parents) else State.HELD

        return {lease.key: state(lease) for lease in self.leases}


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
            kinds.setdefault(_value(item, "entityType", _LEASE), []).append(item)
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
            tuple(_worker(worker_id, metrics.get(worker_id, {})) for worker_id in sorted(owners | metrics.keys())),
            Coordination(
                leader=_value(states.get("Leader", {}), "ownerName"),
                client_version=_value(states.get("Migration3.0", {}), "cv"),
                table_migration=_value(states.get("TableMigration3.5", {}), "tm"),
            ),
            {shard.id: shard for shard in self._shards()} if self.stream else None,
        )

    def millis_behind_latest(self, leases: Iterable[Lease]) -> dict[str, int]:
        """How far each lease's checkpoint is behind the newest record, by its key, where that can be said.

        Costs one GetShardIterator and one GetRecords call for each shard that is not finished; a shard allows five of
        either a second, to all of its readers together.
        """
        askable = [lease for lease in leases if lease.checkpoint and not lease.finished]
        with ThreadPoolExecutor(_LAG_THREADS) as pool:
            lags = pool.map(self._lag, askable)
            return {lease.key: lag for lease, lag in zip(askable, lags, strict=True) if lag is not None}

    def _lag(self, lease: Lease) -> int | None:
        assert lease.checkpoint is not None  # noqa: S101  (for mypy)
        start = lease.checkpoint.sequence_number
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


def _value(item: Item, name: str, default: Any = None) -> Any:
    """The value of an attribute, whatever its type; numbers are text, as DynamoDB has them."""
    return next(iter(item[name].values())) if name in item else default


def _position(item: Item, name: str) -> Position | None:
    sequence_number = _value(item, name)
    return Position(sequence_number, int(_value(item, f"{name}SubSequenceNumber", "0"))) if sequence_number else None


def _worker(worker_id: str, item: Item) -> Worker:
    limits = _value(item, "opr", {})
    metrics = (
        Metric(
            _METRIC_NAMES.get(name, name),
            tuple(float(value["N"]) for value in values["L"]),
            int(limits[name]["L"][0]["N"]) if name in limits else None,
        )
        for name, values in sorted(_value(item, "sts", {}).items())
    )
    updated = _value(item, "lut")
    return Worker(worker_id, tuple(metrics), datetime.fromtimestamp(int(updated), timezone.utc) if updated else None)


def _millis(text: str | None) -> int:
    """``failoverTimeMillis`` as the daemon reads it: what is no number, or 0, is not set."""
    try:
        return int(text or 0) or _DEFAULT_FAILOVER_MILLIS
    except ValueError:
        return _DEFAULT_FAILOVER_MILLIS
