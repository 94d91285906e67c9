"""The daemon's log under ``kclpy-helper run``: its lines become events, and events become lines again.

The daemon is started with a log format of ours (:data:`PATTERN_FILE`, or for KCL 1.x :func:`java_util_logging`), whose lines
begin with a mark that is new for each run: nothing that a record processor writes can be taken for the daemon's word. The
daemon logs a line that a child wrote to stderr as an error (``DrainChildSTDERRTask``), and then prints it as it is; a line
on stdout that is no message it logs as one to be skipped (``GetNextMessageTask``). Of these, one event remains: the line,
with its shard, at the level that the child gave it.
"""

from __future__ import annotations

import json
import re
import threading
from collections import Counter
from contextlib import suppress
from datetime import datetime
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TextIO

import javaproperties

from kclpy_helper.printable import escaped_json, printable_lines

if TYPE_CHECKING:
    from collections.abc import Callable

PATTERN_FILE = Path(__file__).with_name("logging") / "run.xml"
"""The logback configuration whose lines :class:`Reader` reads."""


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


_NEW_LINE = "\u2028"
_END_OF_MESSAGE = "\u2029"
"""What stands for a line end in a line of the daemon, and between a message and an exception."""
_FRAME = re.compile(r"\s+at [\w.$/]+[.(]|\s+\.\.\. \d+ (?:common frames omitted|more)$")
_CHILD_STDERR = re.compile(r"Received error line from subprocess \[(.*)\] for shard (\S+)")
_CHILD_STDOUT = re.compile(r"Skipping unexpected line on STDOUT for shard (\S+): (.*)")
_SHARD = re.compile(r"\bshardId-\w+")

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
        message, _, exception = rest.rpartition(_END_OF_MESSAGE)
        if child := _CHILD_STDERR.fullmatch(message):
            self._echoes[child[1]] += 1
            return self._child(timestamp, child[2], child[1])
        if child := _CHILD_STDOUT.fullmatch(message):
            return self._child(timestamp, child[1], child[2])
        shard = _SHARD.search(message)
        return Event(
            timestamp,
            _DAEMON_LEVELS.get(level, Level.DEBUG),
            shard[0] if shard else "",
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
        level = Level.DEBUG if _FRAME.match(line) or not line else Level.WARNING
        return Event(now(), level, "", "java", line)

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


def java_util_logging(folder: Path, mark: str, *, debug: bool) -> Path:
    """Write a configuration of java.util.logging, for KCL 1.x, in the format that :class:`Reader` reads.

    The stack trace of an exception does not fit into its line there: it follows, in lines without the mark.
    """
    multilang = "com.amazonaws.services.kinesis.multilang"
    path = folder / "logging.properties"
    values = {
        "handlers": "java.util.logging.ConsoleHandler",
        "java.util.logging.ConsoleHandler.level": "ALL",
        "java.util.logging.ConsoleHandler.encoding": "UTF-8",
        "java.util.logging.SimpleFormatter.format": f"{mark}%1$tFT%1$tT.%1$tL%1$tz\t%4$s\t%3$s\t%5$s{_END_OF_MESSAGE}%6$s%n",
        ".level": "INFO" if debug else "WARNING",
        f"{multilang}.GetNextMessageTask.level": "INFO",
        f"{multilang}.MultiLangRecordProcessor.level": "INFO",
    }
    with path.open("w", encoding="latin-1") as file:
        javaproperties.dump(values, file)
    return path


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


class Log:
    """Writes events of ``level`` and above to ``stream``; the frames of Java's stack traces are for ``DEBUG`` only.

    A stream that takes nothing any more (a full disk, a reader that went away) is no reason to keep records from being
    processed: what cannot be written is dropped.
    """

    def __init__(self, stream: TextIO, render: Callable[[Event], str], level: Level) -> None:
        self._stream = stream
        self._render = render
        self._level = level
        self._lock = threading.Lock()

    @property
    def debug(self) -> bool:
        """Whether the KCL's own information is wanted."""
        return self._level <= Level.DEBUG

    def __call__(self, event: Event) -> None:
        """Write one event."""
        if event.level < self._level:
            return
        if event.exception and not self.debug:
            lines = event.exception.split("\n")
            event = event._replace(exception="\n".join(line for line in lines if line and not _FRAME.match(line)))
        self.line(self._render(event))

    def line(self, text: str) -> None:
        """Write a line as it is."""
        with self._lock, suppress(OSError):
            self._stream.write(f"{text}\n")
            self._stream.flush()

    def say(self, level: Level, message: str) -> None:
        """What kclpy-helper itself has to say."""
        self(Event(now(), level, "", "kclpy-helper", message))


def now() -> str:
    """The time, in the log's format."""
    return datetime.now().astimezone().isoformat(timespec="milliseconds")
