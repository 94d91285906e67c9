"""What a command runs in the end: the scripts behind interpreters and wrappers, so far as their options are known here."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from kclpy_helper.findings import Severity
from kclpy_helper.paths import exists
from kclpy_helper.values import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ENDS = "the daemon ends as soon as it has a shard"
SHELL_SYNTAX = re.compile(r"""["'`*?|<>&;]|\$\w|\$\{|^~""")
_PYTHON = re.compile(r"(python|pypy)[\d.]*(t|w)?|pyw?")
_SHELLS = frozenset({"ash", "bash", "dash", "ksh", "sh", "zsh"})
_SCRIPTS = (".bash", ".cjs", ".dll", ".jar", ".js", ".mjs", ".php", ".pl", ".ps1", ".py", ".pyc", ".pyz", ".rb", ".sh")
_ELSEWHERE = frozenset(
    {
        "bwrap",
        "chroot",
        "docker",
        "flatpak",
        "kubectl",
        "nerdctl",
        "nix",
        "nix-shell",
        "podman",
        "ssh",
        "unshare",
        "wsl",
    }
)
"""What runs a command where there are other files."""


class _Wrapper(NamedTuple):
    """A program that runs the command after its own arguments.

    ``subcommand`` is the word that makes it do so, ``valued`` are the options whose value is the next word, ``folder`` those
    of them that change the folder, and ``positional`` is how many words of its own come before the command. What
    ``has_own_path`` looks for the command where we do not.
    """

    valued: tuple[str, ...] = ()
    subcommand: str = ""
    folder: tuple[str, ...] = ()
    positional: int = 0
    has_own_path: bool = False


_UV = (
    *(
        "--with",
        "--with-editable",
        "--with-requirements",
        "-p",
        "--python",
        "--project",
        "--extra",
        "--group",
        "--package",
    ),
    *(
        "--env-file",
        "--index",
        "--default-index",
        "--index-url",
        "--extra-index-url",
        "--no-extra",
        "--no-group",
        "--only-group",
    ),
    *("--cache-dir", "--config-file", "--color"),
)
_WRAPPERS = {
    "catchsegv": _Wrapper(),
    "chrt": _Wrapper(positional=1),
    "conda": _Wrapper(("-n", "--name", "-p", "--prefix"), "run", ("--cwd",), has_own_path=True),
    "ddtrace-run": _Wrapper(),
    "dumb-init": _Wrapper(("-r", "--rewrite")),
    "env": _Wrapper(("-u", "--unset"), folder=("-C", "--chdir")),
    "gosu": _Wrapper(positional=1),
    "hatch": _Wrapper(("-e", "--env", "-p", "--project"), "run", has_own_path=True),
    "ionice": _Wrapper(("-c", "--class", "-n", "--classdata")),
    "mamba": _Wrapper(("-n", "--name", "-p", "--prefix"), "run", ("--cwd",), has_own_path=True),
    "micromamba": _Wrapper(("-n", "--name", "-p", "--prefix"), "run", ("--cwd",), has_own_path=True),
    "nice": _Wrapper(("-n", "--adjustment")),
    "nohup": _Wrapper(),
    "opentelemetry-instrument": _Wrapper(),
    "pdm": _Wrapper(("-p", "--project"), "run", has_own_path=True),
    "pipenv": _Wrapper(("--python",), "run", has_own_path=True),
    "pixi": _Wrapper(("-e", "--environment", "--manifest-path"), "run", has_own_path=True),
    "poetry": _Wrapper(("-P", "--project"), "run", ("-C", "--directory"), has_own_path=True),
    "rye": _Wrapper((), "run", has_own_path=True),
    "setsid": _Wrapper(),
    "stdbuf": _Wrapper(("-i", "--input", "-o", "--output", "-e", "--error")),
    "su-exec": _Wrapper(positional=1),
    "sudo": _Wrapper(("-u", "--user", "-g", "--group"), folder=("-D", "--chdir"), has_own_path=True),
    "taskset": _Wrapper(positional=1),
    "time": _Wrapper(("-f", "--format", "-o", "--output")),
    "timeout": _Wrapper(("-k", "--kill-after", "-s", "--signal"), positional=1),
    "tini": _Wrapper(("-p", "-e")),
    "uv": _Wrapper(_UV, "run", ("--directory",), has_own_path=True),
}


def problems_of(words: Sequence[str], folder: Path) -> Iterator[Problem]:
    """What is not there of that which the command ``words`` would run in ``folder``, or that nobody can tell from here."""
    program, *arguments = words
    name = _name(program)
    if name in _ELSEWHERE:
        yield _unseen(f"{program} runs it where there are other files")
    elif name in _SHELLS:
        yield from _shell(program, arguments, folder)
    elif _PYTHON.fullmatch(name):
        yield from _python(arguments, folder)
    elif name in _WRAPPERS:
        yield from _wrapped(program, _WRAPPERS[name], arguments, folder)
    else:
        yield from _unknown(arguments, folder)


def _name(program: str) -> str:
    return re.split(r"[\\/]", program)[-1].removesuffix(".exe")


