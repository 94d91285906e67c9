"""Compares a folder of jars with a lock: all of its jars, and nothing else."""

from __future__ import annotations

import hashlib
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from kclpy_jars.lock import LOCK_NAME

if TYPE_CHECKING:
    from pathlib import Path

    from kclpy_jars.lock import Jar, Lock

_LINK = "a symbolic link"
CHUNK = 1 << 20
"""Bytes read at a time: no jar is held in memory."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One file that is not as the lock says; ``detail`` tells what was expected and what was found.

    A jar is ``changed`` or ``missing``; a file or a folder that the lock does not know is ``unlisted``.
    """

    kind: Literal["changed", "missing", "unlisted"]
    filename: str
    detail: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.filename} ({self.detail})"


def find_faults(lock: Lock, folder: Path) -> tuple[Fault, ...]:
    """What is wrong in ``folder``, by file name; empty if it holds just the jars of ``lock``.

    Reads every byte of every jar. A symbolic link is a fault, whatever it leads to: that is outside of the folder, and may
    be another file when the jars are used. Raises OSError if the folder cannot be read.
    """
    if folder.is_symlink():
        return (Fault("changed", folder.name, _LINK),)
    present = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    faults = []
    for jar in lock.jars:
        if jar.filename not in present:
            faults.append(Fault("missing", jar.filename, f"sha256 {jar.sha256} expected"))
        elif found := _difference(jar, folder / jar.filename):
            faults.append(Fault("changed", jar.filename, f"sha256 {jar.sha256} expected, {found}"))
    for name in present - {jar.filename for jar in lock.jars}:
        if name != LOCK_NAME:
            detail = "a folder, not in the lock" if _is_folder(folder / name) else "not in the lock"
            faults.append(Fault("unlisted", name, detail))
        elif (folder / name).is_symlink():
            faults.append(Fault("changed", name, _LINK))
    return tuple(sorted(faults, key=lambda fault: fault.filename))


def _difference(jar: Jar, path: Path) -> str:
    """What was found in place of a jar; empty if it is the jar."""
    try:
        mode = path.lstat().st_mode
        if stat.S_ISLNK(mode):
            return f"{_LINK} found"
        if not stat.S_ISREG(mode):
            return f"{'a folder' if stat.S_ISDIR(mode) else 'no regular file'} found"
        found = sha256_of(path)
    except OSError as error:
        return f"not readable: {error.strerror}"
    return "" if found == jar.sha256 else f"{found} found"


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file, in lower-case hexadecimal. Raises OSError."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
