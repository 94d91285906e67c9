"""`kclpy-helper init`: the first two files of an application."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from kclpy_helper import properties

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Run = Callable[..., subprocess.CompletedProcess[str]]

INITIALIZE = '{"action":"initialize","shardId":"shardId-0","sequenceNumber":"TRIM_HORIZON","subSequenceNumber":0}\n'
NAMES = ("--stream", "words", "--application", "words-app", "--region", "eu-central-1")


def test_the_files_pass_the_check(run: Run, tmp_path: Path) -> None:
    """Stdout has their paths, and stderr what to do next; the check finds nothing."""
    done = run("init", "new", *NAMES)
    assert (done.returncode, done.stdout.split()) == (0, [f"new{os.sep}app.properties", f"new{os.sep}processor.py"])
    assert f"Next, in {tmp_path / 'new'}:" in done.stderr
    app = properties.read(tmp_path / "new" / "app.properties")
    assert [app.values[key] for key in ("streamName", "applicationName", "regionName")] == [*NAMES[1::2]]
    checked = run("check", app.path)
    assert (checked.returncode, checked.stdout) == (0, "")


def test_the_application_is_named_after_the_stream(run: Run, tmp_path: Path) -> None:
    """Without names of your own the files still go together; the folder is the present one."""
    assert run("init", env={"AWS_REGION": "eu-west-1"}).returncode == 0
    values = properties.read(tmp_path / "app.properties").values
    assert (values["streamName"], values["applicationName"], values["regionName"]) == (
        "my-stream",
        "my-stream-app",
        "eu-west-1",
    )


def test_names_are_written_as_java_reads_them(run: Run, tmp_path: Path) -> None:
    """Backslashes and letters beyond ISO 8859-1 come back as they were given."""
    run("init", "--stream", "a\\b", "--application", "日本")
    values = properties.read(tmp_path / "app.properties").values
    assert (values["streamName"], values["applicationName"]) == ("a\\b", "日本")


@pytest.mark.parametrize("name", ["app.properties", "processor.py"])
def test_what_is_there_stays_unless_force_is_said(run: Run, tmp_path: Path, name: str) -> None:
    """With one of the files there, none is written."""
    (tmp_path / name).write_text("mine")
    done = run("init")
    assert (done.returncode, done.stdout) == (1, "")
    assert f"{name} is there already" in done.stderr
    assert [path.read_text() for path in tmp_path.iterdir()] == ["mine"]
    assert run("init", "--force").returncode == 0
    assert (tmp_path / name).read_text() != "mine"


def test_a_folder_that_cannot_be_made_is_named(run: Run, tmp_path: Path) -> None:
    """With the reason."""
    (tmp_path / "file").touch()
    done = run("init", f"file{os.sep}new")
    assert (done.returncode, done.stdout) == (1, "")
    assert f"file{os.sep}new: " in done.stderr


def test_the_processor_is_one(run: Run, tmp_path: Path) -> None:
    """Started as the properties say, in its folder, it answers the daemon's first message."""
    run("init")
    program, *arguments = properties.read(tmp_path / "app.properties").executable_name.split(" ")
    assert program == "python"
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=tmp_path,
        input=INITIALIZE,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (0, '{"action":"status","responseFor":"initialize"}\n')


def test_the_processor_is_typed(run: Run, tmp_path: Path) -> None:
    """Strict as a type checker may be, it has nothing to say."""
    pytest.importorskip("mypy")
    run("init")
    command = [sys.executable, "-m", "mypy", "--strict", "processor.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
