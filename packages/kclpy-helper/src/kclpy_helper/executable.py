"""The program of ``executableName``, looked for as the daemon does it.

The daemon splits at spaces (MultiLangRecordProcessorFactory) and gives the words to java.lang.ProcessBuilder: no shell reads
them.
"""

from __future__ import annotations

import os
import re
import shutil
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING

from kclpy_helper import wrappers
from kclpy_helper.findings import Severity
from kclpy_helper.paths import exists, is_file
from kclpy_helper.values import Problem
from kclpy_helper.wrappers import ENDS, SHELL_SYNTAX

if TYPE_CHECKING:
    from collections.abc import Iterator


def words_of(executable_name: str) -> list[str]:
    """The words that the daemon makes of ``executableName``."""
    return re.split(" +", executable_name.rstrip(" "))


def problems_of(executable_name: str, *, windows: bool = os.name == "nt") -> Iterator[Problem]:
    """What keeps the daemon from starting this command, or will surprise."""
    program, *arguments = words_of(executable_name)
    if not program:
        yield Problem(Severity.FAULT, f"it names no program: {ENDS}", "write one, as in python -m kclpy app:Processor")
        return
    found = _found(program)
    if found is None:
        yield Problem(
            Severity.FAULT, f"{_not_found(program, executable_name)}: {ENDS}", _remedy(program, executable_name)
        )
        return
    if windows and found.suffix.lower() not in (".exe", ".com", ".bat", ".cmd"):
        yield Problem(
            Severity.FAULT, f"Windows runs no {found.suffix} file by itself: {ENDS}", f"write python {executable_name}"
        )
    behind = list(wrappers.problems_of([program, *arguments], Path.cwd()))
    yield from behind
    is_seen = all(problem.severity is Severity.WARNING for problem in behind)
    for argument in arguments:
        if is_seen and SHELL_SYNTAX.search(argument):
            yield Problem(
                Severity.WARNING,
                f"no shell reads it, so that the program is given {argument} just like this",
                "write it without, or put the command into a script",
            )


def _found(program: str) -> Path | None:
    # kclpy-helper puts the scripts of its environment on the daemon's PATH where that is needed.
    found = shutil.which(program) or shutil.which(program, path=sysconfig.get_path("scripts"))
    return None if found is None else Path(found)


def _not_found(program: str, executable_name: str) -> str:
    if SHELL_SYNTAX.search(program):
        return f"no shell reads it, and there is no program {program}"
    if _is_path_with_space(executable_name):
        return f"it is split at spaces, and there is no program {program}"
    if is_file(program):
        return f"{program} is not executable"
    if Path(program).name == program:
        return f"no program {program} is on the PATH"
    return f"no program {program} is there{'' if Path(program).is_absolute() else f', seen from {Path.cwd()}'}"


def _remedy(program: str, executable_name: str) -> str:
    if _is_path_with_space(executable_name):
        return "put it under a path without a space; quotes do not help"
    if re.match(r"[A-Za-z]:[^\\/]", program):
        return "write / in place of each \\, which a properties file takes for the beginning of a special character"
    if Path(program).is_absolute() and not exists(Path(program)):
        return "correct the path, or install it there"
    if is_file(program) or program.endswith(".py"):
        return f"write python {executable_name}, or make it executable and write its path"
    return "install it, put its folder on the PATH, or write its absolute path"


def _is_path_with_space(executable_name: str) -> bool:
    words = words_of(re.sub("[\"']", "", executable_name))
    return any(is_file(" ".join(words[:end])) for end in range(2, len(words) + 1))
