"""The command line and the runtime API, on a copy of the installed package with tiny jars of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import kclpy_jars
import pytest
from kclpy_jars.lock import LOCK_NAME, Lock


@pytest.fixture
def site(lock: Lock, contents: dict[str, bytes], tmp_path: Path) -> Path:
    """A folder to import kclpy_jars from, whose jars are the tiny ones."""
    site = tmp_path / "site"
    installed = Path(kclpy_jars.__file__).parent
    shutil.copytree(installed, site / "kclpy_jars", ignore=shutil.ignore_patterns("jars", "__pycache__"))
    jars = site / "kclpy_jars" / "jars"
    jars.mkdir()
    (jars / LOCK_NAME).write_text(lock.dumps(), encoding="utf-8")
    for name, content in contents.items():
        (jars / name).write_bytes(content)
    return site


def _run(site: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "error", "-m", "kclpy_jars", *arguments]
    environment = os.environ | {"PYTHONPATH": str(site)}
    return subprocess.run(command, env=environment, capture_output=True, encoding="utf-8", check=False)


def test_verify_succeeds_on_whole_jars_and_keeps_stdout_empty(site: Path) -> None:
    """Jars that are as the lock says: exit code 0, and a word for people on stderr."""
    result = _run(site, "verify")
    assert (result.returncode, result.stdout) == (0, "")
    assert "3 jars of KCL 3.0.1" in result.stderr


def test_verify_fails_and_names_every_changed_missing_and_unlisted_jar(site: Path) -> None:
    """Each fault is named, with its kind, in one run."""
    jars = site / "kclpy_jars" / "jars"
    (jars / "daemon-3.0.1.jar").write_bytes(b"?" + (jars / "daemon-3.0.1.jar").read_bytes()[1:])
    (jars / "netty-4.1.jar").unlink()
    (jars / "stranger.jar").touch()
    result = _run(site, "verify")
    assert (result.returncode, result.stdout) == (1, "")
    for line in ("changed: daemon-3.0.1.jar", "missing: netty-4.1.jar", "unlisted: stranger.jar"):
        assert line in result.stderr
    assert "netty-4.1-linux.jar" not in result.stderr


def test_path_prints_the_folder(site: Path) -> None:
    """One line, for a shell to use."""
    result = _run(site, "path")
    assert (result.returncode, result.stdout) == (0, f"{site / 'kclpy_jars' / 'jars'}\n")


def test_classpath_prints_the_jars_in_the_order_of_the_lock(site: Path, lock: Lock) -> None:
    """One line that java -cp takes as it is."""
    result = _run(site, "classpath")
    assert result.returncode == 0
    paths = [Path(path) for path in result.stdout.removesuffix("\n").split(os.pathsep)]
    assert paths == [site / "kclpy_jars" / "jars" / jar.filename for jar in lock.jars]


def test_list_prints_coordinates_for_machines_and_the_sum_for_people(site: Path, lock: Lock) -> None:
    """On stdout is one jar a line and nothing else."""
    result = _run(site, "list")
    assert result.returncode == 0
    assert result.stdout.splitlines() == [str(jar) for jar in lock.jars]
    assert "KCL 3.0.1: 3 jars" in result.stderr


def test_list_in_json_has_all_that_the_lock_knows(site: Path, lock: Lock, contents: dict[str, bytes]) -> None:
    """Each jar with its coordinates, size and hash, and a path at which it is found."""
    result = _run(site, "list", "--json")
    document = json.loads(result.stdout)
    assert document["kcl_version"] == "3.0.1"
    assert [entry["sha256"] for entry in document["jars"]] == [jar.sha256 for jar in lock.jars]
    assert [Path(entry["path"]).read_bytes() for entry in document["jars"]] == list(contents.values())


@pytest.mark.parametrize("command", ["list", "path", "classpath", "verify"])
def test_a_tree_without_jars_says_what_to_do(site: Path, command: str) -> None:
    """Every command fails with the next step, and without a traceback."""
    shutil.rmtree(site / "kclpy_jars" / "jars")
    result = _run(site, command)
    assert (result.returncode, result.stdout) == (1, "")
    assert "no jars in" in result.stderr
    assert "pip install" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_lock_that_cannot_be_read_is_named(site: Path) -> None:
    """The error has the path of the lock."""
    document = site / "kclpy_jars" / "jars" / LOCK_NAME
    document.write_text("{", encoding="utf-8")
    result = _run(site, "classpath")
    assert (result.returncode, result.stdout) == (1, "")
    assert f"{document}: not JSON" in result.stderr


@pytest.mark.parametrize("arguments", [(), ("nonsense",)])
def test_a_wrong_command_is_refused_on_stderr(site: Path, arguments: tuple[str, ...]) -> None:
    """No command, or an unknown one: exit code 2, and stdout stays empty."""
    result = _run(site, *arguments)
    assert (result.returncode, result.stdout) == (2, "")
    assert "usage: python -m kclpy_jars" in result.stderr


def test_the_installed_jars_are_whole_and_of_a_committed_lock(package: Path) -> None:
    """What this environment really has is, byte for byte, what the repository's lock says."""
    assert kclpy_jars.verify() == ()
    committed = package / "locks" / f"{kclpy_jars.KCL_VERSION}.json"
    assert kclpy_jars.bundled_lock().dumps() == committed.read_text(encoding="utf-8")
    assert kclpy_jars.bundled_lock().daemon.main_class == kclpy_jars.MAIN_CLASS
    assert all(path.is_file() for path in kclpy_jars.jar_paths())


@pytest.mark.skipif(not shutil.which("java"), reason="there is no java on this machine")
def test_the_installed_class_path_starts_the_daemon() -> None:
    """A java finds the daemon on the class path, and the daemon asks for a properties file."""
    command = ["java", "-cp", kclpy_jars.class_path(), kclpy_jars.MAIN_CLASS]
    result = subprocess.run(command, capture_output=True, encoding="utf-8", check=False, timeout=60)
    assert result.returncode == 1
    assert "properties file" in result.stdout + result.stderr
    assert "ClassNotFoundException" not in result.stderr


def test_public_names_are_those_that_are_promised() -> None:
    """Every name of __all__ exists, and an unknown one is an AttributeError as anywhere."""
    for name in kclpy_jars.__all__:
        assert getattr(kclpy_jars, name) is not None
    with pytest.raises(AttributeError, match="has no attribute 'nonsense'"):
        _ = kclpy_jars.nonsense
