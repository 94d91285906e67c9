"""Writes lines from a thread of its own, so that nobody who has something to say waits for who reads it."""

from __future__ import annotations

import select
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from io import RawIOBase

    from typing_extensions import Self

MOST_BYTES = 16 * 1024 * 1024
"""How much may wait to be written. What comes beyond that is dropped and counted, until all that waits is written."""
CLOSE_SECONDS = 1.0
"""How long a reader may take for what waits at the end."""


class LineWriter:
    """Writes lines to ``file``, an unbuffered binary file, in a block.

    A reader that has stopped (Ctrl-S in a terminal, a log shipper that hangs) or gone away and a full disk cost the lines,
    and nothing else. ``lost`` gives the line that says how many were not written.
    """

    def __init__(self, file: RawIOBase, lost: Callable[[int], bytes]) -> None:
        self._file = file
        self._lost_line = lost
        self._changed = threading.Condition()
        self._waiting: list[bytes] = []
        self._waiting_bytes = 0
        self._lost = 0
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="log", daemon=True)

    def write(self, line: bytes) -> None:
        """Have ``line`` written, or count it as lost; never waits."""
        with self._changed:
            if self._waiting_bytes + len(line) > MOST_BYTES and self._waiting:
                self._lost += 1
                self._waiting_bytes = MOST_BYTES  # a shorter line that came later would stand in a gap
            else:
                self._waiting.append(line)
                self._waiting_bytes += len(line)
                self._changed.notify()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._closed)
                lines, self._waiting, self._waiting_bytes = self._waiting, [], 0
                lost = self._lost
            if not lines:
                return
            try:
                self._write_all(b"".join([*lines, self._lost_line(lost)] if lost else lines))
            except OSError:
                written_off = len(lines)
            else:
                written_off = -lost
            with self._changed:
                self._lost += written_off

    def _write_all(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            count = self._file.write(rest)
            if count is None:  # somebody else has made the file description non-blocking
                select.select([], [self._file], [])
            else:
                rest = rest[count:]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Give a reader that is slow a moment more; one that has stopped is not waited for."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join(CLOSE_SECONDS)
