"""The installed command, and executables that stand in for a Java: small programs, really run."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import kclpy_jars
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

SCRIPTS = Path(sysconfig.get_path("scripts"))


class Run(Protocol):
    """Runs the command with these arguments; `env` replaces variables, and None removes one."""

    def __call__(
        self, *arguments: str | Path, env: Mapping[str, str | None] = {}, command: str = "kclpy-helper"
    ) -> subprocess.CompletedProcess[str]: ...


def environment(changes: Mapping[str, str | None]) -> dict[str, str]:
    """The present environment with `changes`; None removes a variable."""
    return {name: value for name, value in {**os.environ, **changes}.items() if value is not None}


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """The installed kclpy-helper, run in the test's folder, with a runtime folder of its own."""
    (tmp_path / "runtime").mkdir(mode=0o700)

    def run(
        *arguments: str | Path, env: Mapping[str, str | None] = {}, command: str = "kclpy-helper"
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [SCRIPTS / command, *arguments],
            cwd=tmp_path,
            env=environment({"XDG_RUNTIME_DIR": str(tmp_path / "runtime"), **env}),
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    return run


@pytest.fixture
def without() -> Callable[..., subprocess.CompletedProcess[str]]:
    """The command in an interpreter that finds none of the named modules: as if they were not installed."""

    def run(
        modules: list[str], *arguments: str | Path, env: Mapping[str, str | None] = {}
    ) -> subprocess.CompletedProcess[str]:
        code = f"import sys; sys.modules.update(dict.fromkeys({modules})); from kclpy_helper.cli import main; main()"
        return subprocess.run(
            [sys.executable, "-c", code, *arguments],
            env=environment(env),
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    return run


@pytest.fixture
def make_executable() -> Callable[[Path, str], Path]:
    """Writes a Python program that can be run under `path`."""

    def make(path: Path, body: str) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!{sys.executable}\n{body}\n", encoding="utf-8")
        path.chmod(0o755)
        return path

    return make


@pytest.fixture
def java(tmp_path: Path, make_executable: Callable[[Path, str], Path]) -> Path:
    """A java that answers `-version`, and otherwise says in JSON how it was started, and exits 7."""
    return make_executable(
        tmp_path / "a java$HOME" / "bin" / "java",
        "import json, os, sys\n"
        "if sys.argv[1:] == ['-version']: sys.exit()\n"
        "print(json.dumps({'pid': os.getpid(), 'argv': sys.argv, 'PATH': os.environ['PATH']}))\n"
        "sys.exit(7)",
    )


@pytest.fixture
def properties(tmp_path: Path) -> Path:
    """A properties file that gives no cause for a warning, in a folder with a space and a dollar in its name."""
    path = tmp_path / "my $app" / "app.properties"
    path.parent.mkdir()
    path.write_text("executableName = python app.py\nshutdownGraceMillis = 15000\n", encoding="latin-1")
    return path


@pytest.fixture
def damaged_jar(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a jar with one changed bit, in a copy of kclpy-jars that the command finds first."""
    site = tmp_path / "site"
    shutil.copytree(Path(kclpy_jars.__file__).parent, site / "kclpy_jars")
    monkeypatch.setenv("PYTHONPATH", str(site))
    path = site / "kclpy_jars" / "jars" / kclpy_jars.jar_paths()[0].name
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    return path.name
