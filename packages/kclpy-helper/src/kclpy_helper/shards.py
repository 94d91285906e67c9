"""What the shards' processes are doing, from the daemon's log: which message each was sent last, and whether it has answered.

A message is in the log as ``MessageWriter`` sends it, its answer as ``MultiLangProtocol`` takes it. (A checkpoint is part of
the message that is being answered.)
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kclpy_helper.logs import Event

_SENT = re.compile(r"Writing (\w+)Message to child process for shard (\S+)$")
_ANSWERED = re.compile(r"Received response .* from subprocess while waiting for \w+ while processing shard (\S+)$")
_ENDS = ("leaseLost", "shardEnded", "shutdown")
"""After the answer to one of these, the process ends."""


@dataclass
class Shard:
    """A shard that this worker holds, and its process."""

    action: str
    """The last message, by its name in the protocol."""
    since: float
    """When it was sent, in seconds of :func:`time.monotonic`."""
    answered: bool = False
    answers: int = 0
    """How many messages have been answered."""
    is_shut_down: bool = False
    """Whether it has answered ``shutdownRequested``, and so made its last checkpoint."""


class Shards(dict[str, Shard]):
    """The shards that this worker holds, by their id."""

    def __init__(self) -> None:
        super().__init__()
        self._stopping = False
        self.had_any = False

    def stop_requested(self) -> None:
        """From now on the daemon is to end: a shard that is taken up nevertheless is none to wait for."""
        self._stopping = True

    def __call__(self, event: Event) -> None:
        """Read the next event of the daemon."""
        if sent := _SENT.match(event.message):
            self._sent(f"{sent[1][:1].lower()}{sent[1][1:]}", sent[2])
        elif (found := _ANSWERED.match(event.message)) and (shard := self.get(found[1])):
            shard.answered = True
            shard.answers += 1
            shard.is_shut_down = shard.is_shut_down or shard.action == "shutdownRequested"
            if shard.action in _ENDS:
                del self[found[1]]

    def _sent(self, action: str, shard_id: str) -> None:
        if action == "initialize":
            if not self._stopping:
                self[shard_id] = Shard(action, time.monotonic())
                self.had_any = True
        elif action != "checkpoint" and (shard := self.get(shard_id)):
            shard.action, shard.since, shard.answered = action, time.monotonic(), False

    def unfinished(self) -> list[str]:
        """What a stop is still waiting for: each shard and what its process is doing."""
        return [
            f"{shard_id} (in {shard.action} for {time.monotonic() - shard.since:.0f} s)"
            for shard_id, shard in self.items()
            if not shard.is_shut_down
        ]
