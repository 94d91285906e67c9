"""The demo, whole: a local AWS, the real MultiLangDaemon, two shards, 1,000 records."""

from __future__ import annotations

import re
import signal
import socket
import sys
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from kclpy_jars import KCL_VERSION

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import Any

    Watch = Callable[..., Any]
    Demo = tuple[Any, Path, float]

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="what is left behind is looked for in /proc"),
    pytest.mark.timeout(400),
]


@pytest.fixture(scope="module")
def demo(watch: Watch, tmp_path_factory: pytest.TempPathFactory) -> Demo:
    """One run for all tests of this module, at its end; its log; its exit code and its seconds."""
    log = tmp_path_factory.mktemp("demo") / "daemon.log"
    run = watch("kclpy-demo", "--records", "1000", "--shards", "2", "--log-file", log)
    code, seconds = run.wait()
    assert code == 0, f"{run.stderr}\nThe daemon's log:\n{log.read_text() if log.exists() else ''}"
    return run, log, seconds


def assert_nothing_is_left(run: Any) -> None:
    """No process, no temporary folder, and nobody at the local AWS's port."""
    assert run.processes() == []
    assert list(run.temporary.iterdir()) == []
    url = urlsplit(re.findall(r"http://127.0.0.1:\d+", run.stderr)[0])
    with socket.socket() as client:
        assert client.connect_ex((url.hostname, url.port)) != 0


def test_what_is_counted_is_what_was_put(demo: Demo) -> None:
    """The table has what was put and what was counted: of each word, in each shard, and in all."""
    run, _, _ = demo
    rows = {row[0]: [int(cell) for cell in row[1:]] for row in re.findall(r"│ (.+?) +│ +(\d+) │ +(\d+) │", run.stdout)}
    assert rows == {
        "bird": [250, 250],
        "cat": [250, 250],
        "dog": [250, 250],
        "lobster": [250, 250],
        "shardId-000000000000": [500, 500],
        "shardId-000000000001": [500, 500],
        "in all": [1000, 1000],
    }


def test_it_takes_less_than_two_minutes(demo: Demo) -> None:
    """The KCL's own wait on a new lease table, up to 30 s, included."""
    assert demo[2] < 120


def test_each_step_is_shown(demo: Demo) -> None:
    """Off a terminal, stderr has a line for each step and each change: stream, leases, shards, records, shutdown."""
    steps = [
        r"local Kinesis, DynamoDB and CloudWatch at http://127\.0\.0\.1:\d+",
        "stream words: 2 shards, 1000 records put",
        rf"MultiLangDaemon {KCL_VERSION} started with /.*java.*, process \d+",
        "leases 0 of 0 taken, shards 0 of 2 started, records 0 of 1000 counted",
        "leases 2 of 2 taken, shards 2 of 2 started, records 1000 of 1000 counted",
        "MultiLangDaemon ended with 143, shutdownRequested seen by 2 of 2 shards",
    ]
    assert re.search(".*".join(steps), demo[0].stderr, re.DOTALL), demo[0].stderr
    assert "\x1b" not in demo[0].stderr + demo[0].stdout


def test_the_log_has_each_line_of_a_child_once(demo: Demo) -> None:
    """Without our log configuration a line comes twice, once as an error."""
    log = demo[1].read_text()
    lines = re.findall(r".*starting at TRIM_HORIZON", log)
    assert sorted(lines) == [f"wordcount: shardId-00000000000{shard}: starting at TRIM_HORIZON" for shard in (0, 1)], (
        log
    )
    assert len(re.findall("shutdown requested$", log, re.MULTILINE)) == 2, log


def test_nothing_is_left_after_the_end(demo: Demo) -> None:
    """Processes, ports, temporary folders."""
    assert_nothing_is_left(demo[0])


@pytest.mark.parametrize(
    ("signum", "moment"),
    [(signal.SIGTERM, f"MultiLangDaemon {KCL_VERSION} started"), (signal.SIGINT, "shards 2 of 2 started")],
    ids=["SIGTERM as the daemon starts", "Ctrl-C while the shards run"],
)
def test_nothing_is_left_after_an_interruption(watch: Watch, signum: signal.Signals, moment: str) -> None:
    """The signal reaches the whole process group; the exit code is the shell's for it."""
    run = watch("kclpy-demo", "--records", "20000")
    run.wait_for(moment)
    run.interrupt(signum)
    code, _ = run.wait(60)
    assert code == 128 + signum, run.stderr
    assert f"kclpy-demo: stopped by {signum.name}" in run.stderr
    assert run.stdout == ""
    assert_nothing_is_left(run)
