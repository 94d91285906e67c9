"""A worker's name is one worker's on a host, and the same at the next start; each holder is a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from kclpy_helper import worker
from kclpy_helper.errors import WorkerRunsError
from kclpy_helper.properties import Properties

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the holders are told to end with a signal")

# Holds a name, with a daemon that keeps the lock open and outlives it where it is killed.
HOLDER = """
import subprocess, sys
from pathlib import Path
from kclpy_helper import worker
from kclpy_helper.daemon import Daemon
from kclpy_helper.properties import Properties
values = dict(pair.split("=") for pair in sys.argv[2:])
with worker.named(Properties(Path(), values), lambda level, text: None, patience=0) as (app, lock):
    code = "import signal, sys, time; signal.signal(signal.SIGTERM, lambda *_: (time.sleep(float(sys.argv[1])), sys.exit()))\\n"
    code += "print('ready', flush=True); time.sleep(60)"
    with Daemon([sys.executable, "-c", code, sys.argv[1]], lambda line: print(app.values["workerId"], flush=True), lock=lock) as daemon:
        print(daemon.pid, flush=True)
        daemon.wait()
"""


class Holder:
    """A process that holds a worker's name, until it is killed."""

    def __init__(self, folder: Path, *pairs: str, daemon_seconds: float = 0) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", HOLDER, str(daemon_seconds), *pairs],
            env={**os.environ, "XDG_RUNTIME_DIR": str(folder)},
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout
        # Two threads of it write, in any order.
        lines = sorted((self.process.stdout.readline().strip() for _ in range(2)), key=str.isdigit)
        self.name, self.daemon = lines[0], int(lines[1])

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's runtime folder."""
    folder = tmp_path / "runtime"
    folder.mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
    return folder


@pytest.fixture
def hold(folder: Path) -> Iterator[type[Holder]]:
    """Makes holders, and ends them."""
    started = []

    class Started(Holder):
        def __init__(self, *pairs: str, daemon_seconds: float = 0) -> None:
            super().__init__(folder, *pairs, daemon_seconds=daemon_seconds)
            started.append(self)

    yield Started
    for holder in started:
        holder.kill()
        holder.process.communicate()  # its end is the daemon's, too


def take(*pairs: str, patience: float = 0) -> tuple[str, list[str]]:
    """Take a name; which, and what was said."""
    said: list[str] = []
    values = dict(pair.split("=") for pair in pairs)
    with worker.named(Properties(Path(), values), lambda _, text: said.append(text), patience=patience) as (app, _):
        return app.values.get("workerId", ""), said


@pytest.mark.usefixtures("folder")
def test_a_name_is_the_same_at_each_start() -> None:
    """So that a worker that comes back takes up its leases at once."""
    assert take("applicationName=a") == take("applicationName=a")


def test_a_second_worker_on_a_host_has_another_name(hold: type[Holder]) -> None:
    """Also the same at each start; the first is free again when its worker has ended."""
    first = hold("applicationName=a")
    second, _ = take("applicationName=a")
    assert second == f"{first.name}-2"
    assert take("applicationName=other")[0] == first.name


def test_names_differ_where_locks_cannot_be_shared(folder: Path, tmp_path: Path) -> None:
    """As another user's or another container's."""
    assert next(worker.names(folder)) != next(worker.names(tmp_path / "other"))


def test_a_name_that_is_taken_is_refused_with_the_process_that_has_it(hold: type[Holder]) -> None:
    """Two workers of one name would fight for the same leases."""
    first = hold("applicationName=a", "workerId=w")
    with pytest.raises(WorkerRunsError, match=f"the worker w .* already, as process {first.process.pid}") as caught:
        take("applicationName=a", "workerId=w")
    assert caught.value.pid == first.process.pid


@pytest.mark.parametrize(
    "pairs",
    [
        ["applicationName=b", "workerId=w"],
        ["applicationName=a", "workerId=v"],
        ["applicationName=a", "workerId=w", "tableName=t"],
        ["applicationName=a", "workerId=w", "regionName=eu-west-1"],
        ["applicationName=a", "workerId=w", "dynamoDBEndpoint=http://127.0.0.1:1"],
    ],
)
def test_another_table_is_another_worker(hold: type[Holder], pairs: list[str]) -> None:
    """A name counts within one lease table."""
    hold("applicationName=a", "workerId=w")
    assert take(*pairs)[0] in {"v", "w"}


@pytest.mark.usefixtures("folder")
def test_the_other_name_of_the_key_counts() -> None:
    """KCL 2 and 3 take workerIdentifier too; nothing is set beside it."""
    assert take("applicationName=a", "workerIdentifier=w") == ("", [])


@pytest.mark.parametrize(("daemon_seconds", "patience"), [(1, 30), (60, 0.5)], ids=["in its time", "not in its time"])
def test_the_daemon_of_a_run_that_was_killed_is_ended(
    hold: type[Holder], daemon_seconds: float, patience: float
) -> None:
    """It is given time for its last checkpoints."""
    first = hold("applicationName=a", "workerId=w", daemon_seconds=daemon_seconds)
    first.kill()
    name, said = take("applicationName=a", "workerId=w", patience=patience)
    assert name == "w"
    assert said == [
        f"ending the daemon that an earlier kclpy-helper left behind, process {first.daemon}, within {patience:.0f} s"
    ]
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(first.daemon)], capture_output=True, text=True, check=False)
    assert state.stdout[:1] in {"", "Z"}


def test_who_has_no_name_to_keep_leaves_a_daemon_its_name(hold: type[Holder]) -> None:
    """Until it has ended."""
    first = hold("applicationName=a", daemon_seconds=60)
    first.kill()
    assert take("applicationName=a")[0] == f"{first.name}-2"
    os.kill(first.daemon, signal.SIGKILL)


def test_without_a_place_for_locks_the_name_is_a_random_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And it is said what that means."""
    (tmp_path / "file").touch()
    monkeypatch.setattr(worker, "user_runtime_path", lambda _: tmp_path / "file" / "kclpy")
    first, said = take("applicationName=a")
    assert first != take("applicationName=a")[0]
    assert said[0].startswith("a second worker of the same name would not be noticed")
    assert take("applicationName=a", "workerId=w")[0] == "w"
