"""The verified jars of one version of the Kinesis Client Library, for its MultiLangDaemon.

``KCL_VERSION``
    The version of the KCL, such as ``3.1.3``.
``MAIN_CLASS``
    The daemon's main class.
``bundled_lock()``
    All that is known of them: how the daemon takes its arguments, whether the support of this KCL
    ends (``support_warning``), and every jar with its coordinates, size, SHA-256 and licence.
``jar_paths()``, ``class_path()``
    The jars, in a fixed order, as paths or as a value of ``java -cp``.
``verify()``
    Every changed, missing and unlisted jar.
``sbom()``, ``license_expression()``, ``license_files()``
    The bill of materials, and the licences with their texts and notices.

The constants are read from the lock beside the jars when they are asked for, and raise
NotCollectedError in a source tree that was never built.
"""

from __future__ import annotations

from kclpy_jars.bundle import (
    JARS,
    bundled_lock,
    class_path,
    jar_paths,
    license_expression,
    license_files,
    sbom,
    verify,
)
from kclpy_jars.errors import DamagedError, JarsError, LockError, NotCollectedError
from kclpy_jars.lock import Daemon, Jar, Lock
from kclpy_jars.verification import Fault

KCL_VERSION: str
MAIN_CLASS: str

__all__ = [
    "JARS",
    "KCL_VERSION",
    "MAIN_CLASS",
    "Daemon",
    "DamagedError",
    "Fault",
    "Jar",
    "JarsError",
    "Lock",
    "LockError",
    "NotCollectedError",
    "bundled_lock",
    "class_path",
    "jar_paths",
    "license_expression",
    "license_files",
    "sbom",
    "verify",
]


def __getattr__(name: str) -> str:
    if name == "KCL_VERSION":
        return bundled_lock().kcl_version
    if name == "MAIN_CLASS":
        return bundled_lock().daemon.main_class
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
