"""Types of options that several commands have."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from typing import Final

LONGEST_SECONDS: Final = 86400.0
"""How long a command waits at most: a day."""


class Seconds(click.FloatRange):
    """A time to wait."""

    def __init__(self, *, least: float) -> None:
        super().__init__(min=least, max=LONGEST_SECONDS)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Also refuses what is not a number at all, which is neither too small nor too great."""
        seconds = super().convert(value, param, ctx)
        if math.isnan(seconds):
            self.fail(f"{value!r} is not a number.", param, ctx)
        return seconds
