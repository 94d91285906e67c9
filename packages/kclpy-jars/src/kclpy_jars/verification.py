"""Compares a folder of jars with a lock: all of its jars, and nothing else."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from kclpy_jars.lock import LOCK_NAME

if TYPE_CHECKING:
    from pathlib import Path

    from kclpy_jars.lock import Lock

CHUNK = 1 << 20
"""Bytes read at a time: no jar is held in memory."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One file that is not as the lock says; ``detail`` tells what was expected and what was found.

    A jar is ``changed`` or ``missing``; a file that the lock does not know is ``unlisted``.
    """

    kind: Literal["changed", "missing", "unlisted"]
    filename: str
    detail: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.filename} ({self.detail})"


def find_faults(lock: Lock, folder: Path) -> tuple[Fault, ...]:
    """What is wrong in ``folder``, by file name; empty if it holds just the jars of ``lock``.

    Reads every byte of every jar. Raises OSError if a file cannot be read.
    """
    present = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    faults = []
    for jar in lock.jars:
        if jar.filename not in present:
            faults.append(Fault("missing", jar.filename, f"sha256 {jar.sha256} expected"))
            continue
        present.remove(jar.filename)
        if (found := sha256_of(folder / jar.filename)) != jar.sha256:
            detail = f"sha256 {jar.sha256} expected, {found} found"
            faults.append(Fault("changed", jar.filename, detail))
    strangers = present - {LOCK_NAME}
    faults += [Fault("unlisted", name, "not in the lock") for name in strangers]
    return tuple(sorted(faults, key=lambda fault: fault.filename))


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file, in lower-case hexadecimal. Raises OSError."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
