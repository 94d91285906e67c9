"""Questions about paths that have an answer for every text."""

from __future__ import annotations

from pathlib import Path


def is_file(path: str | Path) -> bool:
    """Whether there is a file; not where a name is too long, or a folder may not be searched."""
    try:
        return Path(path).is_file()
    except (OSError, ValueError):
        return False


def exists(path: str | Path) -> bool:
    """Whether there is anything, as :func:`is_file` sees it."""
    try:
        return Path(path).exists()
    except (OSError, ValueError):
        return False
