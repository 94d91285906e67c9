"""What ``kclpy-helper run`` starts: a daemon on the effective properties, whose log is ours to read."""

from __future__ import annotations

import os
import secrets
from typing import TYPE_CHECKING

from kclpy_helper import application, classpath, command
from kclpy_helper.archive import ClassArchive
from kclpy_helper.daemon import Daemon
from kclpy_helper.errors import JavaTooOldError
from kclpy_helper.java import find_java, java_version
from kclpy_helper.logs import PATTERN_FILE, Event, Level, Reader, java_util_logging, now

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from kclpy_helper.logs import Log
    from kclpy_helper.properties import Properties

JVM_OPTIONS = (
    "-XX:+ExitOnOutOfMemoryError",  # a daemon that has lost a thread to it would go on as if nothing were wrong
    "-XX:-UsePerfData",  # or a JVM that is killed leaves a file behind
    "-Dstdout.encoding=UTF-8",  # these two are the locale's since Java 18, whatever file.encoding says
    "-Dstderr.encoding=UTF-8",
)
"""What comes before the user's own options, which win."""
_ENDING = "Process terminated, will initiate shutdown."
"""What the daemon says when it begins to end, whoever asked it to: a signal, or a record processor that failed."""


class Launch:
    """Makes the daemons of one run: each on the same properties, and so with the same ``workerId``.

    ``folder`` is private to the run; the effective properties are in it. ``archive`` is to be settled when the last daemon
    has ended. Raises :class:`~kclpy_helper.errors.HelperError` where java, the jars or a program are missing.
    """

    def __init__(
        self,
        app: Properties,
        folder: Path,
        log: Log,
        *,
        java: str | None,
        jvm_options: Sequence[str],
        paths: Sequence[str],
        log_configuration: Path | None,
    ) -> None:
        self._folder = folder
        self._log = log
        self._reader = None if log_configuration else Reader(secrets.token_hex(8))
        jars, daemon = classpath.bundled_jars()
        options = [*JVM_OPTIONS]
        if self._reader:
            options += [f"-Dkclpy.mark={self._reader.mark}", f"-Dkclpy.level={'INFO' if log.debug else 'WARN'}"]
            if daemon.log_configuration_option:
                log_configuration = PATTERN_FILE
            else:
                options.append("-Duser.language=en")  # the levels are translated
                log_configuration = java_util_logging(folder, self._reader.mark, debug=log.debug)
        executable = find_java(java)
        found, wanted = java_version(executable), classpath.bundled_lock().java
        if found is not None and found < wanted:
            raise JavaTooOldError(executable, found, wanted)
        class_path = classpath.class_path(paths, jars, None)
        self.archive = ClassArchive(executable, class_path)
        if not paths:  # there are no archives for folders
            options += self.archive.options(jvm_options)
        self._command = command.daemon_command(
            executable,
            class_path,
            daemon,
            application.write(app, folder).path,
            log_configuration=log_configuration,
            jvm_options=[*options, *jvm_options],
        )
        self._environment = {**os.environ, **command.extra_environment(app)}

    def daemon(self, examine: Callable[[Event], None]) -> Daemon:
        """A daemon that is not started yet; its events go to the log and to ``examine``.

        Its file for :mod:`kclpy.stopping` is its own: that one daemon is being stopped is not true of the next.
        """
        stopping = self._folder / f"stopping-{secrets.token_hex(4)}"

        def on_line(line: str) -> None:
            if self._reader is None:
                self._log.line(line)
                examine(Event(now(), Level.INFO, "", "", line))
            elif event := self._reader(line):
                if not event.of_child and event.message.startswith(_ENDING):
                    daemon.announce_stop()
                self._log(event)
                examine(event)

        daemon = Daemon(self._command, on_line, environment=self._environment, stopping=stopping)
        return daemon
