"""What ``kclpy-helper run`` starts: a daemon on the effective properties, whose log is ours to read."""

from __future__ import annotations

import os
import secrets
import signal
from functools import partial
from typing import TYPE_CHECKING, BinaryIO

from kclpy_helper import application, classpath, command
from kclpy_helper.archive import ClassArchive, is_crash
from kclpy_helper.daemon import Daemon
from kclpy_helper.errors import JavaTooOldError
from kclpy_helper.java import find_java, java_version
from kclpy_helper.log_configuration import LOGBACK, java_util_logging, logback_too
from kclpy_helper.logs import Reader

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from kclpy_helper.log import Log
    from kclpy_helper.logs import Event
    from kclpy_helper.properties import Properties

JVM_OPTIONS = (
    "-XX:+ExitOnOutOfMemoryError",  # a daemon that has lost a thread to it would go on as if nothing were wrong
    "-XX:-UsePerfData",  # or a JVM that is killed leaves a file behind
    "-Dstdout.encoding=UTF-8",  # these two are the locale's since Java 18, whatever file.encoding says
    "-Dstderr.encoding=UTF-8",
)
"""What comes before the user's own options, which win."""
_WRITTEN = (0, 128 + signal.SIGTERM)
"""The exit codes of a JVM that has written its archive of classes, if it was to."""
_ENDING = ", will initiate shutdown."
"""How the daemon's word ends that it begins to end, whoever asked it to: a signal, or a record processor that failed."""


class Launch:
    """Makes the daemons of one run: each on the same properties, and so with the same ``workerId``.

    ``folder`` is private to the run; the effective properties are in it. :meth:`settle` is for when the last daemon has
    ended. Raises :class:`~kclpy_helper.errors.HelperError` where java, the jars or a program are missing, and, with
    ``verify``, where the jars are not those of their lock.
    """

    def __init__(
        self,
        app: Properties,
        folder: Path,
        log: Log,
        *,
        lock: BinaryIO | None,
        java: str | None,
        jvm_options: Sequence[str],
        paths: Sequence[str],
        log_configuration: Path | None,
        verify: bool = True,
    ) -> None:
        self._folder = folder
        self._log = log
        self._lock = lock
        self._mark = secrets.token_hex(8)
        self._untouched = log_configuration is not None
        self._is_marked = True
        jars, daemon = classpath.bundled_jars()
        if verify:
            classpath.verify_jars()
        options = [*JVM_OPTIONS]
        if log_configuration:
            ours_too = logback_too(folder, log_configuration) if daemon.log_configuration_option else None
            self._is_marked = ours_too is not None
            log_configuration = ours_too or log_configuration
        elif daemon.log_configuration_option:
            options.append(f"-Dkclpy.level={'INFO' if log.debug else 'WARN'}")
            log_configuration = LOGBACK
        else:
            options.append("-Duser.language=en")  # the levels are translated
            log_configuration = java_util_logging(folder, self._mark, debug=log.debug)
        if self._is_marked:
            options.append(f"-Dkclpy.mark={self._mark}")
        executable = find_java(java)
        found, wanted = java_version(executable), classpath.bundled_lock().java
        if found is not None and found < wanted:
            raise JavaTooOldError(executable, found, wanted)
        class_path = classpath.class_path(paths, jars, None)
        self._options, self._users_options = options, jvm_options
        # There are no archives for folders, and without events none would know that a JVM could not write one.
        self._archive = None if paths or not self._is_marked else ClassArchive(executable, class_path, log.say)
        self._daemon: Daemon | None = None
        self._command = partial(
            command.daemon_command,
            executable,
            class_path,
            daemon,
            application.write(app, folder).path,
            log_configuration=log_configuration,
        )
        self._environment = {**os.environ, **command.extra_environment(app)}

    def daemon(self, examine: Callable[[Event], None]) -> Daemon:
        """A daemon that is not started yet; its events go to the log and to ``examine``.

        Its file for `kclpy.stopping` is its own: that one daemon is being stopped is not true of the next.
        """
        read = Reader(self._mark)
        stopping = self._folder / f"stopping-{secrets.token_hex(4)}"

        def on_line(line: str) -> None:
            if self._untouched and not line.startswith(self._mark):
                self._log.line(line)
            if self._is_marked and (event := read(line)):
                if not event.of_child and event.message.endswith(_ENDING):
                    daemon.announce_stop()
                if not self._untouched:
                    self._log(event)
                examine(event)

        self.settle()
        archived = self._archive.options(self._users_options) if self._archive else []
        line = self._command(jvm_options=[*self._options, *archived, *self._users_options])
        daemon = Daemon(line, on_line, environment=self._environment, lock=self._lock, stopping=stopping)
        self._daemon = daemon
        return daemon

    def settle(self, *, complete: bool = False) -> None:
        """Keep or drop the archive of classes, by how the last daemon ended; ``complete`` after a stop that went well."""
        if self._archive and self._daemon:
            code = self._daemon.wait()
            # One that was killed after its record processors were done may have been writing.
            self._archive.settle(complete=complete and code in _WRITTEN, crashed=is_crash(code))
