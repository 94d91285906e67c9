"""What the shards' processes are doing, from the daemon's log: which message each was sent last, and whether it has answered.

A message is in the log as ``MessageWriter`` sends it, its answer as ``MultiLangProtocol`` takes it; so is, the other way round,
a checkpoint, which is part of the message that is being answered.
"""

from __future__ import annotations

import re
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kclpy_helper.logs import Event

_SENT = re.compile(r"Writing (\w+)Message to child process for shard (\S+)$")
_ANSWERED = re.compile(r"Received response .* from subprocess while waiting for \w+ while processing shard (\S+)$")
_CHECKPOINT = re.compile(r"Attempting to checkpoint shard (\S+) @ ")
_ENDS = ("leaseLost", "shardEnded", "shutdown")
"""After the answer to one of these, the process ends."""
_AT_ONCE_SECONDS = 10.0
_MINUTE = 60.0


@dataclass
class Shard:
    """A shard that this worker holds, and its process."""

    action: str
    """The last message, by its name in the protocol."""
    since: float
    """When it was sent, or the last checkpoint was answered, in seconds of :func:`time.monotonic`."""
    taken: float
    """When its first message was sent."""
    answered: bool = False
    answers: int = 0
    """How many messages have been answered."""
    longest: float = 0.0
    """How many seconds the slowest answer took."""
    checkpoint: float = 0.0
    """When it asked for the checkpoint that has not been answered; 0 where there is none."""
    is_shut_down: bool = False
    """Whether it has answered ``shutdownRequested``, and so made its last checkpoint."""


class Shards(dict[str, Shard]):
    """The shards that this worker holds, by their id; one thread reads events, another may ask."""

    def __init__(self) -> None:
        super().__init__()
        self.is_stopping = False
        self.had_any = False
        self._lost: deque[float] = deque(maxlen=100)

    def stop_requested(self) -> None:
        """From now on the daemon is to end: a shard that is taken up nevertheless is none to wait for."""
        self.is_stopping = True

    def __call__(self, event: Event) -> None:
        """Read the next event of the daemon."""
        if sent := _SENT.match(event.message):
            self._sent(f"{sent[1][:1].lower()}{sent[1][1:]}", sent[2])
        elif (found := _CHECKPOINT.match(event.message)) and (shard := self.get(found[1])):
            shard.checkpoint = time.monotonic()
        elif (found := _ANSWERED.match(event.message)) and (shard := self.get(found[1])):
            shard.answered = True
            shard.answers += 1
            shard.longest = max(shard.longest, time.monotonic() - shard.since)
            shard.is_shut_down = shard.is_shut_down or shard.action == "shutdownRequested"
            if shard.action in _ENDS:
                del self[found[1]]

    def _sent(self, action: str, shard_id: str) -> None:
        if action == "initialize":
            if not self.is_stopping:
                self[shard_id] = Shard(action, time.monotonic(), time.monotonic())
                self.had_any = True
        elif (shard := self.get(shard_id)) and action == "checkpoint":
            shard.checkpoint, shard.since = 0.0, time.monotonic()
        elif shard:
            shard.action, shard.since, shard.answered = action, time.monotonic(), False
            if action == "leaseLost" and not shard.is_shut_down and shard.since - shard.taken < _AT_ONCE_SECONDS:
                self._lost.append(shard.since)

    def lost_at_once(self, now: float) -> int:
        """How many leases were lost within seconds of being taken, in the last minute."""
        return sum(now - lost < _MINUTE for lost in list(self._lost))

    def unfinished(self) -> list[str]:
        """What a stop is still waiting for: each shard and what its process is doing."""
        return [
            f"{shard_id} (in {shard.action} for {time.monotonic() - shard.since:.0f} s)"
            for shard_id, shard in list(self.items())
            if not shard.is_shut_down
        ]
