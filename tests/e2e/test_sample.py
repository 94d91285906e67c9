"""The sample application, unedited, started by the command that kclpy-helper prints."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from kclpy_jars import KCL_VERSION
from kclpy_samples.local import local_aws

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    Watch = Callable[..., Any]

SCRIPTS = Path(sysconfig.get_path("scripts"))

pytestmark = [
    pytest.mark.timeout(400),
    pytest.mark.skipif(sys.platform == "win32", reason="the printed command is pasted into a POSIX shell"),
    pytest.mark.skipif(KCL_VERSION.startswith("1."), reason="the sample's properties are for KCL 2 and 3"),
]


WITHOUT_SCRIPTS = os.pathsep.join(path for path in os.environ["PATH"].split(os.pathsep) if Path(path) != SCRIPTS)
PATHS = {"activated": os.pathsep.join([str(SCRIPTS), WITHOUT_SCRIPTS]), "not activated": WITHOUT_SCRIPTS}


@pytest.fixture
def aws_variables() -> Iterator[dict[str, str]]:
    """The variables of a local AWS that has two words in its stream `words`."""
    with local_aws() as aws:
        subprocess.run(
            [SCRIPTS / "kclpy-wordputter", "-s", "words", "-w", "cat", "-w", "dog", "--shards", "2"],
            env={**os.environ, **aws.environment},
            capture_output=True,
            check=True,
        )
        yield aws.environment


def printed_command(path: str) -> str:
    done = subprocess.run(
        [SCRIPTS / "kclpy-helper", "--print_command", "--sample"],
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    return done.stdout


@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS)
def test_the_printed_command_is_one_line_of_paths_that_exist(path: str) -> None:
    """Every entry of its class path is there."""
    line = printed_command(path)
    assert line.count("\n") == 1
    words = shlex.split(line)
    class_path = words[words.index("-cp") + 1].split(os.pathsep)
    assert [entry for entry in class_path if not Path(entry).exists()] == []


def test_the_printed_command_starts_the_daemon(aws_variables: dict[str, str], watch: Watch) -> None:
    """Pasted where the environment is activated, it is the real daemon on the sample's properties."""
    path = PATHS["activated"]
    run = watch("/bin/sh", "-c", printed_command(path), env={**aws_variables, "PATH": path})
    run.wait_for("Running words-app to process stream words with executable kclpy-wordcount")


def test_the_printed_command_runs_the_sample(aws_variables: dict[str, str], watch: Watch) -> None:
    """Pasted where the environment is not activated, the daemon finds the sample's program and counts the words."""
    path = PATHS["not activated"]
    run = watch("/bin/sh", "-c", f"exec {printed_command(path)}", env={**aws_variables, "PATH": path})
    run.wait_for("records, 0 ms behind; cat 1", "records, 0 ms behind; dog 1")
    run.interrupt(signal.SIGTERM)
    code, _ = run.wait()
    assert code == 143, run.stderr
    assert run.stderr.count(": shutdown requested\n") == 2, run.stderr
