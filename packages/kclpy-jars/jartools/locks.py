"""The committed locks, ``locks/KCL_VERSION.json``, what lies beside them, and the choice of one of them."""

from __future__ import annotations

import os
from pathlib import Path

from kclpy_jars.errors import LockError
from kclpy_jars.lock import Lock, loads
from packaging.version import Version

LOCKS = Path(__file__).resolve().parent.parent / "locks"
VARIABLE = "KCLPY_JARS_VERSION"
DEFAULT_LINE = 3
"""The major version of the KCL whose newest lock is built if nobody chooses."""


def read(path: Path) -> Lock:
    """The lock in a file. Raises LockError, OSError."""
    return loads(path.read_text(encoding="utf-8"), str(path))


def locks() -> list[Lock]:
    """All committed locks, by version."""
    return sorted(map(read, LOCKS.glob("*.json")), key=lambda lock: Version(lock.version))


def notices_path(lock: Lock) -> Path:
    """What the licence and notice files inside the jars say: made with the lock, and kept beside it."""
    return LOCKS / f"{lock.kcl_version}.notices.txt"


def lock_of(version: str) -> Lock:
    """The lock of a version, the KCL's or the distribution's. Raises LockError if there is none."""
    known = locks()
    for lock in known:
        if version in (lock.version, lock.kcl_version):
            return lock
    versions = ", ".join(lock.version for lock in known) or "none"
    raise LockError(str(LOCKS), "", f"no lock of {version}; there are: {versions}")


def chosen_version() -> str:
    """The version to build: KCLPY_JARS_VERSION's, or the newest of the default line.

    Raises LockError.
    """
    if version := os.environ.get(VARIABLE):
        return lock_of(version).version
    versions = [lock.version for lock in locks() if Version(lock.version).major == DEFAULT_LINE]
    if not versions:
        raise LockError(str(LOCKS), "", f"no lock of a KCL {DEFAULT_LINE}.x; set {VARIABLE}")
    return versions[-1]
