"""The daemon's log under ``kclpy-helper run``: its lines become events, and events become lines again.

The daemon is started with a log format of ours (:mod:`kclpy_helper.log_configuration`), whose lines begin with a mark that
is new for each run: nothing that a record processor writes can be taken for the daemon's word. The daemon logs a line that a
child wrote to stderr as an error (``DrainChildSTDERRTask``), and then prints it as it is; a line on stdout that is not a
message it logs as one to be skipped (``GetNextMessageTask``). Of these, one event remains: the line, with its shard, at the
level that the child gave it.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from datetime import datetime
from enum import IntEnum
from typing import NamedTuple

from kclpy_helper.printable import escaped_json, printable_lines


class Level(IntEnum):
    """The levels, as Python's ``logging`` numbers and names them."""

    DEBUG = 10
    INFO = 20
    WARNING = 30
    ERROR = 40
    CRITICAL = 50


_CHILD_LEVELS = {**Level.__members__, "TRACE": Level.DEBUG, "WARN": Level.WARNING, "FATAL": Level.CRITICAL}
_DAEMON_LEVELS = {"WARN": Level.WARNING, "WARNING": Level.WARNING, "ERROR": Level.ERROR, "SEVERE": Level.ERROR}
"""Of logback and, for KCL 1.x, of java.util.logging. What the KCL takes for information is for those who debug it."""


class Event(NamedTuple):
    """One event of the log. ``timestamp`` is ISO 8601 with its offset; ``shard`` is a shard's id or ``""``."""

    timestamp: str
    level: Level
    shard: str
    logger: str
    message: str
    exception: str = ""
    of_child: bool = False
    """Whether a record processor's process wrote it."""


JVM = "java"
"""The logger of what the JVM prints past its log."""
_NEW_LINE = "\u2028"
END_OF_MESSAGE = "\u2029"
"""What stands for a line end in a line of the daemon, and between a message and an exception."""
FRAME = re.compile(r"\s+at [\w.$/]+[.(]|\s+\.\.\. \d+ (?:common frames omitted|more)$")
_CHILD_STDERR = re.compile(r"Received error line from subprocess \[(.*)\] for shard (\S+)")
_CHILD_STDOUT = re.compile(r"(?:Skipping unexpected line on STDOUT|Drained line) for shard (\S+): (.*)")
_SHARD = re.compile(r"\bshardId-\w+")
_OF_A_SHARD = re.compile(
    r"\.(?:multilang|lifecycle|retrieval|checkpoint)\.|\.worker\.\w*(?<!Sync)(?:Task|Consumer|Fetcher|Cache|Checkpointer)$"
)
"""The loggers that each work for one shard; KCL 1.x has them in one package with those of the worker."""

_TIME = r"\d{4}-\d\d-\d\d[ T][\d:.,]+(?:Z|[+-]\d\d:?\d\d)?"
_NAMES = "|".join(sorted(_CHILD_LEVELS, key=len, reverse=True))
_CHILD_FORMATS = tuple(
    re.compile(pattern, re.DOTALL)
    for pattern in (
        rf"{_TIME} (?P<level>{_NAMES}) \[[^]]*\] (?P<logger>[\w.]+): (?P<message>.*)",  # kclpy's own
        rf"(?P<level>{_NAMES}):(?P<logger>[^:]*):(?P<message>.*)",  # logging.basicConfig()
        rf"{_TIME} - (?P<logger>\S+) - (?P<level>{_NAMES}) - (?P<message>.*)",  # the logging tutorial's
        rf"(?:{_TIME}\s+)?\[?(?P<level>{_NAMES})\b\]?:?\s+(?P<message>.*)",
        rf'(?P<message>\{{.*"(?:level|levelname|severity)": *"(?P<level>(?i:{_NAMES}))".*)',  # JSON
    )
)
_CHILD = "processor"
"""The logger of a child's line that names none."""


class Reader:
    """Turns the lines of a daemon into events; a line that only repeats one becomes None."""

    def __init__(self, mark: str) -> None:
        self.mark = mark
        self._echoes: Counter[str] = Counter()
        self._in_traceback: set[str] = set()

    def __call__(self, line: str) -> Event | None:
        """The event of the next line."""
        fields = line.removeprefix(self.mark).split("\t", 3)
        if not line.startswith(self.mark) or len(fields) < 4:  # a daemon that is killed may leave half a line
            return self._raw(line)
        timestamp, level, logger, rest = fields
        message, _, exception = rest.rpartition(END_OF_MESSAGE)
        if child := _CHILD_STDERR.fullmatch(message):
            self._echoes[child[1]] += 1
            return self._child(timestamp, child[2], child[1])
        if child := _CHILD_STDOUT.fullmatch(message):
            return self._child(timestamp, child[1], child[2])
        shards = set(_SHARD.findall(message)) if _OF_A_SHARD.search(logger) else set()
        return Event(
            timestamp,
            _DAEMON_LEVELS.get(level, Level.DEBUG),
            shards.pop() if len(shards) == 1 else "",
            logger.rpartition(".")[2],
            message.replace(_NEW_LINE, "\n"),
            exception.replace(_NEW_LINE, "\n").rstrip(),
        )

    def _raw(self, line: str) -> Event | None:
        """A line that is not the log's: the repetition of a child's, or the JVM's own words."""
        # The repetition follows its event on the same pipe, from the same thread.
        if line in self._echoes:
            self._echoes[line] -= 1
            if not self._echoes[line]:
                del self._echoes[line]
            return None
        level = Level.DEBUG if FRAME.match(line) or not line else Level.WARNING
        return Event(now(), level, "", JVM, line)

    def _child(self, timestamp: str, shard: str, line: str) -> Event:
        for pattern in _CHILD_FORMATS:
            if found := pattern.fullmatch(line):
                self._in_traceback.discard(shard)
                parts = found.groupdict()
                level = _CHILD_LEVELS[parts["level"].upper()]
                return Event(timestamp, level, shard, parts.get("logger") or _CHILD, parts["message"], of_child=True)
        return Event(timestamp, self._level_of_text(shard, line), shard, _CHILD, line, of_child=True)

    def _level_of_text(self, shard: str, line: str) -> Level:
        """A line without a level is information, unless it is part of a traceback or kclpy's last words."""
        if line.startswith("Traceback (most recent call last):"):
            self._in_traceback.add(shard)
        elif not line.startswith("kclpy: ") and shard not in self._in_traceback:
            return Level.INFO
        elif line and not line[0].isspace():  # the exception itself
            self._in_traceback.discard(shard)
        return Level.ERROR


def plain(event: Event, *, colours: bool = False) -> str:
    """An event as text: ``2026-01-01T00:00:00.000+01:00 INFO [shardId-000000000000] orders: 12 records``.

    What would steer a terminal is escaped; with ``colours``, colours are not.
    """
    where = f" [{event.shard}]" if event.shard else ""
    exception = f"\n{event.exception}" if event.exception else ""
    text = f"{event.timestamp} {event.level.name}{where} {event.logger}: {event.message}{exception}"
    return printable_lines(text, colours=colours)


def as_json(event: Event) -> str:
    """An event as one line of JSON: timestamp, level, shard (or null), logger, message, exception (or null)."""
    fields = {
        "timestamp": event.timestamp,
        "level": event.level.name,
        "shard": event.shard or None,
        "logger": event.logger,
        "message": event.message,
        "exception": event.exception or None,
    }
    return escaped_json(json.dumps(fields, ensure_ascii=False))


def now() -> str:
    """The time, in the log's format."""
    return datetime.now().astimezone().isoformat(timespec="milliseconds")
