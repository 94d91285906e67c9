"""The deployment files: what they start exists, and they wait long enough for a stop."""

from __future__ import annotations

import configparser
import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml
from kclpy_helper.application import DEFAULTS
from kclpy_helper.commands.run import command
from kclpy_helper.daemon import LEFTOVER_SECONDS
from kclpy_helper.supervisor import EXIT_SECONDS

DEPLOY = Path(__file__).parents[2] / "deploy"
GRACE_SECONDS = int(DEFAULTS["shutdownGraceMillis"]) / 1000


def service() -> configparser.SectionProxy:
    unit = configparser.ConfigParser(interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read(DEPLOY / "words.service", encoding="utf-8")
    return unit["Service"]


def pod() -> dict[str, Any]:
    (document,) = yaml.safe_load_all((DEPLOY / "kubernetes.yaml").read_text(encoding="utf-8"))
    found: dict[str, Any] = document["spec"]["template"]["spec"]
    return found


def entry_point() -> list[str]:
    (line,) = re.findall(r"^ENTRYPOINT (.*)$", (DEPLOY / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE)
    words: list[str] = json.loads(line)
    return words


@pytest.mark.parametrize(
    "seconds",
    [int(service()["TimeoutStopSec"]), pod()["terminationGracePeriodSeconds"]],
    ids=["systemd", "Kubernetes"],
)
def test_a_stop_is_given_as_long_as_it_may_take(seconds: int) -> None:
    """And some seconds more, on a busy host."""
    assert seconds >= GRACE_SECONDS + EXIT_SECONDS + LEFTOVER_SECONDS + 5


def test_only_the_helper_is_signalled() -> None:
    """The processors' processes would be told by the daemon."""
    assert service()["KillMode"] == "mixed"


@pytest.mark.parametrize("words", [shlex.split(service()["ExecStart"]), entry_point()], ids=["systemd", "Docker"])
def test_what_is_started_is_a_command_that_there_is(words: list[str]) -> None:
    """Its options are those of kclpy-helper run."""
    assert (Path(words[0]).name, words[1]) == ("kclpy-helper", "run")
    command.make_context("run", words[2:]).close()


def test_the_variables_are_those_that_run_reads() -> None:
    """A misspelt one would be ignored."""
    (container,) = pod()["containers"]
    names = [entry["name"] for entry in container["env"]]
    assert names == ["KCLPY_STREAM", "KCLPY_APPLICATION", "KCLPY_REGION", "KCLPY_SET_workerId"]
    assert service()["Environment"] == "KCLPY_SET_workerId=%H"
