"""What the tests of kclpy-core share: a peer made of a list of lines, and real child processes with real pipes."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import ExitStack
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import hypothesis
import kclpy
import pytest
from hypothesis.configuration import set_hypothesis_home_dir
from kclpy.child import Child
from kclpy.codec import decode_child, encode
from kclpy.failure import Backoff, Stop
from kclpy.messages import CheckpointReply, Initialize, Message, ProcessRecords, Record
from kclpy.processors import checked

hypothesis.settings.register_profile("kclpy", deadline=None, database=None)
hypothesis.settings.load_profile("kclpy")


HYPOTHESIS_HOME = TemporaryDirectory()
set_hypothesis_home_dir(HYPOTHESIS_HOME.name)


def pytest_unconfigure():
    """Hypothesis leaves no folder in the tree."""
    HYPOTHESIS_HOME.cleanup()


@pytest.fixture(scope="session")
def source():
    """The folder of the package `kclpy`; `amazon_kclpy` lies beside it."""
    return Path(kclpy.__file__).parent


class Peer:
    """The daemon's end as a list: it sends `lines` in turn (a callable is asked for its line), then the end."""

    def __init__(self, *lines):
        self.lines = list(lines)
        self.written = []

    def read_line(self):
        line = self.lines.pop(0) if self.lines else b""
        if callable(line):
            line = line()
        return encode(line) if isinstance(line, Message) else line

    def write_line(self, line):
        self.written.append(line)

    @property
    def sent(self):
        """What the child has sent, as the daemon understands it."""
        return [decode_child(line) for line in self.written]


@pytest.fixture
def peer():
    """Make a `Peer` of lines, or of messages."""
    return Peer


@pytest.fixture
def make_child():
    """Make a `Child` that does not wait between attempts; by default one attempt, and then `Stop`."""
    with ExitStack() as stack:

        def make(lines, processor, on_error=None, checkpoint=None, attempts=1, **options):
            child = Child(
                lines,
                checked(processor),
                on_error or Stop(attempts=attempts, base=0),
                checkpoint,
                backoff=Backoff(attempts=attempts, base=0, cap=0),
                **options,
            )
            stack.callback(child.close)
            return child

        yield make


@pytest.fixture
def converse(make_child):
    """Let a processor answer messages up to the end of the stream; what it sent."""

    def run(processor, *messages, **options):
        lines = Peer(*messages)
        child = make_child(lines, processor, **options)
        while child.step():
            pass
        return lines.sent

    return run


@pytest.fixture
def batch():
    """Make the message for a batch of records with these sequence numbers."""

    def make(*sequence_numbers, millis_behind_latest=0):
        return ProcessRecords(
            [Record(str(number), "key", "YQ==", 0, 1_700_000_000_000) for number in sequence_numbers],
            millis_behind_latest,
        )

    return make


class Finished(NamedTuple):
    """What a child process has left."""

    stdout: bytes
    stderr: str
    exit_code: int

    @property
    def sent(self):
        """What it sent, each line by the daemon's own rules: a stray byte on the pipe makes this raise."""
        return [decode_child(line) for line in self.stdout.splitlines(keepends=True)]


class ChildProcess:
    """A program under real pipes, as the daemon starts it."""

    def __init__(self, arguments, folder, environment, **options):
        self.error_file = folder / "stderr"
        with self.error_file.open("wb") as stderr:
            options.setdefault("stdin", subprocess.PIPE)
            options.setdefault("stdout", subprocess.PIPE)
            self.process = subprocess.Popen(
                [sys.executable, *arguments], cwd=folder, env=environment, stderr=stderr, **options
            )

    def send(self, message):
        """Send a message, or a line as it is."""
        self.process.stdin.write(encode(message) if isinstance(message, Message) else message)
        self.process.stdin.flush()

    def answer(self):
        """The child's next message."""
        return decode_child(self.process.stdout.readline())

    def finish(self, lines=b""):
        """Send `lines`, close the pipe, and wait for the end."""
        stdout, _ = self.process.communicate(lines)
        return Finished(stdout or b"", self.stderr, self.process.returncode)

    @property
    def stderr(self):
        """What the child has written to stderr so far."""
        return self.error_file.read_text("utf-8", "backslashreplace")


@pytest.fixture
def child_environment(source):
    """The environment of a child process; the sources are on its path only if they are not installed."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("KCLPY_")}
    try:
        distribution("kclpy-core")
    except PackageNotFoundError:
        environment["PYTHONPATH"] = str(source.parent)
    return environment


@pytest.fixture
def start_child(tmp_path, child_environment):
    """Start a program's text as a child process; what is still alive at the end of the test is killed."""
    with ExitStack() as stack:

        def start(program="", *flags, arguments=None, environment=None, **options):
            (tmp_path / "program.py").write_text(program, "utf-8")
            child = ChildProcess(
                [*flags, *(arguments or ["program.py"])],
                tmp_path,
                {**child_environment, **(environment or {})},
                **options,
            )
            stack.enter_context(child.process)
            stack.callback(child.process.kill)
            return child

        yield start


@pytest.fixture
def run_child(start_child):
    """Run a program's text over `messages` (or lines) up to its end."""

    def run(program, *messages, **options):
        lines = b"".join(encode(item) if isinstance(item, Message) else item for item in messages)
        return start_child(program, **options).finish(lines)

    return run


INITIALIZE = Initialize("shardId-000000000000", "TRIM_HORIZON", 0)


@pytest.fixture
def initialize():
    """The daemon's first message."""
    return INITIALIZE


@pytest.fixture
def succeeded():
    """The daemon's answer to a checkpoint that succeeded."""
    return CheckpointReply("1", 0)


@pytest.fixture
def refused():
    """Make the daemon's answer to a checkpoint that failed with this Java exception."""
    return lambda error: CheckpointReply(None, None, error)
