"""The jars that this installation bundles, and what their lock and the distribution's metadata say of them."""

from __future__ import annotations

import os
from functools import cache
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from kclpy_jars.errors import LockError, NotCollectedError
from kclpy_jars.lock import LOCK_NAME, Lock, loads
from kclpy_jars.verification import Fault, find_faults

JARS = Path(__file__).resolve().parent / "jars"
"""The folder of the bundled jars."""

DISTRIBUTION = "kclpy-jars"
_SBOM = "sboms/kclpy-jars.cdx.json"


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
    except (OSError, UnicodeDecodeError) as error:
        raise LockError(str(path), "", f"not readable: {error}") from None
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

    Reads every byte of every jar. Raises NotCollectedError, LockError, and OSError if their folder
    cannot be read.
    """
    return find_faults(bundled_lock(), JARS)


def sbom() -> str:
    """The bill of materials: a CycloneDX document in JSON, as PEP 770 has it in the distribution's metadata.

    Raises NotCollectedError if there is none, because the distribution is not installed.
    """
    text = _distribution().read_text(_SBOM)
    if text is None:
        raise NotCollectedError(JARS)
    return text


def license_expression() -> str:
    """The licences of the jars and of kclpy itself, as an SPDX expression. Raises NotCollectedError."""
    return str(_distribution().metadata["License-Expression"])


def license_files() -> tuple[Path, ...]:
    """The texts of the licences, and the notices that the jars carry. Raises NotCollectedError."""
    files = _distribution().files or ()
    return tuple(sorted(Path(str(file.locate())) for file in files if file.parts[1:2] == ("licenses",)))


def _distribution() -> Distribution:
    try:
        return distribution(DISTRIBUTION)
    except PackageNotFoundError:
        raise NotCollectedError(JARS) from None
