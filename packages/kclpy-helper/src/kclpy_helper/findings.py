"""What a check found, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kclpy_helper.properties import Place


class Severity(Enum):
    """How bad a finding is: only a fault makes a check fail; what was skipped could not be checked."""

    OK = "ok"
    WARNING = "warning"
    FAULT = "fault"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was checked.

    ``subject`` is the property key or the name of the check; ``effect`` says what is so, and what the daemon would do;
    ``remedy`` is what to write or do instead, empty where nothing needs to be done. ``place`` is where it was set.
    """

    severity: Severity
    subject: str
    effect: str
    remedy: str = ""
    place: Place | None = None
