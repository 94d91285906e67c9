"""What is known of a KCL application: its leases, its workers, its leader, and its stream's shards beside them.

The attributes are those that the KCL's serializers write: ``KinesisClientLeaseSerializer`` (1.x),
``DynamoDBLeaseSerializer`` (2.x, 3.x), ``WorkerMetricStats`` and ``CoordinatorState`` (3.x).

No table holds the time of a renewal: a lease has a counter, which its owner increments. Whether it moves is what
:class:`Renewals` finds out, by looking more than once.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timezone
from enum import Enum
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    Item = Mapping[str, Mapping[str, Any]]

SHARD_END = "SHARD_END"
LAST_SUB_SEQUENCE_NUMBER = 2**63 - 1
"""The greatest that a KCL can read; a checkpoint with it is behind all that may be aggregated in its record."""
_METRIC_NAMES = {"C": "CPU", "M": "memory", "NI": "network in", "NO": "network out", "T": "throughput"}
"""The KCL's WorkerMetricType."""


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
            counter=int(value(item, "leaseCounter", "0")),
            owner=value(item, "leaseOwner"),
            checkpoint=_position(item, "checkpoint"),
            pending_checkpoint=_position(item, "pendingCheckpoint"),
            checkpoint_owner=value(item, "checkpointOwner"),
            owner_switches=int(value(item, "ownerSwitchesSinceCheckpoint", "0")),
            parents=tuple(sorted(value(item, "parentShardId", ()))),
            children=tuple(sorted(value(item, "childShardIds", ()))),
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

    @classmethod
    def of(cls, worker_id: str, item: Item) -> Worker:
        """The worker, and what ``item`` says of it, which may be empty."""
        limits = value(item, "opr", {})
        metrics = (
            Metric(
                _METRIC_NAMES.get(name, name),
                tuple(float(number["N"]) for number in numbers["L"]),
                int(limits[name]["L"][0]["N"]) if name in limits else None,
            )
            for name, numbers in sorted(value(item, "sts", {}).items())
        )
        updated = value(item, "lut")
        return cls(worker_id, tuple(metrics), datetime.fromtimestamp(int(updated), timezone.utc) if updated else None)


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


def value(item: Item, name: str, default: Any = None) -> Any:
    """The value of an attribute, whatever its type; numbers are text, as DynamoDB has them, and NULL is as good as none."""
    attribute = item.get(name, {"NULL": True})
    return default if "NULL" in attribute else next(iter(attribute.values()))


def _position(item: Item, name: str) -> Position | None:
    sequence_number = value(item, name)
    return Position(sequence_number, int(value(item, f"{name}SubSequenceNumber", "0"))) if sequence_number else None
