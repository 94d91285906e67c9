"""The command that starts a MultiLangDaemon: an argument list, and its environment.

Quoting happens in :func:`shell_line` only, where a command is shown.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import kclpy_jars

    from kclpy_helper.properties import Properties

LOG_CONFIGURATION = Path(__file__).with_name("logging") / "logback.xml"
"""The logback configuration that is used where none is given."""
KCL_1_LOG_CONFIGURATION = LOG_CONFIGURATION.with_name("logging.properties")
"""The same for java.util.logging, which KCL 1 logs with."""


def daemon_command(
    java: Path,
    class_path: str,
    daemon: kclpy_jars.Daemon,
    properties: Path,
    *,
    log_configuration: Path | None = None,
    jvm_options: Sequence[str] = (),
) -> list[str]:
    """The argument list that starts the MultiLangDaemon whose main class and options ``daemon`` names.

    ``log_configuration`` is a logback.xml, or for KCL 1 a logging.properties; without it, this package's own is used. The
    paths become absolute: the daemon searches a relative properties file on its class path first.
    """
    # The daemon talks to its children in the JVM's default charset, which is the locale's before Java 18.
    options = ["-Dfile.encoding=UTF-8"]
    arguments = []
    if daemon.log_configuration_option:
        arguments += [daemon.log_configuration_option, str((log_configuration or LOG_CONFIGURATION).absolute())]
    else:
        path = (log_configuration or KCL_1_LOG_CONFIGURATION).absolute()
        options.append(f"-Djava.util.logging.config.file={path}")
    if daemon.properties_option:
        arguments.append(daemon.properties_option)
    arguments.append(str(properties.absolute()))
    return [str(java), *options, *jvm_options, "-cp", class_path, daemon.main_class, *arguments]


def extra_environment(properties: Properties) -> dict[str, str]:
    """What the daemon's environment needs beyond the present one.

    That is a PATH with this Python environment's scripts folder, and only where the program of ``executableName``
    is in that folder and would not be found otherwise: the environment was not activated.
    """
    program = properties.executable_name.split(" ")[0]
    scripts = sysconfig.get_path("scripts")
    if program and not shutil.which(program) and shutil.which(program, path=scripts):
        return {"PATH": os.pathsep.join([scripts, os.environ.get("PATH", os.defpath)])}
    return {}


def shell_line(command: Sequence[str], environment: Mapping[str, str], *, windows: bool = os.name == "nt") -> str:
    """``command`` under ``environment`` as one line to paste: into a POSIX shell, or on Windows into cmd.exe."""
    if windows:
        # cmd.exe passes double-quoted text on as it is. What is not plainly harmless is quoted, not only what
        # list2cmdline() quotes, because PowerShell splits at the dots and semicolons of bare words.
        words = [_windows_quote(word) for word in command]
        return " ".join([f'set "{name}={value}" &&' for name, value in environment.items()] + words)
    assignments = [f"{name}={value}" for name, value in environment.items()]
    return shlex.join([*(["env", *assignments] if assignments else []), *command])


def _windows_quote(word: str) -> str:
    if re.fullmatch(r"[\w:\\/.-]+", word) and not re.match(r"-.*\.", word):
        return word
    quoted = subprocess.list2cmdline([word])
    return quoted if quoted.startswith('"') else f'"{quoted}"'


def replace_process(command: Sequence[str], environment: Mapping[str, str]) -> None:
    """Become ``command``, so that signals and the exit code are its own. Does not return.

    Windows cannot replace a process: there the command is run as a child and its exit code becomes ours.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    merged = {**os.environ, **environment}
    if os.name != "nt":
        os.execve(command[0], list(command), merged)  # noqa: S606  (no shell is wanted)
    child = subprocess.Popen(command, env=merged)
    while True:
        try:
            sys.exit(child.wait())
        except KeyboardInterrupt:
            continue  # the console's Ctrl-C reaches the child as well; what follows is its decision
