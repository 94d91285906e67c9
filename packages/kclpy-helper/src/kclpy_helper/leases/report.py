"""What there is to see of an application's leases: as tables for people, and as a document for machines."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Group
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from kclpy_helper.leases.lease import LAST_SUB_SEQUENCE_NUMBER, State
from kclpy_helper.printable import printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rich.console import Console, RenderableType

    from kclpy_helper.leases.application import Application
    from kclpy_helper.leases.lease import Lease, Metric, Position, Renewal, Snapshot, Worker

_SHORT = 8
_ANY = 10_000
_STYLES = {
    State.MALFORMED: "red",
    State.SHARD_GONE: "red",
    State.FINISHED: "dim",
    State.HANDING_OVER: "yellow",
    State.NO_OWNER: "red",
    State.EXPIRED: "red",
    State.WAITING_FOR_PARENT: "yellow",
    State.HELD: "green",
}


@dataclass(frozen=True)
class Report:
    """A snapshot, and what was asked for beside it; ``lag`` is None where it was not."""

    application: Application
    snapshot: Snapshot
    renewals: Mapping[str, Renewal] = field(default_factory=dict)
    lag: Mapping[str, int] | None = None

    @cached_property
    def states(self) -> dict[str, State]:
        """What there is to say of each lease, by its key."""
        return self.snapshot.states(self.renewals, self.application.failover_seconds)

    def document(self) -> dict[str, Any]:
        """The document; docs/leases.md explains its fields, whose names stay."""
        snapshot = self.snapshot
        return {
            "time": snapshot.time.isoformat(timespec="milliseconds"),
            "region": self.application.region,
            "table": self.application.table,
            "stream": self.application.stream or None,
            **asdict(snapshot.coordination),
            "leases": [self._lease(lease) for lease in snapshot.leases],
            "workers": [self._worker(worker) for worker in snapshot.workers],
            "shards_without_lease": [asdict(shard) for shard in snapshot.shards_without_lease],
        }

    def _lease(self, lease: Lease) -> dict[str, Any]:
        renewal = self.renewals.get(lease.key)
        fields = asdict(lease)
        del fields["item"], fields["key"]
        return {
            "lease_key": lease.key,
            **fields,
            "state": self.states[lease.key].name.lower(),
            "renewal": asdict(renewal) if renewal else None,
            "millis_behind_latest": (self.lag or {}).get(lease.key),
        }

    def _worker(self, worker: Worker) -> dict[str, Any]:
        return {
            "id": worker.id,
            "leases": [lease.key for lease in self.snapshot.leases if lease.owner == worker.id],
            "metrics": [asdict(metric) for metric in worker.metrics],
            "updated": worker.updated.isoformat() if worker.updated else None,
            "problem": worker.problem,
        }

    def tables(self, console: Console) -> RenderableType:
        """The tables, with whole sequence numbers where ``console`` is wide enough for those; they have 56 digits."""
        leases = self._leases_table(whole=True)
        if Measurement.get(console, console.options.update(max_width=_ANY), leases).maximum > console.width:
            leases = self._leases_table(whole=False)
        coordination = self.snapshot.coordination
        words = [
            f"{self.application.table} in {self.application.region}, {self.snapshot.time:%Y-%m-%d %H:%M:%S} UTC",
            f"leader {coordination.leader}" if coordination.leader else "",
            coordination.client_version or "",
            coordination.table_migration or "",
        ]
        return Group(
            _cell(", ".join(filter(None, words))),
            leases,
            self._workers_table(),
            *(Text(printable(line), style="yellow") for line in self._remarks()),
        )

    def _leases_table(self, *, whole: bool) -> Table:
        leases = self.snapshot.leases
        table = _table()
        table.add_column("Shard", no_wrap=True)
        table.add_column("Owner", overflow="ellipsis", min_width=8)  # with the state, what gives way
        table.add_column("Checkpoint", no_wrap=True)
        columns = [
            ("Renewed", self._renewed, bool(self.renewals)),
            ("KB/s", _throughput, any(lease.throughput_kbps is not None for lease in leases)),
            ("Behind", self._behind, self.lag is not None),
        ]
        shown = [(name, cell) for name, cell, wanted in columns if wanted]
        for name, _ in shown:
            table.add_column(name, justify="right", no_wrap=True)
        table.add_column("State", min_width=8)
        for lease in leases:
            state = self.states[lease.key]
            table.add_row(
                _cell(lease.key, *(f"└ of {parent.removeprefix('shardId-')}" for parent in lease.parents)),
                _cell(lease.owner or "", *([f"←{lease.checkpoint_owner}"] if lease.checkpoint_owner else [])),
                _cell(*_checkpoints(lease, whole=whole)),
                *(cell(lease) for _, cell in shown),
                Text(
                    f"{state.value}: {printable(lease.problem)}" if lease.problem else state.value, style=_STYLES[state]
                ),
            )
        return table

    def _workers_table(self) -> Table:
        table = _table()
        table.add_column("Worker", no_wrap=True)
        table.add_column("Leases", justify="right", no_wrap=True)
        table.add_column("Uses, of at most")
        table.add_column("Said", justify="right", no_wrap=True)
        for worker in self.snapshot.workers:
            age = (self.snapshot.time - worker.updated).total_seconds() if worker.updated else None
            table.add_row(
                _cell(worker.id),
                str(sum(lease.owner == worker.id for lease in self.snapshot.leases)),
                _cell(
                    ", ".join(map(_use, worker.metrics)), *([f"malformed: {worker.problem}"] if worker.problem else [])
                ),
                "" if age is None else f"{seconds(age)} ago",
            )
        return table

    def _renewed(self, lease: Lease) -> str:
        renewal = self.renewals.get(lease.key)
        if renewal is None or lease.owner is None:
            return ""
        if renewal.within_seconds is None:
            return f"> {seconds(renewal.still_seconds)}"
        return f"< {seconds(renewal.within_seconds)}"

    def _behind(self, lease: Lease) -> str:
        millis = (self.lag or {}).get(lease.key)
        return "" if millis is None else seconds(millis / 1000)

    def _remarks(self) -> Iterator[str]:
        snapshot = self.snapshot
        words = {
            State.NO_OWNER: "no worker has",
            State.SHARD_GONE: "not in the stream any more",
            State.EXPIRED: "not renewed by its owner, so that any worker may take it",
        }
        for state, text in words.items():
            if keys := [lease.key for lease in snapshot.leases if self.states[lease.key] is state]:
                yield f"{text}: {', '.join(keys)}"
        if not self.renewals and any(state is State.HELD for state in self.states.values()):
            yield "one look cannot tell whether a worker renews what it holds: --observe 10, or --watch, can"
        if keys := [shard.id for shard in snapshot.shards_without_lease if not shard.closed]:
            yield f"open, without a lease: {', '.join(keys)}"
        if keys := [shard.id for shard in snapshot.shards_without_lease if shard.closed]:
            yield f"closed, without a lease (processed and cleaned up, or not wanted): {', '.join(keys)}"
        if snapshot.coordination.problem:
            yield f"malformed, of the leader and the migrations: {snapshot.coordination.problem}"


def seconds(value: float) -> str:
    """A duration in the unit that fits."""
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if value >= 2 * size:
            return f"{value / size:.0f} {unit}"
    return f"{value:.0f} s" if value >= 1 or not value else f"{value * 1000:.0f} ms"


def position(place: Position, *, whole: bool) -> str:
    """A position, of whose sequence number only the end is needed to tell it from others of the shard."""
    number = place.sequence_number
    if not whole and number.isdigit() and len(number) > _SHORT:
        number = f"…{number[1 - _SHORT :]}"
    if not place.sub_sequence_number:
        return number
    last = place.sub_sequence_number == LAST_SUB_SEQUENCE_NUMBER
    return f"{number}/{'max' if last else place.sub_sequence_number}"


def _checkpoints(lease: Lease, *, whole: bool) -> list[str]:
    lines = [position(lease.checkpoint, whole=whole) if lease.checkpoint else ""]
    if lease.pending_checkpoint:
        lines.append(f"→ {position(lease.pending_checkpoint, whole=whole)}")
    return lines


def _cell(*lines: str) -> Text:
    """A table's cell of what others wrote: never rich's markup."""
    return Text("\n".join(map(printable, lines)))


def _table() -> Table:
    return Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)


def _throughput(lease: Lease) -> str:
    return "" if lease.throughput_kbps is None else f"{lease.throughput_kbps:.1f}"


def _use(metric: Metric) -> str:
    newest = f"{metric.values[-1]:.0f}" if metric.values else "?"
    return f"{metric.name} {newest} %" + ("" if metric.limit is None else f" of {metric.limit} %")
