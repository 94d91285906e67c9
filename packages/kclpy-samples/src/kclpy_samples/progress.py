"""What the demo shows while it waits, on stderr."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape

if TYPE_CHECKING:
    from typing_extensions import Self


LINE_SECONDS = 1.0
"""Off a terminal, no more than one line of state in this time."""


class Progress:
    """On a terminal the finished steps and one changing line; elsewhere a line for each step, and for some changes."""

    def __init__(self) -> None:
        self._console = Console(stderr=True, highlight=False)
        self._status = self._console.status("") if self._console.is_terminal else None
        self._start = time.monotonic()
        self._state = ""
        self._state_shown = -LINE_SECONDS

    def __enter__(self) -> Self:
        if self._status:
            self._status.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._status:
            self._status.stop()

    @property
    def seconds(self) -> float:
        """Since the beginning."""
        return time.monotonic() - self._start

    def step(self, text: str) -> None:
        """Show a step that is behind us."""
        self._console.print(f"{self.seconds:6.1f} s  {text}", markup=False, soft_wrap=True)

    def state(self, text: str) -> None:
        """Show what is the case now."""
        if self._status:
            self._status.update(escape(text))
        elif text != self._state and self.seconds - self._state_shown >= LINE_SECONDS:
            self._state, self._state_shown = text, self.seconds
            self.step(text)
