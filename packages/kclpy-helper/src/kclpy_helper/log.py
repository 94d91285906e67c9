"""The log of ``kclpy-helper run``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kclpy_helper.line_writer import LineWriter
from kclpy_helper.logs import FRAME, Event, Level, now
from kclpy_helper.repeats import Repeats

if TYPE_CHECKING:
    from collections.abc import Callable
    from io import RawIOBase

    from typing_extensions import Self

_OURS = "kclpy-helper"


class Log:
    """Writes events of ``level`` and above to ``file``, in a block; the frames of Java's stack traces are for ``DEBUG`` only.

    ``file`` is an unbuffered binary file. Neither a reader that has stopped nor one that went away nor a full disk keeps
    records from being processed: what cannot be written is dropped, and its lines are counted
    (:class:`~kclpy_helper.line_writer.LineWriter`).
    """

    def __init__(self, file: RawIOBase, render: Callable[[Event], str], level: Level) -> None:
        self._render = render
        self._level = level
        self._writer = LineWriter(file, self._lost)
        self._repeats = Repeats(self._write)

    def _lost(self, count: int) -> bytes:
        lines = "1 line was" if count == 1 else f"{count:,} lines were"
        message = f"{lines} not written: nobody read them, or the disk was full"
        return _encoded(self._render(Event(now(), Level.WARNING, "", _OURS, message)))

    @property
    def debug(self) -> bool:
        """Whether the KCL's own information is wanted."""
        return self._level <= Level.DEBUG

    def __call__(self, event: Event) -> None:
        """Write one event, or count it if it only says again what another said (:mod:`kclpy_helper.repeats`)."""
        if event.level < self._level:
            return
        if self.debug:
            self._write(event)
        else:
            self._repeats(event)

    def tick(self) -> None:
        """To be called every so often: say how often events came again."""
        self._repeats.tick()

    def _write(self, event: Event) -> None:
        if event.exception and not self.debug:
            lines = event.exception.split("\n")
            event = event._replace(exception="\n".join(line for line in lines if line and not FRAME.match(line)))
        self.line(self._render(event))

    def line(self, text: str) -> None:
        """Write a line as it is."""
        self._writer.write(_encoded(text))

    def say(self, level: Level, message: str) -> None:
        """What kclpy-helper itself has to say."""
        if level >= self._level:
            self._write(Event(now(), level, "", _OURS, message))

    def __enter__(self) -> Self:
        self._writer.__enter__()
        return self

    def __exit__(self, *exception: object) -> None:
        self._repeats.flush()
        self._writer.__exit__(*exception)


def _encoded(text: str) -> bytes:
    return f"{text}\n".encode("utf-8", "backslashreplace")
