"""The jars that this installation bundles, and what their lock says of them."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

from kclpy_jars.errors import NotCollectedError
from kclpy_jars.lock import LOCK_NAME, Lock, loads
from kclpy_jars.verification import Fault, find_faults

JARS = Path(__file__).resolve().parent / "jars"
"""The folder of the bundled jars."""


@cache
def bundled_lock() -> Lock:
    """The lock of the bundled jars.

    Raises NotCollectedError if there are none, LockError if their lock cannot be read.
    """
    path = JARS / LOCK_NAME
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise NotCollectedError(JARS) from None
    return loads(text, str(path))


def jar_paths() -> tuple[Path, ...]:
    """The absolute paths of the bundled jars, always in the same order: that of their coordinates.

    Raises NotCollectedError, LockError.
    """
    return tuple(JARS / jar.filename for jar in bundled_lock().jars)


def class_path() -> str:
    """The bundled jars as a value of ``java -cp`` on this system.

    Raises NotCollectedError, LockError.
    """
    return os.pathsep.join(map(str, jar_paths()))


def verify() -> tuple[Fault, ...]:
    """Every changed, missing and unlisted one of the bundled jars, by file name; empty if none is.

    Reads every byte of every jar. Raises NotCollectedError, LockError, and OSError if a file
    cannot be read.
    """
    return find_faults(bundled_lock(), JARS)
