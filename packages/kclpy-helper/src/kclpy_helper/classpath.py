"""The MultiLangDaemon's class path, and the jars of kclpy-jars on it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from kclpy_helper.errors import JarsUnusableError, NotInstalledError

if TYPE_CHECKING:
    from collections.abc import Iterable

    import kclpy_jars


def bundled_lock() -> kclpy_jars.Lock:
    """What kclpy-jars says of the KCL that it bundles.

    Raises :class:`~kclpy_helper.errors.NotInstalledError` and :class:`~kclpy_helper.errors.JarsUnusableError`.
    """
    try:
        import kclpy_jars
    except ImportError:
        raise NotInstalledError("kclpy-jars", "the jars of the KCL") from None
    try:
        return kclpy_jars.bundled_lock()
    except kclpy_jars.JarsError as error:
        raise JarsUnusableError(str(error)) from error


def bundled_jars() -> tuple[tuple[Path, ...], kclpy_jars.Daemon]:
    """The jars of kclpy-jars in their fixed order, and how the daemon in them takes its arguments.

    Raises as :func:`bundled_lock` does.
    """
    lock = bundled_lock()
    import kclpy_jars

    return kclpy_jars.jar_paths(), lock.daemon


def verify_jars() -> None:
    """Compare every byte of the jars of kclpy-jars with their lock.

    Raises :class:`~kclpy_helper.errors.JarsUnusableError` where they differ, and otherwise as :func:`bundled_lock` does.
    """
    bundled_lock()
    import kclpy_jars

    try:
        if faults := kclpy_jars.verify():
            raise kclpy_jars.DamagedError(kclpy_jars.JARS, faults)
    except (kclpy_jars.DamagedError, OSError) as error:
        raise JarsUnusableError(f"{error}\nOr start the daemon on them all the same, with --no-verify.") from error


def class_path(first: Iterable[str], jars: Iterable[Path], properties: Path | None) -> str:
    """The class path: ``first``, then ``jars``, then the folder of ``properties``; all entries are absolute.

    An entry of ``first`` may itself be a class path, and may end in Java's ``*``.
    """
    folder = [] if properties is None else [str(properties.absolute().parent)]
    return os.pathsep.join([*split(first), *map(str, jars), *folder])


def split(paths: Iterable[str]) -> list[str]:
    """The absolute entries of ``paths``, each of which may be a class path."""
    return [str(Path(entry).absolute()) for path in paths for entry in path.split(os.pathsep) if entry]
