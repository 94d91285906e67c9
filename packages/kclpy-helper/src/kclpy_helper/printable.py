"""Text of others, made fit for a terminal and for a line of a log."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from re import Match

_UNPRINTABLE = "\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff"
"""Control characters, line and paragraph separators, what reorders text for the eye, and halves of a surrogate pair."""
_ANYWHERE = re.compile(f"[{_UNPRINTABLE}]")
_BUT_LINES = re.compile(rf"(?![\n\t])[{_UNPRINTABLE}]")
_BUT_COLOURS = re.compile(rf"(?![\n\t]|\x1b\[[\d;:]*m)[{_UNPRINTABLE}]")


def printable(text: str) -> str:
    """``text`` in one line, as it is but for what would steer a terminal: that becomes an escape like Python's."""
    return _ANYWHERE.sub(_escaped, text)


def printable_lines(text: str, *, colours: bool = False) -> str:
    """The same, but line ends and tabs stay; with ``colours``, so do the sequences that set the colour and style."""
    return (_BUT_COLOURS if colours else _BUT_LINES).sub(_escaped, text)


def escaped_json(document: str) -> str:
    """``document``, which is JSON, with escapes for what JSON allows as it is, and some readers take for a line end."""
    return _ANYWHERE.sub(lambda found: f"\\u{ord(found[0]):04x}", document)


def _escaped(found: Match[str]) -> str:
    code = ord(found[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
