"""What a check found, and what to do about it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kclpy_helper.properties import Place


_SECRETS = (
    (re.compile(r"(?<=//)(?:\S*|[^\n]*?)@"), "***@"),
    (re.compile(r"(?<!\w)[^\s/'\"|=,:@]+:(?!//)[^\s|]*@"), "***@"),
    (re.compile(r"([?&][^\s=&]+=)[^\s&'\"]+"), r"\1***"),
)
"""The user and password of a URL, whether or not it says its protocol, and what its query says."""


def without_secrets(text: str) -> str:
    """``text`` with ``***`` for what a URL in it may hold that is secret."""
    for secret, instead in _SECRETS:
        text = secret.sub(instead, text)
    return text


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
    ``remedy`` is what to write or do instead, empty where nothing needs to be done. ``place`` is where it was set. None of
    them keeps a secret of a URL.
    """

    severity: Severity
    subject: str
    effect: str
    remedy: str = ""
    place: Place | None = None

    def __post_init__(self) -> None:
        for name in ("subject", "effect", "remedy"):
            object.__setattr__(self, name, without_secrets(getattr(self, name)))
