"""Whether a daemon gets any further, and if not, what it waits for and how long that takes at most."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, NamedTuple

from kclpy_helper.logs import Level

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from kclpy_helper.ending import Inquest
    from kclpy_helper.logs import Event

NO_SHARD_SECONDS = 10.0
"""How long a worker may be without a shard before it is said why."""
SETTLED_SECONDS = 1.0
"""How long the reason has to stand: a start passes through several."""
CHECKPOINT_SECONDS = 10.0
ANSWER_SECONDS = 30.0
"""How long a checkpoint, and any other answer, may take before it is said; and three times the longest so far."""
HANDOVER_SECONDS = 5.0
FIGHTS = 3
"""How many leases that are lost soon after they were taken, within a minute, are not by chance."""

_LEADER = re.compile(r"Worker : (.*) is (?:the current|new) leader")
_PHASES = (
    (
        re.compile(r"Initializing LeaseCoordinator|Initialization attempt"),
        "the daemon makes or reads its tables, for which DynamoDB has to answer",
    ),
    (
        re.compile(r"Lease table is still empty"),
        "the lease table is empty, and the KCL waits for up to 30 s, by chance, before it looks for the stream's shards",
    ),
    (
        re.compile(r".* is (?:initiating the|beginning initial) lease sync"),
        "the daemon looks for the stream's shards, and then waits for shardSyncIntervalMillis (60 s by default)",
    ),
)
_TAKES = (
    "the leases of a worker that has ended expire after failoverTimeMillis (10 s by default); if all shards have a worker, "
    "there is none for this one"
)
_ASSIGNS = (
    "this worker is the leader, and every leaseAssignmentIntervalMillis (20 s by default) assigns the shards that have no "
    "worker; if all have one, there is none for it"
)
_IS_ASSIGNED = (
    "the leader, {leader}, assigns the shards; if that worker has ended without a word, another becomes the leader two "
    "minutes later at most, and assigns them after leaseAssignmentIntervalMillis (20 s by default)"
)


class _Wait(NamedTuple):
    """Something that is waited for."""

    what: str
    level: Level
    since: float
    text: str
    reason: str = ""
    """Where it may change, and is to be said again."""


class Standstill:
    """Says once what the daemon that ``inquest`` is about waits for, and when that is over.

    ``worker`` is the daemon's ``workerId``. Feed it each of the daemon's events, and call :meth:`tick` every so often.
    """

    def __init__(self, inquest: Inquest, worker: str, say: Callable[[Level, str], None]) -> None:
        self._inquest = inquest
        self._worker = worker
        self._say = say
        self._phase = _PHASES[0][1]
        self._leader = ""
        self._reason = ""
        self._without_shard = self._news = time.monotonic()
        self._waits: dict[str, tuple[float, str]] = {}

    def __call__(self, event: Event) -> None:
        """Read the next event of the daemon."""
        before = self._phase, self._leader
        if found := _LEADER.match(event.message):
            self._leader = found[1]
        elif "Initialization complete" in event.message:
            self._phase = ""
        for pattern, text in _PHASES:
            if pattern.match(event.message):
                self._phase = text
        if before != (self._phase, self._leader):
            self._news = time.monotonic()

    def tick(self) -> None:
        """Say what is waited for since the last time, and what is over."""
        now = time.monotonic()
        if self._inquest.shards:
            self._without_shard = now
        waits = {wait.what: wait for wait in self._found(now)}
        for what in self._waits.keys() - waits.keys():
            since, _ = self._waits.pop(what)
            self._say(Level.INFO, f"over after {now - since:.0f} s: {what}")
        for what, wait in waits.items():
            if what not in self._waits or self._waits[what][1] != wait.reason:
                self._waits[what] = wait.since, wait.reason
                self._say(wait.level, wait.text)

    def _found(self, now: float) -> Iterator[_Wait]:
        shards = self._inquest.shards
        if trouble := self._inquest.trouble(now):
            yield _Wait("the trouble with AWS", Level.ERROR, now, f"the MultiLangDaemon goes on trying: {trouble}")
        if shards.is_stopping:
            return
        seconds = now - self._without_shard
        if now - self._news >= SETTLED_SECONDS:
            self._reason = self._why_no_shard()
        if not shards and seconds >= NO_SHARD_SECONDS and self._reason:
            text = f"no shard for {seconds:.0f} s: {self._reason}"
            yield _Wait("no shard", Level.INFO, self._without_shard, text, self._reason)
        if (count := shards.lost_at_once(now)) >= FIGHTS:
            yield _Wait(
                "leases that are lost at once",
                Level.WARNING,
                now,
                f"{count} leases were lost within seconds of being taken: another worker probably has this one's workerId, "
                f"{self._worker}. Next: end it, or give each worker a workerId of its own.",
            )
        for shard_id, shard in list(shards.items()):  # another thread reads the daemon's log
            seconds = now - shard.since
            if shard.checkpoint and now - shard.checkpoint >= max(CHECKPOINT_SECONDS, 3 * shard.longest):
                yield _Wait(
                    f"a checkpoint of {shard_id}",
                    Level.WARNING,
                    shard.checkpoint,
                    f"{shard_id} waits for its checkpoint, for {now - shard.checkpoint:.0f} s: DynamoDB does not answer, or "
                    "throttles. The KCL tries again, for as long as failoverTimeMillis or its own time limit of a minute.",
                )
            elif not shard.answered and not shard.checkpoint and seconds >= max(ANSWER_SECONDS, 3 * shard.longest):
                yield _Wait(
                    f"{shard.action} of {shard_id}",
                    Level.WARNING,
                    shard.since,
                    f"{shard_id} is in {shard.action} for {seconds:.0f} s: its record processor has not answered. The daemon "
                    "waits for as long as timeoutInSeconds says, without it for ever.",
                )
            elif shard.is_shut_down and shard.answered and seconds >= HANDOVER_SECONDS:
                yield _Wait(
                    f"{shard_id} is handed over",
                    Level.INFO,
                    shard.since,
                    f"{shard_id} has made its last checkpoint and is handed over to another worker, which takes it up within "
                    "gracefulLeaseHandoffTimeoutMillis (30 s by default) and leaseAssignmentIntervalMillis (20 s)",
                )

    def _why_no_shard(self) -> str:
        if self._phase:
            return self._phase
        if not self._leader:
            return _TAKES
        return _ASSIGNS if self._leader == self._worker else _IS_ASSIGNED.format(leader=self._leader)
