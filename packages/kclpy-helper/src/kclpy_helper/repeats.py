"""Events that come again and again: the first is let through, the others are counted."""

from __future__ import annotations

import re
import time
from threading import Lock
from typing import TYPE_CHECKING

from kclpy_helper.logs import JVM, Level, now

if TYPE_CHECKING:
    from collections.abc import Callable

    from kclpy_helper.logs import Event

SECONDS = 60.0
"""How long repetitions are counted before their number is said. What did not come again in that time is news again."""
_MOST = 1000
"""How many different events are remembered; of more, the oldest are forgotten."""
_VARIABLE = re.compile(r"[0-9a-fA-F-]*\d[0-9a-fA-F-]*")
"""What differs in the same event: numbers, times, ids of requests."""


class _Seen:
    def __init__(self, event: Event) -> None:
        self.event = event
        self.since = time.monotonic()
        self.count = 0


class Repeats:
    """Hands events on to ``log``; of the warnings and errors in the daemon's log that are alike, one in a minute.

    What the JVM prints past the log, such as the threads that it is asked for, is left whole.
    """

    def __init__(self, log: Callable[[Event], None]) -> None:
        self._log = log
        self._seen: dict[tuple[str, ...], _Seen] = {}
        self._lock = Lock()

    def __call__(self, event: Event) -> None:
        """Hand ``event`` on, or count it."""
        if event.of_child or event.logger == JVM or event.level < Level.WARNING:
            self._log(event)
            return
        words = f"{event.message[:200]}\n{event.exception[:200]}"
        key = (event.logger, event.shard, _VARIABLE.sub("#", words))
        with self._lock:
            if key in self._seen:
                self._seen[key].count += 1
                return
            if len(self._seen) >= _MOST:
                self._say(self._seen.pop(next(iter(self._seen))))
            self._seen[key] = _Seen(event)
            self._log(event)

    def tick(self) -> None:
        """Say what has been counted for long enough."""
        with self._lock:
            for key, seen in list(self._seen.items()):
                if time.monotonic() - seen.since >= SECONDS:
                    del self._seen[key]
                    if self._say(seen):
                        self._seen[key] = _Seen(seen.event)

    def flush(self) -> None:
        """Say what has been counted."""
        with self._lock:
            for seen in self._seen.values():
                self._say(seen)
            self._seen.clear()

    def _say(self, seen: _Seen) -> bool:
        if seen.count:
            first = seen.event.message.partition("\n")[0]
            times = "once" if seen.count == 1 else f"{seen.count:,} times"
            text = f"again, {times} in {time.monotonic() - seen.since:.0f} s: {first}"
            self._log(seen.event._replace(timestamp=now(), message=text, exception=""))
        return seen.count > 0
