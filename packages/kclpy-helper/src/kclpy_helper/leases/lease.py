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
from typing import TYPE_CHECKING, NamedTuple

from kclpy_helper.leases.attributes import Reader

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from kclpy_helper.leases.attributes import Item

LEASE = "LEASE"
"""The ``entityType`` of a lease; so has what has none."""

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
    processes records and may checkpoint. ``problem`` says which attributes are not as a KCL writes them, if any are; such an
    attribute is None or empty as well.
    """

    key: str
    counter: int | None
    owner: str | None
    checkpoint: Position | None
    pending_checkpoint: Position | None
    checkpoint_owner: str | None
    owner_switches: int
    parents: tuple[str, ...]
    children: tuple[str, ...]
    throughput_kbps: float | None
    problem: str | None
    item: Item = field(repr=False)

    @classmethod
    def of(cls, item: Item) -> Lease:
        """The lease in ``item``."""
        read = Reader(item)
        if (kind := read.text("entityType") or LEASE) != LEASE:
            read.add(f"entityType is {kind}, not {LEASE}")
        if "leaseCounter" not in item:
            read.add("there is no leaseCounter")
        return cls(
            key=item["leaseKey"]["S"],
            counter=read.integer("leaseCounter"),
            owner=read.text("leaseOwner"),
            checkpoint=_position(read, "checkpoint"),
            pending_checkpoint=_position(read, "pendingCheckpoint"),
            checkpoint_owner=read.text("checkpointOwner"),
            owner_switches=read.integer("ownerSwitchesSinceCheckpoint") or 0,
            parents=read.texts("parentShardId"),
            children=read.texts("childShardIds"),
            throughput_kbps=read.number("throughputKBps"),
            problem=read.problem,
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
    """A worker, and what it last said of its resources; KCL 1 and 2 workers say nothing.

    ``problem`` says what of it is not as a KCL writes it.
    """

    id: str
    metrics: tuple[Metric, ...] = ()
    updated: datetime | None = None
    problem: str | None = None

    @classmethod
    def of(cls, worker_id: str, item: Item) -> Worker:
        """The worker, and what ``item`` says of it, which may be empty."""
        read = Reader(item)
        limits = read.numbers("opr")
        metrics = tuple(
            Metric(_METRIC_NAMES.get(name, name), values, int(limits[name][0]) if limits.get(name) else None)
            for name, values in read.numbers("sts").items()
        )
        seconds = read.integer("lut")
        updated = None
        if seconds:
            try:
                updated = datetime.fromtimestamp(seconds, timezone.utc)
            except (ValueError, OverflowError, OSError):
                read.add(f"lut is {seconds}, not seconds since 1970")
        return cls(worker_id, metrics, updated, read.problem)


@dataclass(frozen=True, slots=True)
class Coordination:
    """KCL 3's leader, which assigns the leases, and how far the application has migrated, in the KCL's own words.

    ``problem`` says what of it is not as a KCL writes it.
    """

    leader: str | None
    client_version: str | None
    table_migration: str | None
    problem: str | None

    @classmethod
    def of(cls, items: Mapping[str, Item]) -> Coordination:
        """What ``items`` say, by their keys."""
        leader, client_version, table_migration = readers = [
            Reader(items.get(key, {})) for key in ("Leader", "Migration3.0", "TableMigration3.5")
        ]
        return cls(
            leader.text("ownerName"),
            client_version.text("cv"),
            table_migration.text("tm"),
            ", ".join(read.problem for read in readers if read.problem) or None,
        )


@dataclass(frozen=True, slots=True)
class Shard:
    """A shard of the stream; a closed one gets no records any more."""

    id: str
    closed: bool
    parents: tuple[str, ...]


class State(Enum):
    """What there is to say of a lease; the first that applies, in this order."""

    MALFORMED = "malformed"
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

    counter: int | None
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
            applies = {
                State.MALFORMED: lease.problem,
                State.SHARD_GONE: self.shards is not None and lease.key not in self.shards,
                State.FINISHED: lease.finished,
                State.NO_OWNER: lease.owner is None,
                State.EXPIRED: renewal and renewal.still_seconds >= failover_seconds,
                State.HANDING_OVER: lease.checkpoint_owner,
                State.WAITING_FOR_PARENT: unfinished.intersection(lease.parents),
            }
            return next((state for state in State if applies.get(state)), State.HELD)

        return {lease.key: state(lease) for lease in self.leases}


def position_in(item: Item) -> Position | None:
    """The checkpoint in ``item``."""
    return _position(Reader(item), "checkpoint")


def _position(read: Reader, name: str) -> Position | None:
    sequence_number = read.text(name)
    sub_sequence_number = read.integer(f"{name}SubSequenceNumber") or 0
    return Position(sequence_number, sub_sequence_number) if sequence_number else None