def _wrapped(program: str, wrapper: _Wrapper, arguments: Sequence[str], folder: Path) -> Iterator[Problem]:
    command, folder = _command_of(wrapper, arguments, folder)
    if not command:
        return
    if command[0].endswith(_SCRIPTS) and wrapper.has_own_path:
        yield from _missing(command[0], folder, sure=True)
        return
    if not _is_found(command[0], folder) and not _PYTHON.fullmatch(_name(command[0])):
        if wrapper.has_own_path:
            yield _unseen(f"{program} finds {command[0]} by a path of its own")
        else:
            effect = f"{program} finds no program {command[0]}: {ENDS}"
            yield Problem(Severity.WARNING, effect, "install it, or correct its name")
        return
    yield from problems_of(command, folder)


def _command_of(wrapper: _Wrapper, arguments: Sequence[str], folder: Path) -> tuple[list[str], Path]:
    """What ``wrapper`` runs, and where; nothing where that is not a program."""
    words, left, ran = list(arguments), wrapper.positional, not wrapper.subcommand
    while words:
        word = words.pop(0)
        option, equals, value = word.partition("=")
        if not ran and not word.startswith("-"):
            ran = word == wrapper.subcommand
        elif ran and word == "--":
            break
        elif ran and word in {"-m", "--module"}:
            return [], folder
        elif word.startswith("-"):
            if not equals and option in wrapper.valued + wrapper.folder and words:
                value = words.pop(0)
            folder = folder / value if option in wrapper.folder else folder
        elif left:
            left -= 1
        elif not equals:  # and not an assignment, which is env's
            return [word, *words], folder
    return words, folder


def _is_found(program: str, folder: Path) -> bool:
    return shutil.which(str(folder / program) if "/" in program else program) is not None


def _python(arguments: Sequence[str], folder: Path) -> Iterator[Problem]:
    words = iter(arguments)
    for word in words:
        if word == "--":
            continue
        if not word.startswith("-") or word == "-":
            if word != "-":
                yield from _missing(word, folder, sure=True)
            return
        if word == "--check-hash-based-pycs":
            next(words, None)
        elif ends := re.match(r"-[^-WXcm]*([WXcm])(.*)", word):
            if ends[1] in "cm":
                return
            if not ends[2]:
                next(words, None)


def _shell(program: str, arguments: Sequence[str], folder: Path) -> Iterator[Problem]:
    words = list(arguments)
    while words and words[0][0] in "-+" and words[0] not in {"-", "--"}:
        option = words.pop(0)
        if option in {"-o", "+o", "-O", "+O", "--rcfile", "--init-file"} and words:
            words.pop(0)
        if re.fullmatch(r"-\w*c\w*", option) and words:
            yield from _shell_command(program, words, folder)
            return
    if words and words[0] in {"-", "--"}:
        words.pop(0)
    if words and not shutil.which(words[0]):
        yield from _missing(words[0], folder, sure=True)


def _shell_command(program: str, words: Sequence[str], folder: Path) -> Iterator[Problem]:
    if words[1:]:
        effect = f"{program} takes its command as one word, and this is split at spaces whatever the quotes: it runs {words[0]}"
        severity = Severity.FAULT if re.match("[\"']", words[0]) else Severity.WARNING
        yield Problem(severity, effect, f"put the command into a script, and write {program} SCRIPT")
    elif re.search(r"\W", words[0].replace("/", "").replace(".", "").replace("-", "")):
        yield _unseen(f"{words[0]} is for {program} to read")
    elif not _is_found(words[0], folder):
        yield _unseen(f"{words[0]} is not a program that is found from {folder}")
    else:
        yield from problems_of(words, folder)


def _unknown(arguments: Sequence[str], folder: Path) -> Iterator[Problem]:
    for number, word in enumerate(arguments):
        if _PYTHON.fullmatch(_name(word)):
            found = [
                problem._replace(severity=Severity.WARNING) for problem in _python(arguments[number + 1 :], folder)
            ]
            yield from found
            return
        if word.endswith(_SCRIPTS) and not word.startswith("-"):
            yield from _missing(word, folder, sure=False)
            return


def _missing(script: str, folder: Path, *, sure: bool) -> Iterator[Problem]:
    """That a script is not there; no fault where it is not ``sure`` that it is one."""
    if SHELL_SYNTAX.search(script) or exists(folder / script):
        return
    if Path(script).is_absolute():
        severity = Severity.FAULT if sure else Severity.WARNING
        yield Problem(
            severity, f"there is no {script}{f': {ENDS}' if sure else ''}", "correct the path, or put it there"
        )
    else:
        effect = f"there is no {script} in {folder}, and it is looked for from the folder that the daemon is started in"
        yield Problem(Severity.WARNING, effect, "start the daemon where it is, or write its absolute path")


def _unseen(reason: str) -> Problem:
    effect = f"whether its script is there could not be looked up: {reason}"
    return Problem(Severity.SKIPPED, effect, "try it where the daemon is to run: kclpy-helper doctor")
