"""What the demo does when it cannot show what it should; that it can is shown in e2e."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import sysconfig
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from kclpy_samples.demonstration import DemoError, compare
from kclpy_samples.wordcount import ShardCounts
from kclpy_samples.wordputter import Put

if TYPE_CHECKING:
    from collections.abc import Callable

    Run = Callable[..., subprocess.CompletedProcess[str]]

DEMO = Path(sysconfig.get_path("scripts"), "kclpy-demo")


@pytest.fixture
def demo(tmp_path: Path) -> Run:
    """The installed demo, with a java that says a line and exits 3, and its temporary folders in sight."""
    java = tmp_path / "home" / "bin" / "java"
    java.parent.mkdir(parents=True)
    java.write_text(f"#!{sys.executable}\nimport sys\nif sys.argv[1:] != ['-version']: sys.exit('no daemon today')\n")
    java.chmod(0o755)
    temporary = tmp_path / "temporary"
    temporary.mkdir()

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [DEMO, *arguments],
            env={**os.environ, "JAVA_HOME": str(tmp_path / "home"), "TMPDIR": str(temporary), "NO_COLOR": "1"},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert list(temporary.iterdir()) == []
        return done

    return run


pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the java here is a POSIX script")


def test_a_daemon_that_ends_by_itself_is_a_failure(demo: Run, tmp_path: Path) -> None:
    """Exit code 1, the state that was reached, the end of the daemon's log, and where the whole of it is."""
    done = demo("--log-file", "daemon.log", "--records", "10")
    assert (done.returncode, done.stdout) == (1, "")
    assert "kclpy-demo: the MultiLangDaemon ended by itself with 1: leases 0 of 0 taken" in done.stderr
    assert "The end of the MultiLangDaemon's log:\n  no daemon today\nThe whole of it: daemon.log\n" in done.stderr
    assert (tmp_path / "daemon.log").read_text() == "no daemon today\n"


def test_keep_leaves_the_local_aws_running_and_says_how_to_talk_to_it(demo: Run) -> None:
    """After a failure too: the printed variables work, and the printed command ends it."""
    done = demo("--keep", "--records", "10", "--shards", "3")
    pid = re.search(r"kill (\d+)", done.stdout)
    assert pid
    try:
        variables = dict(re.findall(r"export (\w+)=(.*)", done.stdout))
        asked = "import boto3; print(len(boto3.client('kinesis').list_shards(StreamName='words')['Shards']))"
        shards = subprocess.run(
            [sys.executable, "-c", asked], env={**os.environ, **variables}, capture_output=True, text=True, check=True
        )
        assert shards.stdout == "3\n"
    finally:
        os.kill(int(pid[1]), signal.SIGTERM)


@pytest.mark.parametrize("arguments", [["--records", "0"], ["--shards", "x"], ["--nonsense"]], ids=" ".join)
def test_a_wrong_command_line_exits_2(demo: Run, arguments: list[str]) -> None:
    """Usage on stderr, nothing started."""
    done = demo(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("usage: kclpy-demo")


def test_a_log_file_that_cannot_be_written_is_named(demo: Run) -> None:
    """Before anything is started."""
    done = demo("--log-file", "no/such/folder/log")
    assert done.returncode == 1
    assert "no/such/folder/log" in done.stderr
    assert "Traceback" not in done.stderr


def test_without_the_extra_it_says_what_to_install() -> None:
    """The missing modules, and the pip command."""
    code = "import sys; sys.modules['moto'] = None; from kclpy_samples.demo import main; main()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "kclpy-demo: moto not installed. Next: pip install 'kclpy-samples[local]'\n"


PUT = Put(Counter(cat=2, dog=1), Counter({"shardId-0": 2, "shardId-1": 1}))


def shard(*, asked: bool = True, **words: int) -> ShardCounts:
    return ShardCounts(Counter(words), (1, 0), asked)


def test_equal_counts_are_accepted() -> None:
    """A shard that got no record may have none."""
    compare(PUT, {"shardId-0": shard(cat=2), "shardId-1": shard(dog=1), "shardId-2": shard()})


@pytest.mark.parametrize(
    ("shards", "reason"),
    [
        ({"shardId-0": shard(cat=2), "shardId-1": shard(dog=2)}, "'dog': 2"),
        ({"shardId-0": shard(cat=2), "shardId-1": shard()}, "but put"),
        ({"shardId-0": shard(cat=1), "shardId-1": shard(cat=1, dog=1)}, "by shard"),
        ({"shardId-0": shard(cat=2), "shardId-1": shard(dog=1, asked=False)}, "no shutdownRequested .* shardId-1"),
    ],
    ids=["one too many", "one too few", "another shard", "not asked"],
)
def test_any_difference_is_a_failure(shards: dict[str, ShardCounts], reason: str) -> None:
    """Counted too often, too seldom, or in another shard, or not told of the end."""
    with pytest.raises(DemoError, match=reason):
        compare(PUT, shards)
