"""The program of executableName, looked for as the daemon does it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest
from kclpy_helper.executable import problems_of
from kclpy_helper.findings import Severity

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    MakeExecutable = Callable[[Path, str], Path]

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the executables here are POSIX scripts")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make_executable: MakeExecutable) -> Path:
    """The working folder, with an executable `run.py` in it, another in `my app`, and `on-path` on the PATH."""
    make_executable(tmp_path / "run.py", "")
    make_executable(tmp_path / "my app" / "run.py", "")
    for name in ("on-path", "python", "env", "poetry", "uv", "sh", "bash", "timeout", "nice", "docker"):
        make_executable(tmp_path / "bin" / name, "")
    (tmp_path / "my-package").mkdir()
    (tmp_path / "plain.py").write_text("")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return tmp_path


@pytest.mark.parametrize(
    "name",
    [
        "on-path",
        "on-path  --words a,b ",
        "./run.py",
        "{folder}/run.py",
        "on-path plain.py",
        "kclpy-helper",
        "python -u plain.py --to new.py",
        "python -W ignore -Xdev -- plain.py",
        "python -um kclpy new.py",
        "python -c pass new.py",
        "python - new.py",
        "python my-package",
        "env -u X A=b python plain.py",
        "env -C bin python ../plain.py",
        "poetry run python plain.py",
        "uv run --with x plain.py",
        "uv run -m new.py",
        "sh plain.py",
        "sh -eu on-path",
        "sh -c ./run.py",
        "timeout -k 1 5 nice -n 3 on-path",
    ],
)
def test_a_program_that_the_daemon_finds_is_no_problem(folder: Path, name: str) -> None:
    """On the PATH, by a path, or beside kclpy-helper, which puts its own folder on the daemon's PATH."""
    assert list(problems_of(name.format(folder=folder))) == []


LONG = "a" * 300


@pytest.mark.parametrize(
    ("name", "effect", "remedy"),
    [
        ("", "names no program", "python -m kclpy"),
        ("nowhere", "no program nowhere is on the PATH", "install it"),
        ("./nowhere", "no program ./nowhere is there, seen from", "absolute path"),
        ("run.py", "no program run.py is on the PATH", "python run.py"),
        ("plain.py", "plain.py is not executable", "python plain.py"),
        ("{folder}/my app/run.py", "split at spaces", "without a space"),
        ('"{folder}/my app/run.py"', "no shell reads it", "quotes do not help"),
        ("$HOME/run.py", "no shell reads it", ""),
        ("~/run.py", "no shell reads it", ""),
        ("C:appsrun.exe --flag", "no program C:appsrun.exe", "write / in place of each"),
        ("/nowhere/program --flag", "no program /nowhere/program is there", "correct the path"),
        ("/nowhere/program.py", "no program /nowhere/program.py is there", "correct the path"),
        (LONG, "no program aaa", "install it"),
        ("on-path\t--flag", "no program on-path\t--flag", ""),
    ],
)
def test_a_program_that_the_daemon_does_not_find_is_a_fault(folder: Path, name: str, effect: str, remedy: str) -> None:
    """Each with what is wrong with it, and what helps."""
    if name == "run.py":
        (folder / "run.py").unlink()
    (found,) = problems_of(name.format(folder=folder))
    assert found.severity is Severity.FAULT
    assert effect in found.effect
    assert remedy in found.remedy


@pytest.mark.parametrize("argument", ["'a", 'b"', "$HOME", "${HOME}", "*.txt", "|", "~/x"])
@pytest.mark.usefixtures("folder")
def test_what_only_a_shell_would_understand_is_a_warning(argument: str) -> None:
    """The program is given it literally."""
    (found,) = problems_of(f"on-path {argument}")
    assert found.severity is Severity.WARNING
    assert argument in found.effect


@pytest.mark.usefixtures("folder")
def test_a_script_that_is_not_there_is_a_warning() -> None:
    """The interpreter is found, and its script is looked for in the daemon's folder."""
    (found,) = problems_of("on-path nowhere.py")
    assert found.severity is Severity.WARNING
    assert "no nowhere.py in" in found.effect


@pytest.mark.parametrize(
    "name",
    [
        "python -u nowhere.py",
        "python -W ignore nowhere.py",
        "python -uX dev nowhere.py",
        "python --check-hash-based-pycs always nowhere",
        "env python nowhere.py",
        "env -u PYTHONPATH A=b python nowhere",
        "poetry run nowhere.py",
        "poetry -C bin run python nowhere.py",
        "uv run --with requests python nowhere.py",
        "uv --color never run nowhere.py",
        "sh nowhere",
        "bash -ex -o pipefail nowhere.sh",
        "timeout 60 python nowhere.py",
        "on-path python nowhere",
        "on-path --flag nowhere.py",
    ],
)
@pytest.mark.parametrize("where", ["", "/elsewhere/"])
@pytest.mark.usefixtures("folder")
def test_a_script_is_looked_for_after_options_and_wrappers(name: str, where: str) -> None:
    """One that is missing is found; an absolute path is to be corrected, and not to be made absolute."""
    (found,) = problems_of(name.replace("nowhere", f"{where}nowhere"))
    assert f"there is no {where}nowhere" in found.effect
    if where:
        assert "absolute" not in found.remedy
        assert found.severity is (Severity.WARNING if name.startswith("on-path") else Severity.FAULT)
    else:
        assert found.severity is Severity.WARNING


@pytest.mark.parametrize(
    "name", ["docker run image python x.py", "sh -c on-path>&2", "sh -c nowhere", "uv run nowhere"]
)
@pytest.mark.usefixtures("folder")
def test_what_cannot_be_looked_up_is_said(name: str) -> None:
    """Where there are other files or another PATH, and what only a shell can read."""
    (found,) = problems_of(name)
    assert found.severity is Severity.SKIPPED
    assert "could not be looked up" in found.effect


@pytest.mark.parametrize(
    ("name", "severity"), [('sh -c "python plain.py"', Severity.FAULT), ("sh -c python plain.py", Severity.WARNING)]
)
@pytest.mark.usefixtures("folder")
def test_the_command_of_a_shell_is_one_word(name: str, severity: Severity) -> None:
    """It cannot have spaces, whatever the quotes."""
    (found,) = problems_of(name)
    assert found.severity is severity
    assert "put the command into a script" in found.remedy


@pytest.mark.usefixtures("folder")
def test_a_wrapper_that_finds_no_program_is_a_warning() -> None:
    """It is started well, and cannot start what it is given."""
    (found,) = problems_of("env nowhere --flag")
    assert found.severity is Severity.WARNING
    assert "env finds no program nowhere" in found.effect


@pytest.mark.usefixtures("folder")
def test_windows_runs_no_script_by_itself() -> None:
    """A .py file is no program there, whatever it is on POSIX."""
    (found,) = problems_of("./run.py --flag", windows=True)
    assert (found.severity, found.remedy) == (Severity.FAULT, "write python ./run.py --flag")
